"""The jobs of runs in `ai-agent-tasks`: what they say, and which is taken first."""

import json

from redis.asyncio import Redis

from oblivion_contracts.runs import RunPriority, RunSource
from oblivion_platform import runs, sessions
from oblivion_platform.runs import NewRun, RunJob, job_of, run_queue
from oblivion_platform.sessions import NewSessionRow
from oblivion_platform.testing import eventually


async def job(path, run_id):
    """As BullMQ keeps it."""

    async def there():
        async with Redis.from_url(path.redis_url, decode_responses=True) as redis:
            stored = await redis.hgetall(f"bull:ai-agent-tasks:{run_id}")
        assert stored
        return stored

    return await eventually(there)


async def queued(squad, priority):
    """A run that nobody has looked after yet."""
    async with squad.database.tenant(squad.tenant_id) as tx:
        session = await sessions.create(tx, squad.tenant_id, NewSessionRow(source=RunSource.API))
        new = NewRun(
            session_id=session.id,
            source=RunSource.API,
            thread=session.queue,
            prompt="@fixer mend it",
            priority=priority,
        )
        await runs.create(tx, squad.tenant_id, new)
    return new


async def test_a_mentions_job_says_who_asked_and_where_and_nothing_of_what_was_asked(path, squad, talk):
    async with path.worker():
        asked = await talk.ask("@fixer mend the build")
        await talk.said(asked, "Processing")
        (run,) = await squad.all_runs()
        stored = await job(path, run.id)
        data = json.loads(stored["data"])
        assert data.pop("traceparent", "").count("-") in (0, 3)
        assert data == {
            "run_id": str(run.id),
            "tenant_id": str(squad.tenant_id),
            "user_id": str(run.user_id),
            "channel_id": path.channel,
            "thread_id": asked,
        }
        assert "mend" not in str(stored)


async def test_a_mention_goes_before_work_that_was_handed_on(path, squad):
    handed_on, mention = await queued(squad, RunPriority.DELEGATION), await queued(squad, RunPriority.MENTION)
    queue = run_queue(path.redis_url)
    await queue.add_all([job_of(squad.tenant_id, RunJob.of(each)) for each in (handed_on, mention)])
    await queue.close()
    async with path.worker(run_concurrency=1, run_sweep_every_s=60):

        async def both_routed():
            first, second = await squad.read(mention.id), await squad.read(handed_on.id)
            assert first.routed_at
            assert second.routed_at
            return first, second

        first, second = await eventually(both_routed)
        assert first.routed_at < second.routed_at


async def test_a_job_that_redis_lost_comes_back_with_its_runs_priority(path, squad):
    run = await queued(squad, RunPriority.DELEGATION)
    await path.run("UPDATE runs SET wake_at = now() - interval '1 h'")
    async with path.worker(run_sweep_every_s=0.1):
        stored = await job(path, run.id)
        assert int(stored["priority"]) == RunPriority.DELEGATION
