"""A run's steps as they happen: rows from Postgres; Redis only says when to look."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from oblivion_contracts.runs import RunEvent
from oblivion_gateway.domain.callers import Caller
from oblivion_gateway.errors import TooManyStreams
from oblivion_gateway.usecases.requests import Unit
from oblivion_gateway.usecases.runs import EVENTS_MAX, visible_run
from oblivion_platform import runs
from oblivion_platform.database.engine import Database
from oblivion_platform.errors import DependencyUnavailable
from oblivion_platform.logging import get_logger
from oblivion_platform.runs import RunUnknown
from oblivion_platform.tokens import TokenRefused

LOOK_ANYWAY_S = 5.0
"""A hint may be lost: rows are looked at this often without one."""

_log = get_logger(__name__)


class StreamMeter(Protocol):
    """Counts streams."""

    def opened(self) -> None: ...

    def closed(self, end: str, seconds: float) -> None: ...


Still = Callable[[Caller], Awaitable[Caller | None]]
"""Who somebody is by now; None: they may not stay."""


class Hints:
    """Wakes the streams of a run when something is heard of it."""

    def __init__(self) -> None:
        self._waiting: dict[UUID, set[asyncio.Event]] = defaultdict(set)
        self.closing = False

    def heard(self, run_id: UUID) -> None:
        for waiting in self._waiting.get(run_id, ()):
            waiting.set()

    def wake_all(self) -> None:
        """Hints may have been missed."""
        for run_id in self._waiting:
            self.heard(run_id)

    def close(self) -> None:
        """End every stream: the process drains, and whoever follows connects to another replica."""
        self.closing = True
        self.wake_all()

    @contextmanager
    def listening(self, run_id: UUID):
        waiting = asyncio.Event()
        self._waiting[run_id].add(waiting)
        try:
            yield waiting
        finally:
            self._waiting[run_id].discard(waiting)
            if not self._waiting[run_id]:
                del self._waiting[run_id]


@dataclass(frozen=True, slots=True)
class StreamTerms:
    """How often a stream shows that it is alive, and how many one caller may have from one process."""

    heartbeat_s: float
    of_caller_max: int


@dataclass(frozen=True, slots=True)
class _Look:
    events: list[RunEvent]
    is_over: bool


class StreamRuns:
    """Opens streams; each ends with the run, this process, or its caller's right to see it."""

    def __init__(
        self, database: Database, hints: Hints, meter: StreamMeter, still: Still, terms: StreamTerms
    ) -> None:
        self._database = database
        self._hints = hints
        self._meter = meter
        self._still = still
        self._heartbeat_s = terms.heartbeat_s
        self._most = terms.of_caller_max
        self._open: Counter[str] = Counter()

    async def open(self, caller: Caller, run_id: UUID, after: int) -> AsyncGenerator[RunEvent | None]:
        """Steps after that sequence, and None for every heartbeat.

        Raises:
            RunUnknown: there is none, or it is not the caller's.
            TooManyStreams: others have to be closed first.
        """
        if self._open[caller.subject] >= self._most:
            raise TooManyStreams(self._most)
        await self._look(caller, run_id, after)
        return self._follow(caller, run_id, after)

    async def _follow(self, caller: Caller, run_id: UUID, after: int) -> AsyncGenerator[RunEvent | None]:
        began = time.monotonic()
        end = "client_gone"
        self._meter.opened()
        self._open[caller.subject] += 1
        _log.info("stream opened", run_id=str(run_id), after=after)
        try:
            with self._hints.listening(run_id) as hint:
                async for event in self._events(caller, run_id, after, hint):
                    yield event
            end = "draining" if self._hints.closing else "run_over"
        except DependencyUnavailable:
            end = "postgres_away"  # The stream ends; whoever follows connects again, and goes on.
        except (TokenRefused, RunUnknown):
            end = "not_allowed"  # A token that is over is no refusal: with a new one it goes on.
        finally:
            self._open[caller.subject] -= 1
            if not self._open[caller.subject]:
                del self._open[caller.subject]
            seconds = time.monotonic() - began
            self._meter.closed(end, seconds)
            _log.info("stream closed", run_id=str(run_id), end=end, seconds=round(seconds, 1))

    async def _events(
        self, caller: Caller, run_id: UUID, after: int, hint: asyncio.Event
    ) -> AsyncGenerator[RunEvent | None]:
        silent_since = checked_at = time.monotonic()
        while not self._hints.closing:
            if time.monotonic() - checked_at >= self._heartbeat_s:
                caller = await self._check(caller)
                checked_at = time.monotonic()
            hint.clear()  # Before looking: what happens meanwhile sets it again.
            found = await self._look(caller, run_id, after)
            for event in found.events:
                yield event
                after = event.sequence
                silent_since = time.monotonic()
            if found.is_over:
                return
            if len(found.events) == EVENTS_MAX:
                continue
            if time.monotonic() - silent_since >= self._heartbeat_s:
                yield None
                silent_since = time.monotonic()
            await _wait(hint, min(LOOK_ANYWAY_S, self._heartbeat_s))

    async def _check(self, caller: Caller) -> Caller:
        """Raises: TokenRefused."""
        known = await self._still(caller)
        if known is None:
            raise TokenRefused
        return known

    async def _look(self, caller: Caller, run_id: UUID, after: int) -> _Look:
        async with self._database.tenant(caller.tenant_id) as tx:
            run = await visible_run(Unit(tx, caller), run_id)
            events = list(await runs.events_since(tx, run_id, after, limit=EVENTS_MAX))
        reached = events[-1].sequence if events else after
        return _Look(events, run.state.is_final and reached >= run.last_seq)


async def _wait(hint: asyncio.Event, at_most_s: float) -> None:
    try:
        async with asyncio.timeout(at_most_s):
            await hint.wait()
    except TimeoutError:
        return
