"""What is done after a commit, in the background: hints are published, runs brought forward at once.

All of it may be lost: what was committed is found by the sweeps.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any
from uuid import UUID

from oblivion_platform.errors import OblivionFailure
from oblivion_platform.logging import get_logger
from oblivion_platform.runs import RunJob
from oblivion_platform.tasks import end
from oblivion_router_worker.ports.running import Aftermath, RunJobs, SessionCopies, Signals, Standing

Bring = Callable[[UUID, UUID], Awaitable[Standing]]

_log = get_logger(__name__)


class Background:
    """Tasks that nobody waits for, but the end of the process."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, object], what: str) -> None:
        task = asyncio.create_task(self._guarded(work, what), name=what)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drain(self, within_s: float) -> None:
        """Wait for what goes on; what takes longer is left to the sweeps."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=within_s)
            await end(*late)

    async def _guarded(self, work: Coroutine[Any, Any, object], what: str) -> None:
        try:
            await work
        except OblivionFailure as failure:
            _log.info("errand_left_to_sweep", what=what, code=failure.code)
        except Exception:  # The top of a task of its own.
            _log.exception("errand_failed", what=what)


class Tell:
    """Publishes what others wait for."""

    def __init__(
        self, signals: Signals, copies: SessionCopies, jobs: RunJobs, background: Background
    ) -> None:
        self._signals = signals
        self._copies = copies
        self._jobs = jobs
        self._background = background

    def __call__(self, tenant_id: UUID, aftermath: Aftermath) -> None:
        self._background.start(self._tell(tenant_id, aftermath), "tell")

    async def _tell(self, tenant_id: UUID, aftermath: Aftermath) -> None:
        for telling in aftermath.tell:
            await self._signals.tell_agent(
                tenant_id, telling.run_id, telling.gateway, telling.fence, telling.what
            )
        for session_id, version in dict(sorted(aftermath.sessions)).items():
            await self._copies.outdate(tenant_id, session_id, version)
        for change in aftermath.latest_changes():
            await self._signals.changed(tenant_id, change)
        for run_id in aftermath.ended:
            await self._jobs.hasten(tenant_id, RunJob(run_id))


class Errands:
    """Tells, and brings new runs forward: their jobs are only the safety net."""

    def __init__(self, tell: Tell, bring: Bring, jobs: RunJobs, background: Background) -> None:
        self._tell = tell
        self._bring = bring
        self._jobs = jobs
        self._background = background

    def __call__(self, tenant_id: UUID, aftermath: Aftermath) -> None:
        if aftermath.tells:
            self._tell(tenant_id, aftermath)
        for run in aftermath.forward:
            self._background.start(self._both(tenant_id, run), "bring forward")
        for run, after_s in aftermath.parked:
            self._background.start(self._jobs.add(tenant_id, run, after_s=after_s), "park run")

    async def _both(self, tenant_id: UUID, run: RunJob) -> None:
        try:
            await self._bring(tenant_id, run.run_id)
        finally:
            await self._jobs.add(tenant_id, run)
