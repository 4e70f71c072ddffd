"""The part of the composition root that constructs what stands behind REST."""

from dataclasses import dataclass

from fastapi import FastAPI

from oblivion_contracts.administration import Tenants
from oblivion_contracts.jobs import WEBHOOK_PROCESSING
from oblivion_gateway.adapters.aftermath import RedisAftermath
from oblivion_gateway.adapters.answers import PostgresAnswers
from oblivion_gateway.adapters.hints import CountedStreams, RunHints
from oblivion_gateway.adapters.identity_providers import IdentityProviders
from oblivion_gateway.adapters.place_readings import QueuedPlaceReadings
from oblivion_gateway.adapters.tenants import PostgresTenants
from oblivion_gateway.adapters.token_reviews import ClusterTokenReviews
from oblivion_gateway.routes.application import Surroundings, make_application
from oblivion_gateway.routes.services import Services
from oblivion_gateway.settings import Settings
from oblivion_gateway.usecases.administer import LookAround, ManageEvents, ManageMappings, ManagePeople
from oblivion_gateway.usecases.agents import ManageAgents
from oblivion_gateway.usecases.authenticate import Authenticate
from oblivion_gateway.usecases.check_setup import CheckSetup
from oblivion_gateway.usecases.converse import Converse
from oblivion_gateway.usecases.find_places import FindPlaces
from oblivion_gateway.usecases.issue_tokens import IssueTokens
from oblivion_gateway.usecases.limit_requests import LimitRequests, PerMinute
from oblivion_gateway.usecases.prove_operator import ProveOperator
from oblivion_gateway.usecases.read_history import ReadHistory
from oblivion_gateway.usecases.requests import Requests
from oblivion_gateway.usecases.route_messages import RouteMessages
from oblivion_gateway.usecases.run_workflows import RunWorkflows
from oblivion_gateway.usecases.runs import FollowRuns
from oblivion_gateway.usecases.serve_operator import ServeOperator
from oblivion_gateway.usecases.set_tenant import SetTenant
from oblivion_gateway.usecases.sign_in import SignIn
from oblivion_gateway.usecases.stream_runs import Hints, StreamRuns, StreamTerms
from oblivion_gateway.usecases.watch_work import OpenBreakers, WatchWork
from oblivion_platform.agents import AgentDirectory, SecretHasher
from oblivion_platform.database.engine import Database
from oblivion_platform.feed import Teller
from oblivion_platform.health import Health
from oblivion_platform.jobs import JobPolicy
from oblivion_platform.operations.reports import list_tenants
from oblivion_platform.presence import Presence
from oblivion_platform.queue import JobQueue
from oblivion_platform.runs import RunSignals, run_queue
from oblivion_platform.sessions import SessionCache, Sessions
from oblivion_platform.tokens import TokenKeys, Tokens


@dataclass(frozen=True)
class RestParts:
    """What the rest of the gateway has already."""

    database: Database
    directory: AgentDirectory
    hasher: SecretHasher
    token_keys: TokenKeys
    tokens: Tokens
    authenticate: Authenticate
    limits: LimitRequests
    per_minute: PerMinute
    feed: Teller
    breakers: OpenBreakers
    history: ReadHistory


class RestGateway:
    """The REST side of one gateway process."""

    def __init__(self, settings: Settings, parts: RestParts) -> None:
        redis_url = settings.redis_url.get_secret_value()
        self._settings = settings
        self._parts = parts
        self._presence = Presence(redis_url)
        self._copies = SessionCache(redis_url)
        self._tenants = PostgresTenants(parts.database)
        self._token_reviews = ClusterTokenReviews()
        self._aftermath = RedisAftermath(
            RunSignals(redis_url, parts.feed),
            run_queue(redis_url),
            JobQueue(WEBHOOK_PROCESSING, redis_url, JobPolicy()),
            self._copies,
        )
        self._place_readings = QueuedPlaceReadings(redis_url)
        self.hints = Hints()
        self._run_hints = RunHints(redis_url, self.hints)

    def application(self, health: Health) -> FastAPI:
        settings = self._settings
        return make_application(
            self._services(),
            health,
            Surroundings(
                cors_origins=settings.allowed_origins,
                proxies_in_front=settings.proxies_in_front,
                cookie_key=settings.master_key_ring().derived("sign-in cookies")[0].hex(),
                is_https=settings.public_url.startswith("https:"),
            ),
        )

    def start(self) -> None:
        self._run_hints.start()

    def drain(self) -> None:
        """End the event streams: whoever follows connects to another replica and goes on there."""
        self.hints.close()

    async def close(self) -> None:
        await self._run_hints.close()
        await self._aftermath.close()
        await self._place_readings.close()
        await self._presence.close()
        await self._token_reviews.close()

    def _services(self) -> Services:
        settings, parts = self._settings, self._parts
        requests = Requests(parts.database, PostgresAnswers(settings.master_key_ring()))
        return Services(
            authenticate=parts.authenticate,
            issue_tokens=IssueTokens(parts.database, parts.hasher, parts.tokens),
            token_keys=parts.token_keys,
            limits=parts.limits,
            requests=requests,
            agents=ManageAgents(parts.hasher, self._presence, parts.feed),
            runs=FollowRuns(self._aftermath, settings.trace_url),
            streams=StreamRuns(
                parts.database,
                self.hints,
                CountedStreams(),
                parts.authenticate.still,
                StreamTerms(settings.sse_heartbeat_s, settings.sse_streams_max),
            ),
            sessions=Converse(Sessions(parts.database, self._copies), self._aftermath),
            history=parts.history,
            workflows=RunWorkflows(self._aftermath),
            routes=RouteMessages(parts.directory),
            people=ManagePeople(),
            mappings=ManageMappings(),
            places=FindPlaces(requests, self._place_readings),
            events=ManageEvents(self._aftermath),
            reports=LookAround(),
            work=WatchWork(parts.breakers),
            tenant=SetTenant(parts.per_minute),
            first_steps=CheckSetup(self._presence),
            tenants=self._list_tenants,
            operator=ServeOperator(parts.database, parts.hasher, self._tenants, self._presence),
            prove_operator=ProveOperator(
                self._token_reviews if settings.operator_account else None, settings.operator_account
            ),
            sign_in=SignIn(
                parts.database,
                self._tenants,
                settings.oidc_just_in_time_role or None,
            ),
            providers=IdentityProviders(settings),
            development_login=settings.development_login,
            public_url=settings.public_url.rstrip("/"),
            own_origins=settings.own_origins,
        )

    async def _list_tenants(self) -> Tenants:
        async with self._parts.database.shared() as tx:
            return Tenants(items=await list_tenants(tx))
