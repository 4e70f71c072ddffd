"""A workflow's tick becomes one run, whoever sees it, and its result stands in the channel."""

import json
from datetime import UTC, datetime
from uuid import uuid4

from oblivion_contracts.runs import RunSource, RunState
from oblivion_platform.testing import eventually


async def add(path, squad, **definition):
    # Not before the test is over, whenever it begins.
    hour = (datetime.now(UTC).hour + 12) % 24
    whole = {"name": "daily", "prompt": "what is new?", "agent": "fixer", "schedule": f"0 {hour} * * *"}
    await path.run(
        "INSERT INTO workflows (id, tenant_id, name, definition, next_run_at)"
        " VALUES (:id, :t, 'daily', CAST(:d AS jsonb), now() - interval '1 second')",
        id=uuid4(),
        t=squad.tenant_id,
        d=json.dumps(whole | definition),
    )


async def test_a_tick_is_one_run_of_two_workers_and_its_result_is_posted(path, squad):
    async with path.worker(run_sweep_every_s=0.05), path.worker(run_sweep_every_s=0.05):
        async with squad.answering("fixer", "nothing new"):
            await add(path, squad, slack_channel=path.channel)

            async def posted():
                said = [m for m in await path.thread() if "nothing new" in str(m["blocks"])]
                assert len(said) == 1

            await eventually(posted)
        await path.settled()
        (run,) = await squad.all_runs()
        assert run.source is RunSource.WORKFLOW
        assert run.state is RunState.SUCCEEDED
        (row,) = await path.rows("SELECT next_run_at > now() AS later, last_run_id FROM workflows")
        assert row["later"]
        assert str(row["last_run_id"]) == str(run.id)


async def test_ticks_that_nobody_saw_are_made_up_for_by_one_run(path, squad):
    await add(path, squad, slack_channel=path.channel)
    await path.run("UPDATE workflows SET next_run_at = now() - interval '10 days'")
    async with path.worker(run_sweep_every_s=0.05), squad.answering("fixer", "nothing new"):

        async def seen():
            assert (await path.rows("SELECT next_run_at > now() AS later FROM workflows")) == [
                {"later": True}
            ]

        await eventually(seen)
        await path.settled()
        assert len(await squad.all_runs()) == 1


async def test_a_schedule_that_cannot_be_read_runs_no_more(path, squad):
    await add(path, squad, schedule="never", slack_channel=None)
    async with path.worker(run_sweep_every_s=0.05), squad.answering("fixer", "nothing new"):

        async def stopped():
            assert (await path.rows("SELECT next_run_at FROM workflows"))[0]["next_run_at"] is None

        await eventually(stopped)
        assert len(await squad.all_runs()) == 1
