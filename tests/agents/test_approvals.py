"""An agent asks a person: buttons in the thread, which outlive a restart of everything."""

import pytest

from oblivion_platform.testing import eventually
from tests.agents.world import run_in

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(300),
    pytest.mark.asyncio(loop_scope="package"),
]


async def test_a_question_outlives_a_restart_and_the_right_person_s_answer_ends_the_run_once(world, talk):
    asked = await talk.ask("@keeper launch it", user="ana")
    question = await talk.said(asked, "asks for approval")
    await world.restart()

    pressed = await talk.slack.press(talk.channel, question["ts"], "oblivion:approve", user="ben")
    assert pressed["status"] == 200
    await talk.whispered("Guests can ask, but not approve")

    await talk.slack.press(talk.channel, question["ts"], "oblivion:approve", user="you")
    await talk.said(asked, "It has lifted off.")
    answered = await talk.said(asked, "Approved")
    assert answered["ts"] == question["ts"]
    assert "oblivion:approve" not in str(answered["blocks"])

    messages = await settled(world, talk, asked)
    assert len(messages) == 2, messages
    assert sum("lifted off" in str(message) for message in messages) == 1


async def test_a_denial_reaches_the_agent(talk):
    asked = await talk.ask("@keeper launch it")
    question = await talk.said(asked, "asks for approval")
    await talk.slack.press(talk.channel, question["ts"], "oblivion:deny", user="you")
    answer = await talk.said(asked, "It stays on the ground.")
    assert answer["ts"] != question["ts"]


async def test_an_answer_over_rest_reaches_the_agent_and_the_thread(world, talk):
    asked = await talk.ask("@keeper launch it")
    run_id = run_in(await talk.said(asked, "Processing"))
    question = await talk.said(asked, "asks for approval")
    async with world.signed_in() as browser:
        pending = (await browser.get("/api/approvals")).json()["items"]
        (approval,) = [each for each in pending if each["run_id"] == str(run_id)]
        answer = await browser.post(f"/api/approvals/{approval['id']}", json={"approved": True})
        assert answer.status_code == 200, answer.text
    await talk.said(asked, "It has lifted off.")
    assert (await talk.said(asked, "Approved"))["ts"] == question["ts"]


async def settled(world, talk, asked):
    """What stands in the thread once nothing is on its way any more."""

    async def nothing_waits():
        assert await world.system.unsettled() == {}

    await eventually(nothing_waits)
    return await talk.ours(asked)
