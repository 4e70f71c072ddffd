"""The jobs of runs in `ai-agent-tasks`: what they say, and which is taken first."""

import json

import pytest
from redis.asyncio import Redis

from oblivion_contracts.runs import Category, RunPriority, RunSource, RunState
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


async def queued(squad, priority=RunPriority.MENTION, category=Category.MEDIUM):
    """A run that nobody has looked after yet."""
    async with squad.database.tenant(squad.tenant_id) as tx:
        session = await sessions.create(tx, squad.tenant_id, NewSessionRow(source=RunSource.API))
        new = NewRun(
            session_id=session.id,
            source=RunSource.API,
            thread=session.queue,
            prompt="@fixer mend it",
            priority=priority,
            category=category,
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
        assert stored["name"] == "process-mention"


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
        assert stored["name"] == "process-mention"


async def test_a_job_has_three_attempts_and_so_many_are_kept_in_redis(path, squad, talk):
    async with path.worker():
        asked = await talk.ask("@fixer mend the build")
        await talk.said(asked, "Processing")
        (run,) = await squad.all_runs()
        options = json.loads((await job(path, run.id))["opts"])
    assert options["attempts"] == 3
    assert (options["removeOnComplete"], options["removeOnFail"]) == ({"count": 1_000}, {"count": 5_000})


async def test_runs_at_work_keep_no_place_of_their_worker_and_use_up_no_attempt(path, squad):
    async with path.worker(run_concurrency=1, run_sweep_every_s=0.1):
        await squad.online("fixer")
        for number in range(3):
            await queued(squad)

            async def all_given(count=number + 1):
                found = await squad.all_runs()
                assert [run.state for run in found] == [RunState.ASSIGNED] * count

            await eventually(all_given)

        async def all_parked():
            for run in await squad.all_runs():
                assert await squad.jobs.state(str(run.id)) == "delayed"
                assert (await job(path, run.id)).get("atm", "0") == "0"

        await eventually(all_parked)


@pytest.mark.parametrize(
    ("category", "minutes"), [(Category.QUICK, 2), (Category.MEDIUM, 15), (Category.COMPLEX, 60)]
)
async def test_a_run_has_as_much_time_as_its_category_says(path, squad, category, minutes):
    async with path.worker(run_sweep_every_s=0.1):
        await squad.online("fixer")
        await queued(squad, category=category)
        given = await squad.assigned()
        assert (given.deadline_at - given.assigned_at).total_seconds() == pytest.approx(60 * minutes, abs=1)
