"""Jobs of `ai-agent-tasks`: one per run, with ids only."""

from uuid import UUID

from oblivion_platform.jobs import NewJob
from oblivion_platform.queue import JobQueue
from oblivion_platform.runs import RunJob, job_of
from oblivion_platform.telemetry import known_traceparent


class QueueRunJobs:
    """Implements `ports.running.RunJobs`."""

    def __init__(self, queue: JobQueue) -> None:
        self._queue = queue

    async def add(self, tenant_id: UUID, run: RunJob, *, after_s: float = 0.0) -> None:
        if after_s > 0:
            await self._queue.add_later(_job(tenant_id, run), after_s)
        else:
            await self._queue.add_all([_job(tenant_id, run)])

    async def hasten(self, tenant_id: UUID, run: RunJob) -> None:
        await self._queue.hasten(_job(tenant_id, run))


def _job(tenant_id: UUID, run: RunJob) -> NewJob:
    return job_of(tenant_id, run, traceparent=known_traceparent())
