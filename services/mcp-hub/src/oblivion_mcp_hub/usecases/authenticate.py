"""A token or a browser's cookie → who asks, and whether they still may.

Tools are for tokens that were made out to the hub; a token for the API opens connections and nothing else, so
that what an agent or a page holds for one is of no use at the other. None of them is ever passed on.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
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
        self._proved: TTLCache[str, _Holder] = TTLCache(PROVED_KEPT, PROVED_S)

    async def for_tools(self, token: str) -> Caller:
        """Raises:
        TokenRefused: forged, over, for somewhere else, or its holder is disabled.
        DependencyUnavailable: it could not be told.
        """
        holder = self._proved.get(token)
        if holder is None or holder.until_unix_s <= self._now_unix_s():
            holder = _holder(await self._tokens.verify(token, audience=HUB_AUDIENCE))
            self._proved[token] = holder
        return await self._let_in(holder)

    def forget_tokens(self, *_tenant_id: UUID) -> None:
        """Signing keys changed: every token is proved again."""
        self._proved.clear()

    async def for_api(self, token: str) -> Caller:
        """Raises: TokenRefused, DependencyUnavailable."""
        return await self._let_in(_holder(await self._tokens.verify(token, audience=API_AUDIENCE)))

    async def by_cookie(self, cookie: str) -> Caller:
        """Raises: TokenRefused: no live session has it."""
        caller = await self._people.of_cookie(cookie)
        if caller is None:
            raise TokenRefused
        return caller

    async def _let_in(self, holder: "_Holder") -> Caller:
        """Raises: TokenRefused: they may not any more."""
        caller = holder.agent
        if caller is None:
            caller = await self._people.user(holder.tenant_id, holder.id)
        elif not await self._agents.is_active(holder.tenant_id, holder.id):
            caller = None
        if caller is None:
            raise TokenRefused
        return caller


@dataclass(frozen=True, slots=True)
class _Holder:
    """Whom a token that was proved is made out to."""

    tenant_id: UUID
    id: UUID
    until_unix_s: int
    agent: Caller | None
    """None: a person, whose role is not the token's to say."""


def _holder(claims: Claims) -> _Holder:
    """Raises: TokenRefused: it does not say."""
    kind, _, subject = claims.subject.partition(":")
    try:
        subject_id = UUID(subject)
    except ValueError:
        raise TokenRefused from None
    agent = None
    if kind == "agent":
        if claims.role not in {"agent", "run"}:
            raise TokenRefused
        agent = Caller(claims.tenant_id, "agent", subject_id, "agent", _run_of(claims))
    return _Holder(claims.tenant_id, subject_id, claims.expires_at_unix_s, agent)


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
