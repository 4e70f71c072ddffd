"""Jobs through a real Redis."""

import asyncio
import time
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from bullmq import Job
from redis.asyncio import Redis

from oblivion_platform.errors import DependencyUnavailable
from oblivion_platform.queue import (
    DEAF_AFTER_S,
    JobPolicy,
    JobQueue,
    NewJob,
    Processor,
    SupervisedWorker,
    park,
    worker_client_name,
)
from oblivion_platform.testing.polling import eventually

QUEUE = "webhook-processing"
QUICK = JobPolicy(attempts=3, backoff_s=0.01)


class Consumer:
    """Notes what it was given, and does what the test says."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.attempts_made: list[int] = []
        self.fail_first = 0
        self.park_first = 0

    async def __call__(self, job: Job, token: str) -> dict[str, Any]:
        self.seen.append(job.id)
        self.attempts_made.append(job.attemptsMade)
        if len(self.seen) <= self.fail_first:
            raise RuntimeError("once more")
        if len(self.seen) <= self.park_first:
            await park(job, token, 0.01)
        return {"outcome": "done"}


@pytest.fixture
async def queue(redis_url: str) -> AsyncGenerator[JobQueue]:
    queue = JobQueue(QUEUE, redis_url, QUICK)
    yield queue
    await queue.close()


def worker_for(processor: Processor, redis_url: str, concurrency: int = 1) -> SupervisedWorker:
    return SupervisedWorker(QUEUE, redis_url, processor, QUICK, concurrency=concurrency)


def job(job_id: str, priority: int = 2) -> NewJob:
    return NewJob(id=job_id, data={"event_id": job_id}, priority=priority)


async def test_the_smaller_priority_runs_first(queue: JobQueue, redis_url: str) -> None:
    consumer = Consumer()
    await queue.add_all([job("gap", 3), job("change", 2), job("creation", 1)])
    worker = worker_for(consumer, redis_url)
    worker.start()
    await eventually(lambda: len(consumer.seen) == 3)
    assert consumer.seen == ["creation", "change", "gap"]
    await worker.close()


async def test_a_job_added_twice_runs_once(queue: JobQueue, redis_url: str) -> None:
    consumer = Consumer()
    await queue.add_all([job("1"), job("1")])
    worker = worker_for(consumer, redis_url)
    worker.start()
    await eventually(lambda: consumer.seen == ["1"])
    await queue.add_all([job("1"), job("2")])
    await eventually(lambda: "2" in consumer.seen)
    assert consumer.seen == ["1", "2"]
    await worker.close()


async def test_parking_uses_up_no_attempt(queue: JobQueue, redis_url: str) -> None:
    consumer = Consumer()
    consumer.park_first = 5
    await queue.add_all([job("1")])
    worker = worker_for(consumer, redis_url)
    worker.start()
    await eventually(lambda: len(consumer.seen) == 6)
    assert consumer.attempts_made == [0] * 6
    await worker.close()


async def test_a_failed_job_is_revived_by_hand(queue: JobQueue, redis_url: str) -> None:
    consumer = Consumer()
    consumer.fail_first = 3
    await queue.add_all([job("1")])
    worker = worker_for(consumer, redis_url)
    worker.start()

    async def failed() -> bool:
        return await queue.state("1") == "failed"

    await eventually(failed)
    await queue.add_all([job("1")])
    assert await queue.state("1") == "failed", "BullMQ ignores an id that has finished"
    await queue.revive(job("1"))
    await eventually(lambda: len(consumer.seen) == 4)
    await worker.close()


async def test_a_wiped_redis_does_not_stop_the_worker(queue: JobQueue, redis_url: str) -> None:
    consumer = Consumer()
    worker = worker_for(consumer, redis_url)
    worker.start()
    await queue.add_all([job("before")])
    await eventually(lambda: consumer.seen == ["before"])
    async with Redis.from_url(redis_url) as client:
        await client.flushall()
    await queue.add_all([job("after")])
    await eventually(lambda: "after" in consumer.seen)
    assert consumer.seen == ["before", "after"]
    await worker.close()


async def test_a_worker_whose_loop_ended_is_started_again(queue: JobQueue, redis_url: str) -> None:
    consumer = Consumer()
    worker = SupervisedWorker(QUEUE, redis_url, consumer, QUICK, concurrency=1, lock_s=0.5)
    worker.start()
    await queue.add_all([job("before")])
    await eventually(lambda: consumer.seen == ["before"])
    assert worker._worker is not None
    worker._worker.closed = True  # What BullMQ's own loop does when it gives up.
    # The ending loop may take this job and drop it; then it comes back once its lock is over.
    await queue.add_all([job("after")])
    await eventually(lambda: "after" in consumer.seen)
    assert worker.is_consuming()
    await worker.close()


async def test_a_worker_that_takes_no_more_jobs_although_it_lives_is_not_consuming(
    queue: JobQueue, redis_url: str
) -> None:
    consumer, asked, answers = Consumer(), asyncio.Event(), asyncio.Event()
    worker = worker_for(consumer, redis_url)
    worker.start()
    await queue.add_all([job("1")])
    await eventually(lambda: consumer.seen == ["1"])
    assert worker._worker is not None
    take = worker._worker.getNextJob

    async def deaf(token: str) -> Any:
        asked.set()
        await answers.wait()
        return await take(token)

    worker._worker.getNextJob = deaf
    await queue.add_all([job("2")])  # Ends the read that goes on.
    await asyncio.wait_for(asked.wait(), 30)
    assert worker.is_consuming()
    worker._turned_at -= DEAF_AFTER_S
    assert not worker.is_consuming()

    answers.set()
    await queue.add_all([job("3")])
    await eventually(lambda: "3" in consumer.seen)
    assert worker.is_consuming()
    await worker.close()


async def test_adding_says_quickly_that_redis_is_away() -> None:
    queue = JobQueue(QUEUE, "redis://127.0.0.1:1/0", QUICK)
    started = time.monotonic()
    with pytest.raises(DependencyUnavailable, match="redis_unavailable"):
        await queue.add_all([job("1")])
    assert time.monotonic() - started < 10
    await queue.close()


async def test_closing_lets_the_running_job_finish(queue: JobQueue, redis_url: str) -> None:
    running, release, finished = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slow(_: Job, __: str) -> dict[str, Any]:
        running.set()
        await release.wait()
        finished.set()
        return {}

    worker = worker_for(slow, redis_url)
    worker.start()
    await queue.add_all([job("1")])
    await running.wait()
    closing = asyncio.create_task(worker.close())
    await asyncio.sleep(0)
    release.set()
    await closing
    assert finished.is_set()
    assert await queue.state("1") == "completed"


async def test_a_closed_worker_leaves_nothing_behind_that_could_open_a_connection(redis_url: str) -> None:
    worker = worker_for(Consumer(), redis_url, concurrency=3)
    worker.start()
    await eventually(lambda: worker._worker is not None and bool(worker._worker.processing))
    assert worker._worker is not None
    await worker.close()
    assert [task for task in worker._worker.processing if not task.done()] == []


async def test_a_job_that_comes_is_not_asked_for_by_every_free_place(queue: JobQueue, redis_url: str) -> None:
    consumer = Consumer()
    worker = worker_for(consumer, redis_url, concurrency=30)
    worker.start()
    async with Redis.from_url(redis_url) as client:
        before = await scripts_called(client)
        for number in range(10):
            await queue.add_all([job(str(number))])
            await eventually(lambda count=number + 1: len(consumer.seen) == count)
        called = await scripts_called(client) - before
    # Each is added, taken and completed, and then it is seen that there is no more: five calls; the worker's
    # first look may be among them. Thirty places that ask each time would be hundreds.
    assert called <= 10 * 6
    await worker.close()


async def scripts_called(client: Redis) -> int:
    statistics = await client.info("commandstats")
    return sum(int(statistics.get(f"cmdstat_{name}", {}).get("calls", 0)) for name in ("eval", "evalsha"))


async def test_a_worker_is_one_among_redis_clients_by_the_name_that_bullmq_for_node_looks_for(
    queue: JobQueue, redis_url: str
) -> None:
    consumer = Consumer()
    worker = worker_for(consumer, redis_url, concurrency=4)
    worker.start()
    client = Redis.from_url(redis_url, decode_responses=True)

    async def names() -> list[str]:
        found = [each["name"] for each in await client.client_list() if each["name"]]
        assert found
        return found

    await queue.add_all([job(f"{number}") for number in range(8)])
    await eventually(lambda: len(consumer.seen) == 8)
    assert await eventually(names) == [worker_client_name(QUEUE)]
    # Base64 of the queue's name.
    assert worker_client_name(QUEUE).startswith("bull:d2ViaG9vay1wcm9jZXNzaW5n:w:")
    await client.aclose()
    await worker.close()
