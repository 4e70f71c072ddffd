"""The hub killed, Redis stopped in the midst of an agent's work: one answer, and nothing is done twice."""

import asyncio
import contextlib
import signal
from uuid import uuid4

import httpx
import psycopg
import pytest
import pytest_asyncio

from oblivion_platform.testing import eventually
from tests.agents.world import run_in, shown
from tests.faults.schedule import Fault, Harm
from tests.settling import of_each_tenant

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(300),
    pytest.mark.asyncio(loop_scope="package"),
]

BACK_WITHIN_S = 90.0
"""A hub that starts again, on a busy machine."""


@pytest.fixture
def title():
    return f"marmalade {uuid4().hex[:6]}"


@pytest_asyncio.fixture(loop_scope="package")
async def planned(world, title):
    """The model looks first, then writes, then says that it is done."""
    llm, wanted = world.control.llm, f"*{title}*"
    await llm.call_tool("notion__search", {"query": "launch"}, match=wanted)
    await llm.call_tool("notion__createTask", {"title": title}, match=wanted)
    await llm.say(f"That was about {title}.", match=wanted)


async def titled(world, title):
    """The pages of that title in the sandbox's Notion."""
    return [page for page in await world.control.notion.documents("page") if title in str(page)]


async def calls_of(world, run_id, tool):
    """Their states, the oldest first."""
    async with await psycopg.AsyncConnection.connect(world.system.database_url()) as connection:
        query = "SELECT state FROM tool_calls WHERE run_id = %s AND tool = %s ORDER BY at, id"
        return [row["state"] for row in await of_each_tenant(connection, query, (run_id, tool))]


async def kill_hub(world):
    assert world.system.send("mcp-hub", signal.SIGKILL)


async def hub_is_back(world):
    async with httpx.AsyncClient(base_url=world.system.base_url) as http:

        async def answers():
            address = "/.well-known/oauth-protected-resource/mcp"
            with contextlib.suppress(httpx.HTTPError):
                assert (await http.get(address)).status_code == 200
                return
            raise AssertionError("nobody answers")

        await eventually(answers, within_s=BACK_WITHIN_S)


async def asked_for_approval(talk, title):
    """A run that has used a tool, and waits for a person before the next."""
    asked = await talk.ask(f'notion, create a task "{title}"')
    run_id = run_in(await talk.said(asked, "Processing"))
    return run_id, asked, await talk.said(asked, "May I use notion__createTask?")


async def allow(talk, question):
    await talk.slack.press(talk.channel, question["ts"], "oblivion:approve", user="you")


async def answered_once(world, talk, asked, words):
    """The one final answer, once nothing is on its way any more."""
    await talk.said(asked, words)

    async def nothing_waits():
        assert await world.system.unsettled() == {}

    await eventually(nothing_waits, within_s=BACK_WITHIN_S)
    assert sum(words in shown(message) for message in await talk.ours(asked)) == 1


async def test_a_hub_that_is_killed_between_two_calls_of_a_run_is_missed_by_nobody(
    world, talk, title, planned
):
    _, asked, question = await asked_for_approval(talk, title)
    await kill_hub(world)
    await hub_is_back(world)
    await allow(talk, question)
    await answered_once(world, talk, asked, f"That was about {title}")
    assert len(await titled(world, title)) == 1


async def test_a_call_that_meets_a_hub_which_starts_again_is_made_once_or_told_of(
    world, talk, title, planned
):
    run_id, asked, question = await asked_for_approval(talk, title)
    await kill_hub(world)
    await allow(talk, question)
    await answered_once(world, talk, asked, f"That was about {title}")
    await hub_is_back(world)
    done = len(await titled(world, title))
    assert done == len(await calls_of(world, run_id, "createTask"))
    assert done <= 1


async def test_a_change_that_a_hub_was_at_when_it_was_killed_is_not_made_again(world, talk, title, planned):
    notion = world.control.notion
    rule = await notion.misbehave("POST */pages", "slow", seconds=6)

    async def asked_of_notion():
        return [each["applied"] for each in await notion.rules() if each["id"] == rule["id"]]

    try:
        run_id, asked, question = await asked_for_approval(talk, title)
        await allow(talk, question)

        async def under_way():
            assert await asked_of_notion() == [1]

        await eventually(under_way, within_s=BACK_WITHIN_S)
        await kill_hub(world)
        await answered_once(world, talk, asked, f"That was about {title}")
        await hub_is_back(world)
        assert await asked_of_notion() == [1]
    finally:
        await notion.behave(rule["id"])
    assert await calls_of(world, run_id, "createTask") == ["started"]  # Nobody saw its end.


@pytest.mark.parametrize("harm", [Harm.STOP, Harm.KILL])
async def test_redis_away_for_some_seconds_holds_a_run_up_and_doubles_nothing(
    world, talk, title, planned, harm
):
    run_id, asked, question = await asked_for_approval(talk, title)
    harming = asyncio.create_task(world.system.inflict(Fault(0, "redis", harm, 5.0)))
    await allow(talk, question)
    await harming
    await answered_once(world, talk, asked, f"That was about {title}")
    assert len(await titled(world, title)) == 1
    assert await calls_of(world, run_id, "createTask") == ["succeeded"]
