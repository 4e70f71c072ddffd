"""A run that fails on our side for a reason that nobody foresaw ends, is told of, and is a dead letter."""

from oblivion_contracts.runs import RunState


async def test_a_run_that_stumbles_three_times_is_given_up_and_does_not_hold_up_its_thread(path, squad, talk):
    async with path.worker(run_sweep_every_s=0.1):
        await squad.online("general")
        asked = await talk.ask("write a poem")
        first = await squad.assigned()
        await squad.acknowledge(first)
        await talk.ask("@fixer mend the build", thread_ts=asked)
        await talk.said(asked, "waits for the one before it")
        await path.settled()
        broken = (await squad.all_runs())[1]
        # What no version of ours writes there.
        await path.run("UPDATE runs SET wanted = '[]', wake_at = 'epoch' WHERE id = :id", id=broken.id)
        await talk.said(asked, "failed on our side", within_s=30)
        found = await squad.read(broken.id)
        assert found.state is RunState.FAILED
        (row,) = await path.rows("SELECT failures FROM runs WHERE id = :id", id=broken.id)
        assert [failure["message"] for failure in row["failures"]] == ["AttributeError"] * 3
        await squad.online("fixer")
        await talk.ask("@fixer mend it now", thread_ts=asked)
        await path.settled()
        await squad.complete(first, "roses are red")
        assert (await squad.assigned()).agent_id == squad.ids["fixer"]
