"""Whose earlier runs an agent finds: those of the person it works for in that run, and nobody else's."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from oblivion_contracts.agent_socket import HeldRun as Named
from oblivion_contracts.agent_socket import SearchHistory
from oblivion_contracts.sessions import HistoryHit, HistorySearch
from oblivion_gateway.domain.agent_connections import AgentConnection, AgentIdentity, HeldRun, TokenBucket
from oblivion_gateway.usecases.hand_on import HandOn
from oblivion_gateway.usecases.hold_runs import HoldRuns
from oblivion_gateway.usecases.read_history import ReadHistory
from oblivion_platform.runs import RunUnknown

ANA, BEN = uuid4(), uuid4()


class NoRuns:
    """Rows: there are none."""

    async def read(self, tenant_id: UUID, run_id: UUID) -> None:
        del tenant_id, run_id


class Index:
    """Notes for whom it is searched."""

    def __init__(self, *hits: HistoryHit) -> None:
        self.readers: list[Any] = []
        self.hits = list(hits)

    async def search(self, tenant_id: UUID, search: HistorySearch, readers: Any) -> list[HistoryHit]:
        del tenant_id, search
        self.readers.append(set(readers))
        return self.hits


class Readings:
    """Notes for which runs something was found; of members are all but `of_others`."""

    def __init__(self, *of_others: UUID) -> None:
        self.of: list[UUID] = []
        self.of_others = set(of_others)

    async def by_members(self, tenant_id: UUID, found: Any) -> set[UUID]:
        del tenant_id
        return set(found) - self.of_others

    async def of_run(self, tenant_id: UUID, run_id: UUID, found: Any) -> None:
        del tenant_id, found
        self.of.append(run_id)

    async def of_agent(self, tenant_id: UUID, agent_id: UUID, found: Any) -> None:
        del tenant_id, found
        self.of.append(agent_id)


def connected() -> tuple[AgentConnection, HeldRun, HeldRun]:
    """An agent that works for Ana and for Ben at once."""
    identity = AgentIdentity(uuid4(), uuid4(), 0.0)
    connection = AgentConnection("sid", identity, "fixer", TokenBucket.full(1, 1, 0), 0.0)
    held = [HeldRun(uuid4(), 1, uuid4(), 0, user) for user in (ANA, BEN)]
    connection.held = {each.run_id: each for each in held}
    return connection, held[0], held[1]


def searching(index: Index, readings: Readings | None = None) -> HandOn:
    nothing: Any = None
    runs: Any = NoRuns()
    hold = HoldRuns(runs, nothing, nothing, nothing, nothing)
    return HandOn(hold, runs, nothing, ReadHistory(index, readings or Readings()), nothing)


async def test_a_search_finds_what_the_person_asked_for_whom_the_run_is_and_no_other_s() -> None:
    index = Index()
    connection, for_ana, for_ben = connected()
    for held in (for_ben, for_ana):
        message = SearchHistory(query="login", run=Named(run_id=held.run_id, fence=held.fence))
        await searching(index).search(connection, message)
    assert index.readers == [{BEN}, {ANA}]


async def test_a_search_for_no_run_finds_what_is_public_alone() -> None:
    index = Index()
    connection, *_ = connected()
    await searching(index).search(connection, SearchHistory(query="login"))
    assert index.readers == [set()]


async def test_a_search_for_a_run_of_others_is_refused() -> None:
    index = Index()
    connection, *_ = connected()
    with pytest.raises(RunUnknown):
        await searching(index).search(
            connection, SearchHistory(query="login", run=Named(run_id=uuid4(), fence=1))
        )
    assert index.readers == []


def hit() -> HistoryHit:
    ids = {"run_id": uuid4(), "session_id": uuid4()}
    return HistoryHit(**ids, agent=None, prompt="", answer="", score=1, at=datetime.now(UTC))


async def test_what_is_read_for_no_run_is_what_members_said_and_as_much_as_was_asked_for() -> None:
    hits = [hit() for _ in range(9)]
    connection, *_ = connected()
    readings = Readings(*(each.run_id for each in hits[:3]))
    answer = await searching(Index(*hits), readings).search(connection, SearchHistory(query="login", limit=4))
    assert answer.hits == hits[3:7]


async def test_what_is_found_is_noted_for_the_run_or_for_all_that_the_agent_works_on() -> None:
    found = hit()
    connection, held, _ = connected()
    readings = Readings()
    of_run = SearchHistory(query="login", run=Named(run_id=held.run_id, fence=held.fence))
    for message in (of_run, SearchHistory(query="login")):
        assert (await searching(Index(found), readings).search(connection, message)).hits == [found]
        await searching(Index(), readings).search(connection, message)
    assert readings.of == [held.run_id, connection.agent_id]
