"""The `ai-agent-tasks` queue: one job per run, whose id is the run's; its data are ids only."""

from dataclasses import dataclass
from typing import Self
from uuid import UUID

from oblivion_contracts.jobs import AI_AGENT_TASKS, PROCESS_MENTION, ProcessMention
from oblivion_contracts.runs import RunPriority
from oblivion_platform.jobs import JobPolicy, NewJob
from oblivion_platform.queue import JobQueue
from oblivion_platform.runs.records import NewRun, Run

RUN_JOBS = JobPolicy(attempts=3, backoff_s=2.0, jitter=0.5)


def run_queue(redis_url: str) -> JobQueue:
    return JobQueue(AI_AGENT_TASKS, redis_url, RUN_JOBS, job_name=PROCESS_MENTION)


@dataclass(frozen=True, slots=True)
class RunJob:
    """What a run's job says of it; for a job that Redis has lost, the run and its priority will do."""

    run_id: UUID
    priority: int = RunPriority.MENTION
    user_id: UUID | None = None
    channel_id: str | None = None
    thread_id: str | None = None

    @classmethod
    def of(cls, run: Run | NewRun) -> Self:
        channel, thread = run.place.get("channel"), run.place.get("thread_ts")
        return cls(run.id, run.priority, run.user_id, channel, thread)


def job_of(tenant_id: UUID, run: RunJob, *, traceparent: str | None = None) -> NewJob:
    """The job that brings a run forward; adding it twice changes nothing."""
    data = ProcessMention(
        run_id=run.run_id,
        tenant_id=tenant_id,
        user_id=run.user_id,
        channel_id=run.channel_id,
        thread_id=run.thread_id,
        traceparent=traceparent,
    )
    return NewJob(str(run.run_id), data.model_dump(mode="json", exclude_none=True), run.priority)
