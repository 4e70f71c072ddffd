"""The use cases that routes call, put together by bootstrap."""

from dataclasses import dataclass

from oblivion_gateway.usecases.authenticate import Authenticate
from oblivion_gateway.usecases.issue_tokens import IssueTokens
from oblivion_gateway.usecases.limit_requests import LimitRequests
from oblivion_gateway.usecases.requests import Requests
from oblivion_platform.tokens import TokenKeys


@dataclass(frozen=True)
class Services:
    """One process's use cases."""

    authenticate: Authenticate
    issue_tokens: IssueTokens
    token_keys: TokenKeys
    limits: LimitRequests
    requests: Requests
    own_origins: frozenset[str]
    """Origins whose pages are this system's own."""
