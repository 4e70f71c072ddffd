"""What is said of a run in its thread beside the agent's own words: why it is silent, whom it asked."""

from oblivion_contracts.runs import RunEventKind
from oblivion_platform import runs


async def at_work(squad, talk):
    await squad.online("general")
    asked = await talk.ask("@general write a poem")
    run = await squad.assigned()
    await squad.acknowledge(run)
    await talk.said(asked, "Processing")
    return asked, run


async def test_that_an_agent_is_muted_and_until_when_stands_in_the_thread(path, squad, talk):
    async with path.worker():
        asked, run = await at_work(squad, talk)
        words = "general is muted until 12:00:00 UTC: more than 10 messages in a minute <!channel>"
        notice = {"code": "agent_muted", "text": words}
        await squad.step(lambda tx: runs.note(tx, run.id, RunEventKind.NOTICE, notice))
        line = (await talk.said(asked, "muted until 12:00:00 UTC: more than 10 messages"))[-1]
        assert "<!channel>" not in str(line)
        await squad.complete(run, "roses are red")
        await talk.said(asked, "roses are red")


async def test_whom_an_agent_asked_for_what_stands_in_the_thread_once(path, squad, talk):
    async with path.worker():
        asked, run = await at_work(squad, talk)
        work = {"agent": "fixer", "prompt": "mend *the* rhymes"}
        await squad.step(lambda tx: runs.delegated(tx, run.id, run.fence, work))
        await talk.said(asked, "asked fixer")
        await squad.complete(run, "roses are red")
        messages = await talk.said(asked, "roses are red")
        await path.settled()
        (line,) = [each for each in messages if "asked fixer" in str(each)]
        assert "mend" in line["text"]
        assert len(await path.thread(asked)) == 2
