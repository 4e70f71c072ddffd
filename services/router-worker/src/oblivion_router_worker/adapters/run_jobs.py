"""Jobs of `ai-agent-tasks`: one per run, with ids only."""

from uuid import UUID

from oblivion_contracts.runs import RunPriority
from oblivion_platform.jobs import NewJob
from oblivion_platform.queue import JobQueue
from oblivion_platform.runs import job_of
from oblivion_platform.telemetry import known_traceparent


class QueueRunJobs:
    """Implements `ports.running.RunJobs`."""

    def __init__(self, queue: JobQueue) -> None:
        self._queue = queue

    async def add(self, tenant_id: UUID, run_id: UUID) -> None:
        await self._queue.add_all([_job(tenant_id, run_id)])

    async def hasten(self, tenant_id: UUID, run_id: UUID) -> None:
        await self._queue.hasten(_job(tenant_id, run_id))


def _job(tenant_id: UUID, run_id: UUID) -> NewJob:
    return job_of(tenant_id, run_id, priority=RunPriority.MENTION, traceparent=known_traceparent())
