"""Hints and jobs after a commit; Redis away, nothing of it is lost: sweeps find the rows."""

from collections.abc import Awaitable, Sequence
from uuid import UUID

from oblivion_platform.errors import DependencyUnavailable
from oblivion_platform.jobs import NewJob
from oblivion_platform.logging import get_logger
from oblivion_platform.queue import JobQueue
from oblivion_platform.runs import Change, Run, RunJob, RunSignals, job_of
from oblivion_platform.sessions import SessionCache
from oblivion_platform.telemetry import known_traceparent

_log = get_logger(__name__)


class RedisAftermath:
    """Implements `ports.Aftermath`."""

    def __init__(self, signals: RunSignals, runs: JobQueue, events: JobQueue, sessions: SessionCache) -> None:
        self._signals = signals
        self._runs = runs
        self._events = events
        self._sessions = sessions

    async def run_changed(self, tenant_id: UUID, change: Change | None) -> None:
        await self._signals.changed(tenant_id, change)

    async def tell_holder(self, run: Run, what: str) -> None:
        await self._signals.tell_agent(run.tenant_id, run.id, run.gateway, run.fence, what)

    async def bring_forward(self, tenant_id: UUID, run: RunJob) -> None:
        await _tried(self._runs.hasten(job_of(tenant_id, run, traceparent=known_traceparent())))

    async def handle_events(self, jobs: Sequence[NewJob]) -> None:
        for job in jobs:
            await _tried(self._events.revive(job))

    async def session_changed(self, tenant_id: UUID, session_id: UUID, version: int) -> None:
        await self._sessions.outdate(tenant_id, session_id, version)

    async def close(self) -> None:
        await self._signals.close()
        await self._runs.close()
        await self._events.close()
        await self._sessions.close()


async def _tried(call: Awaitable[object]) -> None:
    try:
        await call
    except DependencyUnavailable as away:
        _log.info("left to the sweep", code=away.code)
