"""The use cases that routes call, put together by bootstrap."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from starlette.requests import Request
from starlette.responses import Response

from oblivion_contracts.administration import Tenants
from oblivion_gateway.domain.identities import Identity
from oblivion_gateway.usecases.administer import LookAround, ManageEvents, ManageMappings, ManagePeople
from oblivion_gateway.usecases.agents import ManageAgents
from oblivion_gateway.usecases.authenticate import Authenticate
from oblivion_gateway.usecases.check_setup import CheckSetup
from oblivion_gateway.usecases.converse import Converse
from oblivion_gateway.usecases.find_places import FindPlaces
from oblivion_gateway.usecases.issue_tokens import IssueTokens
from oblivion_gateway.usecases.limit_requests import LimitRequests
from oblivion_gateway.usecases.prove_operator import ProveOperator
from oblivion_gateway.usecases.read_history import ReadHistory
from oblivion_gateway.usecases.requests import Requests
from oblivion_gateway.usecases.route_messages import RouteMessages
from oblivion_gateway.usecases.run_workflows import RunWorkflows
from oblivion_gateway.usecases.runs import FollowRuns
from oblivion_gateway.usecases.serve_operator import ServeOperator
from oblivion_gateway.usecases.set_tenant import SetTenant
from oblivion_gateway.usecases.sign_in import SignIn
from oblivion_gateway.usecases.stream_runs import StreamRuns
from oblivion_gateway.usecases.watch_work import WatchWork
from oblivion_platform.tokens import TokenKeys


class IdentityProviders(Protocol):
    """Who vouches for people."""

    @property
    def names(self) -> list[Literal["oidc", "slack"]]: ...

    async def begin(self, name: str, request: Request, redirect_uri: str) -> Response:
        """Raises: DependencyUnavailable."""
        ...

    async def finish(self, name: str, request: Request) -> Identity:
        """Raises: AuthenticationFailed, DependencyUnavailable."""
        ...


@dataclass(frozen=True)
class Services:
    """One process's use cases."""

    authenticate: Authenticate
    issue_tokens: IssueTokens
    token_keys: TokenKeys
    limits: LimitRequests
    requests: Requests
    agents: ManageAgents
    runs: FollowRuns
    streams: StreamRuns
    sessions: Converse
    history: ReadHistory
    workflows: RunWorkflows
    routes: RouteMessages
    people: ManagePeople
    mappings: ManageMappings
    places: FindPlaces
    events: ManageEvents
    reports: LookAround
    work: WatchWork
    tenant: SetTenant
    first_steps: CheckSetup
    tenants: Callable[[], Awaitable[Tenants]]
    operator: ServeOperator
    prove_operator: ProveOperator
    sign_in: SignIn
    providers: IdentityProviders
    development_login: bool
    public_url: str
    own_origins: frozenset[str]
    """Origins whose pages are this system's own."""
