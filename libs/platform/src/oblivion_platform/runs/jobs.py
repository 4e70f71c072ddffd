"""The `ai-agent-tasks` queue: one job per run, whose id is the run's; its data are ids only."""

from uuid import UUID

from oblivion_contracts.jobs import AI_AGENT_TASKS, ProcessMention
from oblivion_platform.jobs import JobPolicy, NewJob
from oblivion_platform.queue import JobQueue

RUN_JOBS = JobPolicy(attempts=3, backoff_s=2.0, jitter=0.5)


def run_queue(redis_url: str) -> JobQueue:
    return JobQueue(AI_AGENT_TASKS, redis_url, RUN_JOBS)


def job_of(
    tenant_id: UUID,
    run_id: UUID,
    *,
    priority: int,
    user_id: UUID | None = None,
    traceparent: str | None = None,
) -> NewJob:
    """The job that brings a run forward; adding it twice changes nothing."""
    data = ProcessMention(run_id=run_id, tenant_id=tenant_id, user_id=user_id, traceparent=traceparent)
    return NewJob(str(run_id), data.model_dump(mode="json", exclude_none=True), priority)
