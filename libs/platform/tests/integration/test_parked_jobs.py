"""Jobs that are put aside from the start."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest
from bullmq import Job

from oblivion_platform.queue import JobPolicy, JobQueue, NewJob, SupervisedWorker
from oblivion_platform.testing.polling import eventually

QUEUE = "ai-agent-tasks"
QUICK = JobPolicy(attempts=3, backoff_s=0.01)


@pytest.fixture
async def queue(redis_url: str) -> AsyncGenerator[JobQueue]:
    queue = JobQueue(QUEUE, redis_url, QUICK)
    yield queue
    await queue.close()


def job(job_id: str) -> NewJob:
    return NewJob(id=job_id, data={"run_id": job_id}, priority=1)


async def test_a_job_that_is_put_aside_from_the_start_runs_when_it_is_hastened(
    queue: JobQueue, redis_url: str
) -> None:
    attempts_made: list[int] = []

    async def consume(job: Job, _token: str) -> dict[str, Any]:
        attempts_made.append(job.attemptsMade)
        return {}

    await queue.add_later(job("later"), 60)
    assert await queue.state("later") == "delayed"
    worker = SupervisedWorker(QUEUE, redis_url, consume, QUICK, concurrency=1)
    worker.start()
    assert await queue.hasten(job("later"))
    await eventually(lambda: attempts_made == [0])
    await worker.close()
    assert await queue.state("later") == "completed"


async def test_a_job_that_is_known_is_not_put_aside(queue: JobQueue) -> None:
    await queue.add_all([job("now")])
    await queue.add_later(job("now"), 60)
    assert await queue.state("now") == "prioritized"
