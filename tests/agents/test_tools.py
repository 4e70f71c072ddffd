"""What people ask for in Slack is done with the tenant's tools, as far as those who speak are trusted."""

import contextlib
import json
from uuid import uuid4

import httpx
import httpx2
import pytest
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client

from oblivion_platform.testing import eventually
from tests.agents.world import shown
from tests.system import SystemFailed

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(300),
    pytest.mark.asyncio(loop_scope="package"),
]


async def pages(world):
    """Everything that the sandbox's Notion holds, as text."""
    async with httpx.AsyncClient(base_url=world.system.sandbox_url) as http:
        return (await http.get("/notion/control/documents/page")).text


async def link_of(world, title):
    """The end of the address of the page with that title, once it is there."""
    found = [page for page in json.loads(await pages(world))["documents"] if title in json.dumps(page)]
    assert found, title
    return found[0]["id"].replace("-", "")


async def test_a_task_asked_for_in_slack_is_in_notion_and_its_link_in_the_thread(world, talk):
    title = f"buy milk {uuid4().hex[:6]}"
    asked = await talk.ask(f'create a task "{title}" in notion')
    link = await eventually(lambda: link_of(world, title), within_s=60)
    assert link in shown(await talk.said(asked, link))


async def test_what_a_guest_asks_for_waits_for_a_member(world, talk):
    title = f"sell milk {uuid4().hex[:6]}"
    asked = await talk.ask(f'create a task "{title}" in notion', user="ana")
    question = await talk.said(asked, "May I use notion__createTask?")
    assert title in shown(question)
    await talk.slack.press(talk.channel, question["ts"], "oblivion:approve", user="ana")
    await talk.whispered("Guests can ask, but not approve")
    assert title not in await pages(world)

    await talk.slack.press(talk.channel, question["ts"], "oblivion:approve", user="you")
    link = await eventually(lambda: link_of(world, title), within_s=60)
    assert link in shown(await talk.said(asked, link))


async def test_what_a_member_asks_for_in_a_guests_thread_waits_for_a_member_too(world, talk):
    title = f"lend milk {uuid4().hex[:6]}"
    begun = await talk.slack.post(talk.channel, "we are out of milk again", user="ana")
    await talk.ask(f'create a task "{title}" in notion', thread_ts=begun["ts"])
    question = await talk.said(begun["ts"], "May I use notion__createTask?")
    assert title in shown(question)
    assert title not in await pages(world)

    await talk.slack.press(talk.channel, question["ts"], "oblivion:approve", user="you")
    link = await eventually(lambda: link_of(world, title), within_s=60)
    assert link in shown(await talk.said(begun["ts"], link))
    answered = shown(await talk.said(begun["ts"], "*Approved* by"))
    assert "somebody" not in answered


async def test_the_command_line_lists_tests_and_shows_what_is_connected(world):
    listed = await world.system.command("connections", "list")
    tested = await world.system.command("connections", "test", "notion")
    tools = await world.system.command("connections", "tools", "notion")
    assert "notion" in listed
    assert "Notion answers" in tested
    assert "notion__createTask" in tools


@contextlib.asynccontextmanager
async def mcp_client(world):
    """Anybody's, with the token that the command line prints."""
    token = (await world.system.command("connections", "token")).strip()
    async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=30) as http:
        transport = streamable_http_client(f"{world.system.base_url}/mcp", http_client=http)
        async with Client(transport, cache=None) as client:
            yield client


async def shelf_tools(client):
    return {tool.name for tool in (await client.list_tools()).tools if tool.name.startswith("shelf__")}


async def test_a_connection_s_whole_life_at_the_terminal(world):
    async with httpx.AsyncClient(base_url=world.system.sandbox_url) as http:
        key = (await http.get("/notion/control/account")).json()["token"]

    async def oblivion(*arguments, secret=None):
        settings = {} if secret is None else {"OBLIVION_CONNECTION_SECRET": secret}
        return await world.system.command("connections", *arguments, settings=settings)

    added = json.loads(await oblivion("add", "notion", "--name", "shelf", "--json", secret=key))
    assert (added["is_trusted"], added["health"]["ok"]) == (False, True)
    assert "shelf__createTask" in await oblivion("tools", "shelf")
    assert {"notion", "clickup"} <= {
        each["name"] for each in json.loads(await oblivion("providers", "--json"))["items"]
    }
    async with mcp_client(world) as client:
        assert "shelf__createTask" in await shelf_tools(client)

        async def gone():
            assert await shelf_tools(client) == set()

        await oblivion("set", "shelf", "--disable", "--trusted")
        await eventually(gone)
        changed = json.loads(await oblivion("set", "shelf", "--enable", "--secret", "--json", secret="wrong"))
        assert (changed["state"], changed["is_trusted"]) == ("active", True)
        with pytest.raises(SystemFailed, match="does not accept"):
            await oblivion("test", "shelf")
        await oblivion("set", "shelf", "--secret", secret=key)
        assert "Notion answers" in await oblivion("test", "shelf")
        assert "taken as right" in await oblivion("pin", "shelf", "createTask")
        await oblivion("remove", "shelf", "--yes")
        await eventually(gone)
    assert "shelf" not in await oblivion("list")
    with pytest.raises(SystemFailed, match="Nothing is to change"):
        await oblivion("set", "notion")
    assert key not in added.values()
