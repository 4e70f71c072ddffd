"""Tokens as the agents' sockets need them: an agent's own, and the one that a run shows to the MCP hub."""

import time
from datetime import datetime
from uuid import UUID

from oblivion_gateway.domain.agent_connections import AgentIdentity
from oblivion_gateway.domain.callers import Caller
from oblivion_gateway.usecases.authenticate import Authenticate
from oblivion_platform.tokens import HUB_AUDIENCE, TokenRefused, Tokens

SHORTEST_S = 60


class AgentTokens:
    """Implements `socket_ports.TokenVerifier` and `socket_ports.RunTokens`."""

    def __init__(self, authenticate: Authenticate, tokens: Tokens) -> None:
        self._authenticate = authenticate
        self._tokens = tokens

    async def verify_agent(self, token: str) -> AgentIdentity:
        caller = await self._authenticate.by_token(token)
        if caller.kind != "agent" or caller.expires_at_unix_s is None:
            raise TokenRefused
        return identity_of(caller)

    async def issue_run_token(
        self, tenant_id: UUID, agent_id: UUID, run_id: UUID, fence: int, until: datetime
    ) -> str:
        ttl_s = max(SHORTEST_S, int(until.timestamp() - time.time()))
        issued = await self._tokens.issue(
            tenant_id,
            f"agent:{agent_id}",
            "run",
            audience=HUB_AUDIENCE,
            ttl_s=ttl_s,
            run=str(run_id),
            fence=fence,
        )
        return issued.token


def identity_of(caller: Caller) -> AgentIdentity:
    return AgentIdentity(caller.tenant_id, caller.id, float(caller.expires_at_unix_s or 0))
