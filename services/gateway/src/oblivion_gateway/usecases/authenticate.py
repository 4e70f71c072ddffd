"""A token or a browser's cookie → who asks, and whether they still may."""

import time
from dataclasses import replace
from typing import Protocol
from uuid import UUID

from oblivion_gateway.domain.callers import Caller, Role
from oblivion_platform.agents import AgentDirectory
from oblivion_platform.tokens import API_AUDIENCE, Claims, TokenRefused, Tokens


class People(Protocol):
    """The signed-in people of all tenants."""

    async def user(self, tenant_id: UUID, user_id: UUID) -> Caller | None:
        """The user, unless there is none or they are disabled."""
        ...

    async def of_cookie(self, cookie: str) -> Caller | None:
        """Whose browser session it is, unless it is over."""
        ...

    async def of_browser(self, tenant_id: UUID, browser_id: UUID) -> Caller | None:
        """The same by the session's id, for somebody who showed the cookie before."""
        ...


class Authenticate:
    """Nobody is believed for longer than it takes to hear that they are disabled."""

    def __init__(self, tokens: Tokens, agents: AgentDirectory, people: People) -> None:
        self._tokens = tokens
        self._agents = agents
        self._people = people

    async def by_token(self, token: str, *, audience: str = API_AUDIENCE) -> Caller:
        """Raises:
        TokenRefused: forged, over, of somewhere else, or its holder is disabled.
        DependencyUnavailable: it could not be told.
        """
        claims = await self._tokens.verify(token, audience=audience)
        kind, _, subject = claims.subject.partition(":")
        try:
            subject_id = UUID(subject)
        except ValueError:
            raise TokenRefused from None
        caller = await (self._agent if kind == "agent" else self._user)(claims, subject_id)
        if caller is None:
            raise TokenRefused
        return caller

    async def by_cookie(self, cookie: str) -> Caller:
        """Raises: TokenRefused: no live session has it."""
        caller = await self._people.of_cookie(cookie)
        if caller is None:
            raise TokenRefused
        return caller

    async def still(self, caller: Caller) -> Caller | None:
        """Somebody who was let in before, in the role that they have by now; None: they may not stay.

        Raises:
            DependencyUnavailable: it could not be told.
        """
        if caller.expires_at_unix_s is not None and caller.expires_at_unix_s < time.time():
            return None
        if caller.kind == "agent":
            return caller if await self._agents.is_active(caller.tenant_id, caller.id) else None
        if caller.browser_id is not None:
            return await self._people.of_browser(caller.tenant_id, caller.browser_id)
        known = await self._people.user(caller.tenant_id, caller.id)
        return None if known is None else replace(known, expires_at_unix_s=caller.expires_at_unix_s)

    async def _agent(self, claims: Claims, agent_id: UUID) -> Caller | None:
        agent = await self._agents.find(claims.tenant_id, agent_id)
        if agent is None or not agent.is_active or claims.role != Role.AGENT:
            return None
        return Caller(
            tenant_id=claims.tenant_id,
            kind="agent",
            id=agent_id,
            name=agent.name,
            role=Role.AGENT,
            expires_at_unix_s=claims.expires_at_unix_s,
        )

    async def _user(self, claims: Claims, user_id: UUID) -> Caller | None:
        known = await self._people.user(claims.tenant_id, user_id)
        if known is None:
            return None
        # The role is the one that they have now, whatever the token remembers.
        return Caller(
            tenant_id=known.tenant_id,
            kind="user",
            id=known.id,
            name=known.name,
            role=known.role,
            is_operator=known.is_operator,
            expires_at_unix_s=claims.expires_at_unix_s,
        )
