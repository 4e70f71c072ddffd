"""What is told of sockets that come and go, while Redis lets wait."""

import asyncio
import time
from typing import Any
from uuid import UUID, uuid4

import pytest

from oblivion_contracts.agent_socket import AgentHello, HeldRun
from oblivion_gateway.domain.agent_connections import (
    AgentConnection,
    AgentConnections,
    AgentIdentity,
    TokenBucket,
)
from oblivion_gateway.usecases import announce
from oblivion_gateway.usecases.announce import Announce
from oblivion_gateway.usecases.greet import Greet
from oblivion_platform.feed import Line
from oblivion_platform.testing import eventually

ONLINE, OFFLINE = "A replica of fixer is online", "A replica of fixer is offline"
HANGS, BREAKS = "hangs", "breaks"


class Board:
    """Knows each instance's newest socket; of the instance `hangs` it hears once `answers` is set."""

    def __init__(self) -> None:
        self.answers = asyncio.Event()
        self.newest: dict[str, str] = {}

    async def arrive(self, tenant_id: UUID, agent_id: UUID, instance: str, sid: str) -> bool:
        del tenant_id, agent_id
        if instance == HANGS:
            await self.answers.wait()
        if instance == BREAKS:
            raise LookupError
        is_first = instance not in self.newest
        self.newest[instance] = sid
        return is_first

    async def depart(self, tenant_id: UUID, agent_id: UUID, instance: str, sid: str) -> bool:
        del tenant_id, agent_id
        return self.newest.pop(instance, None) == sid


class Told:
    """The feed."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def tell(self, tenant_id: UUID, line: Line) -> None:
        del tenant_id
        self.lines.append(line.text)


class Rows:
    """Every run is still its holder's."""

    def __init__(self) -> None:
        self.resumed: list[UUID] = []

    async def resume(self, tenant_id: UUID, run_id: UUID, fence: int, agent_id: UUID, sid: str) -> bool:
        del tenant_id, fence, agent_id, sid
        self.resumed.append(run_id)
        return True

    async def waiting_for(self, tenant_id: UUID, agent_id: UUID, at_most: int) -> list[UUID]:
        del tenant_id, agent_id, at_most
        return []


class Silent:
    """Presence, the other agents, and the router: all of them done at once."""

    async def written(self, connection: AgentConnection) -> None: ...

    async def gone(self, connection: AgentConnection) -> None: ...

    async def look(self, tenant_id: UUID, run_ids: list[UUID]) -> None: ...

    def soon(self, tenant_id: UUID, run_ids: list[UUID]) -> None: ...


def a_connection() -> AgentConnection:
    identity = AgentIdentity(uuid4(), uuid4(), time.time() + 60)
    bucket = TokenBucket.full(1, 1, time.monotonic())
    return AgentConnection(uuid4().hex, identity, "fixer", bucket, time.time())


@pytest.fixture
def board() -> Board:
    return Board()


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def announcing(board: Any, told: Told, monkeypatch: pytest.MonkeyPatch) -> Announce:
    monkeypatch.setattr(announce, "BACK_WITHIN_S", 3_600.0)
    return Announce(board, told)


async def test_runs_that_are_held_do_not_wait_for_the_line(
    board: Board, told: Told, announcing: Announce
) -> None:
    connections, rows, connection, held = AgentConnections(), Rows(), a_connection(), uuid4()
    others: Any = Silent()
    parts: Any = (None, None, rows, others, others, announcing, None)
    greet = Greet(connections, *parts, events_per_s=1, sockets_max=1)
    connections.add(connection)
    hello = AgentHello(handlers=["default"], instance=HANGS, held=[HeldRun(run_id=held, fence=1)])
    for _ in range(2):
        await greet.hello(connection, hello, others, others)
    assert (rows.resumed, told.lines) == ([held, held], [])
    board.answers.set()
    await eventually(lambda: told.lines == [ONLINE])
    await greet.leave(connection.sid)
    await announcing.close()
    assert told.lines == [ONLINE, OFFLINE]


async def test_who_left_before_it_was_told_to_have_come_is_told_in_that_order(
    board: Board, told: Told, announcing: Announce
) -> None:
    connection = a_connection()
    announcing.came(connection, HANGS)
    announcing.left(connection, HANGS)
    closing = asyncio.create_task(announcing.close())
    other = a_connection()
    announcing.came(other, "")
    announcing.left(other, "")
    assert told.lines == [ONLINE, OFFLINE], "who names no instance waits for nothing"
    board.answers.set()
    await closing
    assert told.lines == [ONLINE, OFFLINE] * 2


async def test_a_line_that_fails_keeps_no_other_back(told: Told, announcing: Announce) -> None:
    broken, sound = a_connection(), a_connection()
    announcing.came(broken, BREAKS)
    announcing.came(sound, "sound")
    announcing.left(sound, "sound")
    await announcing.close()
    assert told.lines == [ONLINE, OFFLINE]
