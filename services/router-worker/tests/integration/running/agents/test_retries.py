"""The same work once more is shown as a run of its own."""

from oblivion_contracts.runs import RunState
from oblivion_platform import runs
from oblivion_platform.testing import eventually


async def again(squad, run):
    change = await squad.step(lambda tx: runs.retry(tx, run, run.requested_by))
    return change.run_id


async def test_a_retry_has_a_message_of_its_own_and_the_question_is_seen_again(path, squad, talk):
    async with path.worker(run_sweep_every_s=0.1):
        await squad.online("general")
        asked = await talk.ask("write a poem")
        first = await squad.assigned()
        await squad.acknowledge(first)
        await squad.fail(first, "The model does not answer.")
        await talk.said(asked, "The model does not answer")
        await path.settled()
        second = await again(squad, await squad.read(first.id))
        await talk.said(asked, "Processing")
        run = await squad.assigned()
        assert run.id == second
        await path.settled()
        assert await talk.reactions(asked) == {"eyes"}
        await squad.acknowledge(run)
        await squad.complete(run, "roses are red")
        messages = await talk.said(asked, "roses are red")
        assert len(messages) == 2
        await path.settled()
        assert await talk.reactions(asked) == {"white_check_mark"}


async def test_a_retry_asks_again_who_should_do_it(path, squad, talk):
    await path.run("UPDATE agents SET state = 'disabled' WHERE name <> 'fixer'")
    async with path.worker(run_sweep_every_s=0.1):
        asked = await talk.ask("hm")
        await talk.said(asked, "Who should do this")
        await path.slack.react(path.channel, asked, "x", user="ana")
        await talk.said(asked, "Stopped by")
        (first,) = await squad.all_runs()
        second = await again(squad, first)

        async def asks_again():
            found = await squad.read(second)
            assert found.state is RunState.QUEUED
            assert found.place.get("asked_for_agent")
            assert sum("Who should do this" in str(m) for m in await path.thread(asked)) == 1

        await eventually(asks_again)
