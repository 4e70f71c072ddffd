"""A question put to a run at work ends in an answer, read by that run or not."""

from oblivion_contracts.runs import RunState
from oblivion_platform import runs


async def test_a_question_that_a_run_left_unread_is_answered_by_a_run_of_its_own(path, squad, talk):
    async with path.worker(run_sweep_every_s=0.1):
        await squad.online("general")
        asked = await talk.ask("write a poem")
        first = await squad.assigned()
        await squad.acknowledge(first)
        again = await talk.ask("and a song", thread_ts=asked, user="ben")
        await path.settled()
        assert len(await squad.all_runs()) == 1

        async def end(tx):
            """As the gateway does for an agent that has read nothing but its prompt."""
            change = await runs.complete(tx, first.id, first.fence, "roses are red", None)
            await runs.queue_unread(tx, first, 1)
            return change

        await squad.step(end)
        second = await squad.assigned()
        assert (second.prompt, second.place["question_ts"]) == ("and a song", again)
        await talk.said(asked, "roses are red")
        await talk.said(asked, "Processing")
        await squad.acknowledge(second)
        await squad.complete(second, "la la la")
        messages = await talk.said(asked, "la la la")
        await path.settled()
        assert len(messages) == 2
        assert await talk.reactions(again) == {"white_check_mark"}
        assert [run.state for run in await squad.all_runs()] == [RunState.SUCCEEDED] * 2


async def test_a_stop_ends_what_its_own_people_asked_and_no_question_of_others(path, squad, talk):
    async with path.worker(run_sweep_every_s=0.1):
        await squad.online("general")
        asked = await talk.ask("write a poem")
        first = await squad.assigned()
        await squad.acknowledge(first)
        await talk.ask("a long one", thread_ts=asked, user="ana")
        of_ben = await talk.ask("and a song", thread_ts=asked, user="ben")
        await path.settled()
        await path.slack.stop(path.channel, asked, user="ana")
        second = await squad.assigned()
        assert (second.prompt, second.place["question_ts"]) == ("and a song", of_ben)
        await squad.acknowledge(second)
        await squad.complete(second, "la la la")
        await talk.said(asked, "la la la")
        await path.settled()
        states = [run.state for run in await squad.all_runs()]
        assert states == [RunState.CANCELLED, RunState.SUCCEEDED]
