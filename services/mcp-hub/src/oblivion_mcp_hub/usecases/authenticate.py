"""A token or a browser's cookie → who asks, and whether they still may.

Tools are for tokens that were made out to the hub; a token for the API opens connections and nothing else, so
that what an agent or a page holds for one is of no use at the other. None of them is ever passed on.
"""

import time
from collections.abc import Callable
from typing import Protocol
from uuid import UUID

from cachetools import TTLCache

from oblivion_mcp_hub.domain.callers import Caller, RunClaim
from oblivion_platform.agents import AgentDirectory
from oblivion_platform.tokens import API_AUDIENCE, HUB_AUDIENCE, Claims, TokenRefused, Tokens

PROVED_S = 30.0
"""For which a signature is not checked again; whether its holder still may is looked up each time."""
PROVED_KEPT = 5_000


class People(Protocol):
    """The signed-in people of all tenants."""

    async def user(self, tenant_id: UUID, user_id: UUID) -> Caller | None:
        """The user in the role that they have now, unless there is none or they are disabled."""
        ...

    async def of_cookie(self, cookie: str) -> Caller | None:
        """Whose browser session it is, unless it is over."""
        ...


class Authenticate:
    """Nobody is believed for longer than it takes to hear that they are disabled."""

    def __init__(
        self,
        tokens: Tokens,
        agents: AgentDirectory,
        people: People,
        now_unix_s: Callable[[], float] = time.time,
    ) -> None:
        self._tokens = tokens
        self._agents = agents
        self._people = people
        self._now_unix_s = now_unix_s
        self._proved: TTLCache[str, Claims] = TTLCache(PROVED_KEPT, PROVED_S)

    async def for_tools(self, token: str) -> Caller:
        """Raises:
        TokenRefused: forged, over, for somewhere else, or its holder is disabled.
        DependencyUnavailable: it could not be told.
        """
        claims = self._proved.get(token)
        if claims is None or claims.expires_at_unix_s <= self._now_unix_s():
            claims = self._proved[token] = await self._tokens.verify(token, audience=HUB_AUDIENCE)
        return await self._holder(claims)

    def forget_tokens(self, *_tenant_id: UUID) -> None:
        """Signing keys changed: every token is proved again."""
        self._proved.clear()

    async def for_api(self, token: str) -> Caller:
        """Raises: TokenRefused, DependencyUnavailable."""
        return await self._holder(await self._tokens.verify(token, audience=API_AUDIENCE))

    async def by_cookie(self, cookie: str) -> Caller:
        """Raises: TokenRefused: no live session has it."""
        caller = await self._people.of_cookie(cookie)
        if caller is None:
            raise TokenRefused
        return caller

    async def _holder(self, claims: Claims) -> Caller:
        kind, _, subject = claims.subject.partition(":")
        try:
            subject_id = UUID(subject)
        except ValueError:
            raise TokenRefused from None
        caller = await (self._agent if kind == "agent" else self._user)(claims, subject_id)
        if caller is None:
            raise TokenRefused
        return caller

    async def _agent(self, claims: Claims, agent_id: UUID) -> Caller | None:
        if claims.role not in {"agent", "run"} or not await self._agents.is_active(
            claims.tenant_id, agent_id
        ):
            return None
        return Caller(claims.tenant_id, "agent", agent_id, "agent", _run_of(claims))

    async def _user(self, claims: Claims, user_id: UUID) -> Caller | None:
        return await self._people.user(claims.tenant_id, user_id)


def _run_of(claims: Claims) -> RunClaim | None:
    """What the token of a run says of it. Raises: TokenRefused: it is one, and does not say it."""
    if claims.role != "run":
        return None
    run, fence = claims.all.get("run"), claims.all.get("fence")
    if not isinstance(run, str) or not isinstance(fence, int):
        raise TokenRefused
    try:
        return RunClaim(UUID(run), fence)
    except ValueError:
        raise TokenRefused from None
