"""The mark without which a gateway's sockets are given no work."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

from oblivion_gateway.domain.agent_connections import (
    AgentConnection,
    AgentConnections,
    AgentIdentity,
    TokenBucket,
)
from oblivion_gateway.usecases.keep_presence import KeepPresence
from oblivion_platform.tasks import end
from oblivion_platform.testing import eventually


class Board:
    """Counts marks."""

    def __init__(self) -> None:
        self.marks = 0

    async def mark(self, gateway: str, *, for_s: float) -> bool:
        del gateway, for_s
        self.marks += 1
        return True

    async def write(self, replicas: Mapping[tuple[UUID, UUID], Sequence[Any]]) -> None:
        del replicas


class LockedRows:
    """Postgres with a lock that nobody lets go of."""

    def __init__(self) -> None:
        self.asked: list[Mapping[UUID, Sequence[UUID]]] = []

    async def note_seen(self, agents: Mapping[UUID, Sequence[UUID]]) -> None:
        self.asked.append(agents)
        await asyncio.Event().wait()


async def test_the_mark_is_kept_while_postgres_lets_wait() -> None:
    board, rows, connections = Board(), LockedRows(), AgentConnections()
    identity = AgentIdentity(uuid4(), uuid4(), time.time() + 60)
    bucket = TokenBucket.full(1, 1, time.monotonic())
    connections.add(AgentConnection("sid", identity, "general", bucket, time.time(), limit=1))
    held: Any = rows
    to: Any = board
    presence = KeepPresence(connections, to, held, gateway="gateway", marked_for_s=10)
    loops = [asyncio.create_task(presence.keep()), asyncio.create_task(presence.note_seen())]
    try:
        await eventually(lambda: board.marks >= 3)
        assert rows.asked == [{identity.tenant_id: [identity.agent_id]}]
    finally:
        await end(*loops)
