"""What hints and jobs lost: runs that nobody looks after, and steps that nobody has shown."""

from collections.abc import Callable, Sequence
from typing import Protocol
from uuid import UUID

from oblivion_platform.runs import Due, RunJob
from oblivion_router_worker.ports.running import RunJobs

Found = Callable[[UUID, UUID], None]


class Unattended(Protocol):
    """Through the relay's door; raises DependencyUnavailable."""

    async def due(self) -> Sequence[Due]:
        """Live runs past the time at which somebody should have looked after them."""
        ...

    async def unshown(self) -> Sequence[Due]: ...


class RunWatch(Protocol):
    def swept(self, due: Sequence[Due], unshown: int) -> None: ...


class ReviveRuns:
    """Lets the jobs of such runs run now, made again where Redis has lost them."""

    def __init__(self, unattended: Unattended, jobs: RunJobs, show: Found, watch: RunWatch) -> None:
        self._unattended = unattended
        self._jobs = jobs
        self._show = show
        self._watch = watch

    async def __call__(self) -> None:
        """Raises: DependencyUnavailable: Postgres or Redis is away; nothing is lost by that."""
        unshown = await self._unattended.unshown()
        for found in unshown:
            self._show(found.tenant_id, found.run_id)
        due = await self._unattended.due()
        self._watch.swept(due, len(unshown))
        for found in due:
            await self._jobs.hasten(found.tenant_id, RunJob(found.run_id, found.priority))
