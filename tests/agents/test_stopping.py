"""Each way in which people stop a run ends it at once: for them, and in the agent."""

import pytest

from oblivion_platform.testing import eventually
from tests.agents.world import run_in

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(300),
    pytest.mark.asyncio(loop_scope="package"),
]


async def by_slack_s_own_stop(world, talk, asked, run_id):
    await talk.slack.stop(talk.channel, asked, user="ana")


async def by_a_reaction(world, talk, asked, run_id):
    await talk.slack.react(talk.channel, asked, "x", user="ana")


async def by_the_slash_command(world, talk, asked, run_id):
    await talk.slack.command("/oblivion", "stop", channel=talk.channel, user="ana")


async def by_the_command_line(world, talk, asked, run_id):
    await world.system.command("runs", "cancel", str(run_id)[:8])


async def by_rest(world, talk, asked, run_id):
    async with world.signed_in() as browser:
        answer = await browser.post(f"/api/runs/{run_id}/cancel", json={})
        assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    "stop", [by_slack_s_own_stop, by_a_reaction, by_the_slash_command, by_the_command_line, by_rest]
)
async def test_a_run_is_stopped(world, talk, stop):
    asked = await talk.ask("@keeper hold on", user="ana")
    run_id = run_in(await talk.said(asked, "Processing"))
    await eventually(lambda: run_id in world.keeper.holds)

    await stop(world, talk, asked, run_id)

    ended = await talk.said(asked, ":no_entry_sign:")
    await eventually(lambda: run_id in world.keeper.stopped)
    assert run_in(ended) == run_id
    assert len(await talk.ours(asked)) == 1
