"""Jobs of `ai-agent-tasks`: one per run, with ids only."""

from uuid import UUID

from oblivion_contracts.runs import RunPriority
from oblivion_platform.queue import JobQueue
from oblivion_platform.runs import job_of


class QueueRunJobs:
    """Implements `ports.running.RunJobs`."""

    def __init__(self, queue: JobQueue) -> None:
        self._queue = queue

    async def add(self, tenant_id: UUID, run_id: UUID) -> None:
        await self._queue.add_all([job_of(tenant_id, run_id, priority=RunPriority.MENTION)])

    async def hasten(self, tenant_id: UUID, run_id: UUID) -> None:
        await self._queue.hasten(job_of(tenant_id, run_id, priority=RunPriority.MENTION))
