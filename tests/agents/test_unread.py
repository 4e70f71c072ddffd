"""An agent that never looks at what is said meanwhile, as one of twelve lines: each question is answered."""

import asyncio
from pathlib import Path

import pytest

from oblivion_client import Agent, Configuration, Run, Stop, TaskAssigned
from oblivion_platform.testing import eventually

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(180),
    pytest.mark.asyncio(loop_scope="package"),
]


async def test_a_question_put_to_an_agent_that_reads_nothing_is_answered_after_the_first(
    world, talk, tmp_path
):
    agent, may_answer, stop = Agent("deaf"), asyncio.Event(), Stop()
    begun: list[str] = []

    @agent.on_task()
    async def work(task: TaskAssigned, run: Run) -> str:
        begun.append(task.prompt)
        await may_answer.wait()
        return f"You asked “{task.prompt}”."

    await world.system.command("agents", "create", "deaf", "--env", str(tmp_path / ".env"))
    configuration = Configuration.find(Path(tmp_path), {"OBLIVION_HOME": str(world.system.home)})
    serving = asyncio.create_task(agent.serve(configuration, stop))
    try:
        asked = await talk.ask("@deaf what is the time?")
        await eventually(lambda: len(begun) == 1, within_s=30)
        again = await talk.ask("and the date?", thread_ts=asked)

        async def seen():
            messages = await talk.slack.thread(talk.channel, asked)
            (second,) = [each for each in messages if each["ts"] == again]
            assert [mark["name"] for mark in second.get("reactions", [])] == ["eyes"]

        await eventually(seen, within_s=30)
        assert len(begun) == 1
        may_answer.set()
        await talk.said(asked, "You asked “@deaf what is the time?”")
        await talk.said(asked, "You asked “and the date?”")
        assert len(await talk.ours(asked)) == 2
    finally:
        stop.ask(0)
        await serving
