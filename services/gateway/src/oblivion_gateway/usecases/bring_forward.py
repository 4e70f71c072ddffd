"""Jobs of runs that can go on, hastened after the commit that made it possible; best effort."""

import asyncio
from collections.abc import Iterable
from uuid import UUID

from oblivion_contracts.runs import RunPriority
from oblivion_gateway.socket_ports import RunJobs
from oblivion_platform.errors import DependencyUnavailable

TRIES = 3
BETWEEN_TRIES_S = 0.3


class BringForward:
    """What fails here is brought forward by the sweep."""

    def __init__(self, jobs: RunJobs) -> None:
        self._jobs = jobs
        self._hastening: set[asyncio.Task[None]] = set()

    def soon(self, tenant_id: UUID, run_ids: Iterable[UUID], priority: int = RunPriority.MENTION) -> None:
        for run_id in run_ids:
            task = asyncio.create_task(self._hasten(tenant_id, run_id, priority), name="hasten")
            self._hastening.add(task)
            task.add_done_callback(self._hastening.discard)

    async def close(self) -> None:
        if self._hastening:
            await asyncio.wait(self._hastening, timeout=1.0)

    async def _hasten(self, tenant_id: UUID, run_id: UUID, priority: int) -> None:
        """A job that is just being handled may be about to be parked on what it saw before: ask again."""
        for _ in range(TRIES):
            try:
                if await self._jobs.hasten(tenant_id, run_id, priority):
                    return
            except DependencyUnavailable:
                return
            await asyncio.sleep(BETWEEN_TRIES_S)
