"""Progress of runs: at most 4 rows a second for each; of what comes faster, the newest words are stored.

What is held back for a moment is acknowledged at once: if it were lost with this process, the next report
would say more. Usage is added up, and what is still held back at the end is stored with the answer.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from oblivion_contracts.agent_socket import TaskProgress
from oblivion_contracts.runs import Usage
from oblivion_gateway.socket_ports import HeldRuns, Report
from oblivion_platform.errors import PermanentFailure, TransientFailure
from oblivion_platform.logging import get_logger

SHORTEST_GAP_S = 0.25

_log = get_logger(__name__)


@dataclass(slots=True)
class _Reporting:
    """The progress of one run under one fence."""

    tenant_id: UUID
    fence: int
    stored_at: float = -1.0
    pending: Report = field(default_factory=Report)
    writing: "asyncio.Task[None] | None" = None


class Progress:
    """One per process."""

    def __init__(self, runs: HeldRuns, clock: Callable[[], float] = time.monotonic) -> None:
        self._runs = runs
        self._clock = clock
        self._of_run: dict[UUID, _Reporting] = {}

    def __len__(self) -> int:
        """Runs of which something is held back, or was stored a moment ago."""
        return len(self._of_run)

    def offer(self, tenant_id: UUID, message: TaskProgress) -> None:
        """Take a report; it is stored now or a moment later."""
        reporting = self._of_run.get(message.run_id)
        if reporting is None or reporting.fence != message.fence:
            reporting = self._of_run[message.run_id] = _Reporting(tenant_id, message.fence)
        _add(reporting.pending, message)
        self._begin(message.run_id, reporting)

    def rest(self, run_id: UUID) -> Report:
        """What was held back, to be stored with the end; nothing more is taken."""
        reporting = self._of_run.pop(run_id, None)
        if reporting is None:
            return Report()
        pending, reporting.pending = reporting.pending, Report()
        return pending

    def put_back(self, tenant_id: UUID, run_id: UUID, fence: int, report: Report) -> None:
        """The end could not be stored after all."""
        reporting = self._of_run[run_id] = _Reporting(tenant_id, fence, self._clock(), report)
        self._begin(run_id, reporting)

    async def flush(self) -> None:
        """Store what is held back; the process is about to end."""
        for run_id, reporting in list(self._of_run.items()):
            if reporting.pending != Report():
                await self._store(run_id, reporting)

    def _begin(self, run_id: UUID, reporting: _Reporting) -> None:
        if reporting.writing is None:
            reporting.writing = asyncio.create_task(self._write(run_id, reporting), name="progress")

    async def _write(self, run_id: UUID, reporting: _Reporting) -> None:
        """Store what comes, until nothing has come for a moment; then nothing of the run is left here."""
        try:
            while True:
                await asyncio.sleep(max(0.0, reporting.stored_at + SHORTEST_GAP_S - self._clock()))
                if reporting.pending == Report():
                    break
                await self._store(run_id, reporting)
        finally:
            reporting.writing = None
        if self._of_run.get(run_id) is reporting:
            del self._of_run[run_id]

    async def _store(self, run_id: UUID, reporting: _Reporting) -> None:
        report, reporting.pending = reporting.pending, Report()
        if report == Report():
            return
        reporting.stored_at = self._clock()
        try:
            await self._runs.report(reporting.tenant_id, run_id, reporting.fence, report)
        except TransientFailure:
            reporting.pending = merged(report, reporting.pending)
        except PermanentFailure as failure:
            # The agent hears of it with its next heartbeat.
            _log.info("progress refused", run_id=str(run_id), code=failure.code)
            reporting.pending = Report()


def _add(report: Report, message: TaskProgress) -> None:
    newer = Report(message.percent, message.text, message.usage)
    total = merged(report, newer)
    report.percent, report.words, report.usage = total.percent, total.words, total.usage


def merged(older: Report, newer: Report) -> Report:
    percents = [percent for percent in (older.percent, newer.percent) if percent is not None]
    return Report(
        max(percents, default=None), newer.words or older.words, total_usage(older.usage, newer.usage)
    )


def total_usage(one: Usage | None, other: Usage | None) -> Usage | None:
    if one is None or other is None:
        return other if one is None else one
    return one.plus(other)
