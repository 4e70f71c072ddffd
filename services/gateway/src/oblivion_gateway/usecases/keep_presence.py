"""What sockets there are → the board where the router looks for one.

Written again every few seconds, at once for what changed, and all of it as soon as Redis is seen to have
forgotten; while Redis is away, nothing is lost but time.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

from oblivion_gateway.domain.agent_connections import AgentConnection, AgentConnections
from oblivion_gateway.socket_ports import HeldRuns, PresenceBoard
from oblivion_platform.errors import DependencyUnavailable
from oblivion_platform.logging import get_logger
from oblivion_platform.presence import Replica

REFRESH_EVERY_S = 10.0
LOOK_EVERY_S = 1.0
SEEN_EVERY_S = 60.0
COALESCE_S = 0.05

_log = get_logger(__name__)


class KeepPresence:
    """One per process."""

    def __init__(
        self,
        connections: AgentConnections,
        board: PresenceBoard,
        runs: HeldRuns,
        *,
        gateway: str,
        marked_for_s: float,
    ) -> None:
        self._connections = connections
        self._board = board
        self._runs = runs
        self._gateway = gateway
        self._marked_for_s = marked_for_s
        self._changed: set[str] = set()
        self._wake = asyncio.Event()
        self._refreshed_at = float("-inf")

    def changed(self, connection: AgentConnection) -> None:
        """Write this one soon."""
        self._changed.add(connection.sid)
        self._wake.set()

    async def written(self, connection: AgentConnection) -> None:
        """Write this one now; if Redis is away, as soon as it is back."""
        try:
            await self._mark()
            await self._board.write(self._replicas([connection]))
        except DependencyUnavailable:
            self.changed(connection)

    async def gone(self, connection: AgentConnection) -> None:
        """Best effort: silence would drop it as well."""
        try:
            await self._board.withdraw(connection.tenant_id, connection.agent_id, [connection.sid])
        except DependencyUnavailable as failure:
            _log.info("presence was not withdrawn", code=failure.code)

    async def keep(self) -> None:
        """Write for as long as the process lives."""
        while True:
            try:
                await self._turn()
            except DependencyUnavailable as failure:
                _log.info("presence was not written", code=failure.code)
                self._refreshed_at = float("-inf")
                await asyncio.sleep(LOOK_EVERY_S / 2)
            await self._pause()

    async def withdraw_all(self) -> None:
        """The process ends: nothing is to be given to its sockets any more."""
        of_agent: dict[tuple[UUID, UUID], list[str]] = defaultdict(list)
        for connection in self._connections:
            of_agent[connection.tenant_id, connection.agent_id].append(connection.sid)
        try:
            for (tenant_id, agent_id), sids in of_agent.items():
                await self._board.withdraw(tenant_id, agent_id, sids)
            await self._board.unmark(self._gateway)
        except DependencyUnavailable as failure:
            _log.info("presence was not withdrawn", code=failure.code)

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(LOOK_EVERY_S):
                await self._wake.wait()
        except TimeoutError:
            return
        await asyncio.sleep(COALESCE_S)

    async def _turn(self) -> None:
        self._wake.clear()
        now = time.monotonic()
        await self._mark()
        if now - self._refreshed_at >= REFRESH_EVERY_S:
            self._changed.clear()
            await self._board.write(self._replicas(self._connections))
            self._refreshed_at = now
        elif self._changed:
            sids, self._changed = self._changed, set()
            await self._board.write(self._replicas(c for c in self._connections if c.sid in sids))

    async def _mark(self) -> None:
        """Without it no socket of ours is given work; where it is gone, Redis forgot the sockets too."""
        if not await self._board.mark(self._gateway, for_s=self._marked_for_s):
            self._refreshed_at = float("-inf")

    async def note_seen(self) -> None:
        """Tell the rows whose agents are here. Apart from `keep`: while Postgres lets wait, the mark goes on.

        Raises:
            DependencyUnavailable
        """
        agents: dict[UUID, set[UUID]] = defaultdict(set)
        for connection in self._connections:
            agents[connection.tenant_id].add(connection.agent_id)
        await self._runs.note_seen({tenant_id: list(ids) for tenant_id, ids in agents.items()})

    def _replicas(self, connections: Iterable[AgentConnection]) -> dict[tuple[UUID, UUID], list[Replica]]:
        replicas: dict[tuple[UUID, UUID], list[Replica]] = defaultdict(list)
        for connection in connections:
            replica = _replica(connection, self._gateway)
            if replica is not None:
                replicas[connection.tenant_id, connection.agent_id].append(replica)
        return replicas


def _replica(connection: AgentConnection, gateway: str) -> Replica | None:
    hello = connection.hello
    if hello is None:
        return None
    return Replica(
        sid=connection.sid,
        gateway=gateway,
        handlers=list(hello.handlers),
        concurrency=connection.room,
        running=len(connection.held),
        draining=connection.draining,
        since=connection.since,
        version=hello.version,
        instance=hello.instance,
    )
