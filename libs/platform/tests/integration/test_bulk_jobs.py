"""What our bulk adds is what BullMQ's own would have added."""

from typing import Any

import pytest
import redis.asyncio
from bullmq import Queue

from oblivion_platform.queue import JobPolicy, JobQueue, NewJob

pytestmark = pytest.mark.integration

JOBS = [NewJob(f"id-{number}", {"n": number, "text": "ünï"}, 1 + number % 3) for number in range(250)]


async def stored(client: Any, queue: str) -> tuple[dict[str, dict[str, str]], list[str]]:
    """The jobs' hashes, but for the time, and the order in which they will run."""
    hashes = {job.id: await client.hgetall(f"bull:{queue}:{job.id}") for job in JOBS}
    for fields in hashes.values():
        assert int(fields.pop("timestamp")) > 0
        assert fields.pop("name") == queue
    return hashes, await client.zrange(f"bull:{queue}:prioritized", 0, -1)


async def test_a_bulk_of_ours_is_a_bulk_of_bullmqs(redis_url: str) -> None:
    ours = JobQueue("ours", redis_url, JobPolicy())
    async with redis.asyncio.Redis.from_url(redis_url, decode_responses=True) as client:
        await ours.add_all(JOBS)
        theirs = Queue("theirs", {"connection": client})
        options = ours._options()
        await theirs.addBulk(
            [
                {
                    "name": "theirs",
                    "data": job.data,
                    "opts": {**options, "jobId": job.id, "priority": job.priority},
                }
                for job in JOBS
            ]
        )
        assert await stored(client, "ours") == await stored(client, "theirs")
        assert await client.xlen("bull:ours:events") == await client.xlen("bull:theirs:events")
        assert await client.zrange("bull:ours:marker", 0, -1) == await client.zrange(
            "bull:theirs:marker", 0, -1
        )
    await ours.close()


async def test_adding_again_changes_nothing(redis_url: str) -> None:
    queue = JobQueue("ours", redis_url, JobPolicy())
    await queue.add_all(JOBS)
    await queue.add_all([NewJob(job.id, {"other": True}, 1) for job in JOBS])
    async with redis.asyncio.Redis.from_url(redis_url, decode_responses=True) as client:
        hashes, order = await stored(client, "ours")
        told = [fields["event"] for _, fields in await client.xrange("bull:ours:events")]
    assert "duplicated" not in told
    assert len(order) == len(JOBS)
    assert all("other" not in fields["data"] for fields in hashes.values())
    await queue.close()


async def test_a_redis_that_forgot_its_scripts_is_told_them_again(redis_url: str) -> None:
    queue = JobQueue("ours", redis_url, JobPolicy())
    await queue.add_all(JOBS[:1])
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        await client.script_flush()
    await queue.add_all(JOBS)
    assert (await queue.counts())["prioritized"] == len(JOBS)
    await queue.close()
