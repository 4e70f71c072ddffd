"""Search in earlier runs: in what was said in public, and in what the person asked whose run it is for."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime

from oblivion_client.errors import AgentNotConnected
from oblivion_client.link import Link, deliver
from oblivion_contracts.agent_socket import HeldRun, SearchHistory
from oblivion_contracts.runs import RunSource
from oblivion_contracts.sessions import HistoryHit

ANSWERED_WITHIN_S = 30.0
_QUERY_LENGTH_MAX = 2_000
_working_on: ContextVar[HeldRun | None] = ContextVar("working_on", default=None)


@contextmanager
def working_on(run: HeldRun) -> Generator[None]:
    """Searches of this task, and of those that it starts, are for this run."""
    token = _working_on.set(run)
    try:
        yield
    finally:
        _working_on.reset(token)


@dataclass(frozen=True)
class HistoryFilter:
    """Narrows a search; what is None narrows nothing."""

    agent: str | None = None
    source: RunSource | None = None
    since: datetime | None = None
    until: datetime | None = None


async def search(link: Link, query: str, limit: int, narrowed: HistoryFilter) -> list[HistoryHit]:
    """Earlier runs about the same, the most similar first. Of a long query, the beginning counts.

    Raises:
        AgentNotConnected: no server answered in time.
        RunTakenAway: the run that it is for is another replica's, or over.
    """
    message = SearchHistory(
        query=query[:_QUERY_LENGTH_MAX],
        limit=limit,
        agent=narrowed.agent,
        source=narrowed.source,
        since=narrowed.since,
        until=narrowed.until,
        run=_working_on.get(),
    )
    try:
        async with asyncio.timeout(ANSWERED_WITHIN_S):
            answer = await deliver(link, "search.history", message)
    except TimeoutError:
        raise AgentNotConnected("The history cannot be searched now: no server answers.") from None
    return answer.hits or []
