"""How a socket comes and goes: it shows a token, says hello, says that it drains, and is gone."""

import time
from uuid import UUID

from oblivion_contracts.agent_socket import AgentDraining, AgentHello, HeldRun, TaskCancelled
from oblivion_gateway.domain.agent_connections import AgentConnection, AgentConnections, TokenBucket
from oblivion_gateway.socket_errors import AgentGone, GatewayEnds, TooManySockets
from oblivion_gateway.socket_ports import AgentBook, AgentSockets, HeldRuns, TokenVerifier
from oblivion_gateway.usecases.announce import Announce
from oblivion_gateway.usecases.bring_forward import BringForward
from oblivion_gateway.usecases.hold_runs import HoldRuns
from oblivion_gateway.usecases.keep_presence import KeepPresence
from oblivion_gateway.usecases.limit_requests import LimitBadTokens
from oblivion_gateway.usecases.tell_agents import TellAgents
from oblivion_platform.errors import AuthenticationFailed, DependencyUnavailable, PermanentFailure
from oblivion_platform.logging import get_logger

TOKEN_GRACE_S = 30.0

_log = get_logger(__name__)


class Greet:
    """One per process."""

    def __init__(
        self,
        connections: AgentConnections,
        verifier: TokenVerifier,
        agents: AgentBook,
        runs: HeldRuns,
        bring_forward: BringForward,
        presence: KeepPresence,
        announce: Announce,
        bad_tokens: LimitBadTokens,
        *,
        events_per_s: float,
        sockets_max: int,
    ) -> None:
        self._connections = connections
        self._verifier = verifier
        self._agents = agents
        self._runs = runs
        self._bring_forward = bring_forward
        self._presence = presence
        self._announce = announce
        self._bad_tokens = bad_tokens
        self._events_per_s = events_per_s
        self._sockets_max = sockets_max
        self.ending = False
        """Nobody is let in any more."""

    async def admit(self, sid: str, token: str, address: str) -> AgentConnection:
        """Let an agent in.

        Raises:
            GatewayEnds, AuthenticationFailed, AgentGone, TooManySockets, DependencyUnavailable
            TooManyBadTokens: of this address too many showed no good token; this one was not looked at.
        """
        if self.ending:
            raise GatewayEnds
        self._bad_tokens.check(address)
        try:
            identity = await self._verifier.verify_agent(token)
        except AuthenticationFailed:
            await self._bad_tokens.count(address)
            raise
        agent = await self._agents.find(identity.tenant_id, identity.agent_id)
        if agent is None or not agent.is_active:
            raise AgentGone
        if self._connections.count_of(identity.tenant_id, identity.agent_id) >= self._sockets_max:
            raise TooManySockets(self._sockets_max)
        bucket = TokenBucket.full(self._events_per_s, 2 * self._events_per_s, time.monotonic())
        connection = AgentConnection(
            sid, identity, agent.name, bucket, time.time(), limit=agent.definition.limits.concurrency
        )
        self._connections.add(connection)
        return connection

    async def hello(
        self, connection: AgentConnection, message: AgentHello, sockets: AgentSockets, tell: TellAgents
    ) -> None:
        """Give back what the agent still holds, and offer it to the router; what waits for it begins now.

        Raises:
            DependencyUnavailable: nothing is known of what it holds; say hello again.
        """
        is_first = connection.hello is None
        connection.hello = message
        if is_first:
            self._announce.came(connection, message.instance)
        resumed = [held.run_id for held in message.held if await self._resume(connection, held, sockets)]
        if resumed:
            await tell.look(connection.tenant_id, resumed)
        if self._connections.get(connection.sid) is None:
            return  # Gone meanwhile: the router is not to look for it.
        # Written first: the router looks there, and what it lets wait after that is not for want of this one.
        await self._presence.written(connection)
        waiting = await self._runs.waiting_for(
            connection.tenant_id, connection.agent_id, max(1, connection.room - len(connection.held))
        )
        self._bring_forward.soon(connection.tenant_id, waiting)

    async def drain(self, connection: AgentConnection, message: AgentDraining, hold: HoldRuns) -> None:
        """No more work for it; what it hands back goes to another replica.

        Raises:
            DependencyUnavailable: not everything was handed back; say it again.
        """
        connection.draining = True
        await self._presence.written(connection)
        for held in message.handing_back:
            await hold.hand_back(connection, held.run_id, held.fence)

    async def leave(self, sid: str) -> None:
        """The socket is gone. Its runs keep their leases: the agent may be back before they end."""
        connection = self._connections.remove(sid)
        if connection is not None:
            if connection.hello is not None:
                self._announce.left(connection, connection.hello.instance)
            await self._presence.gone(connection)

    async def recheck(self, tenant_id: UUID | None, sockets: AgentSockets) -> None:
        """Cut the sockets of agents that are disabled or gone."""
        for connection in self._connections:
            if tenant_id is not None and connection.tenant_id != tenant_id:
                continue
            try:
                agent = await self._agents.find(connection.tenant_id, connection.agent_id)
            except DependencyUnavailable:
                continue  # Their tokens bound how long that can last.
            if agent is None or not agent.is_active:
                _log.info("socket of a disabled agent is cut", agent_id=str(connection.agent_id))
                await sockets.cut(connection.sid)
            else:
                connection.limit = agent.definition.limits.concurrency

    async def cut_expired(self, sockets: AgentSockets) -> None:
        """Cut sockets whose tokens are over: their agents come back with fresh ones, and lose nothing."""
        now = time.time()
        for connection in self._connections:
            if connection.identity.expires_at + TOKEN_GRACE_S < now:
                await sockets.cut(connection.sid)

    async def _resume(self, connection: AgentConnection, held: HeldRun, sockets: AgentSockets) -> bool:
        try:
            resumed = await self._runs.resume(
                connection.tenant_id, held.run_id, held.fence, connection.agent_id, connection.sid
            )
        except PermanentFailure:
            resumed = False
        if not resumed:
            message = TaskCancelled(
                run_id=held.run_id, fence=held.fence, reason="the run is over, or another replica has it"
            )
            await sockets.tell(connection.sid, "task.cancelled", message)
        return resumed
