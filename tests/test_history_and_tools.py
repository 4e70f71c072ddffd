"""What an agent finds in earlier runs is words of others: tools are judged by it from the next call on."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
import pytest_asyncio
from sqlalchemy import text

from oblivion_contracts.agents import AgentDefinition
from oblivion_contracts.runs import RunSource
from oblivion_contracts.tool_use import APPROVAL_KEY
from oblivion_gateway.testing import TestTenant
from oblivion_gateway.testing import World as Gateway
from oblivion_gateway.testing import running_world as running_gateway
from oblivion_gateway.testing_agents import Dispatcher, TestAgent, about, dispatching, work
from oblivion_mcp_hub.testing import TestTenant as HubTenant
from oblivion_mcp_hub.testing import World as Hub
from oblivion_mcp_hub.testing import running_world as running_hub
from oblivion_mcp_hub.testing_upstream import Upstream, running_upstream
from oblivion_platform.agents import parse_client_id, update_agent
from oblivion_platform.testing import FreshDatabase, eventually
from oblivion_sandbox.testing import running_sandbox

pytestmark = pytest.mark.integration

ANSWER = "the login page works again"
QUERY = {"query": "users cannot log in", "limit": 50}
WRITE = ("wiki__write", {"text": "hello"})
OFFERED = {"wiki__read", "wiki__write", "wiki__destroy"}


@dataclass
class Place:
    """A gateway and a hub of one tenant, an agent with every tool of a trusted server, and a history."""

    gateway: Gateway
    hub: Hub
    tenant: TestTenant
    agent_id: UUID
    agent: TestAgent
    dispatcher: Dispatcher
    wiki: Upstream
    wiki_id: UUID

    async def run(self, asked_by: str | None, **more: Any) -> Any:
        user_id = None if asked_by is None else self.tenant.people[asked_by]
        place = (self.dispatcher, self.tenant.id, self.agent_id)
        return await work(self.agent, *place, user_id=user_id, **more)

    async def finish(self, assigned: Any) -> None:
        """With an answer that the index has from then on."""
        assert (await self.agent.call("task.completed", {**about(assigned), "answer": ANSWER})).ok

        async def indexed() -> None:
            query = text("SELECT indexed_at IS NOT NULL FROM runs WHERE id = :run")
            async with self.dispatcher.database.tenant(self.tenant.id) as tx:
                assert (await tx.execute(query, {"run": assigned.run_id})).scalar_one()

        await eventually(indexed, within_s=30)

    async def call(self, assigned: Any, name: str, arguments: dict[str, Any]) -> Any:
        async with self.hub.client(assigned.run_token) as client:
            return await client.call_tool(name, arguments)

    async def offered(self, assigned: Any) -> set[str]:
        async with self.hub.client(assigned.run_token) as client:
            return {tool.name for tool in (await client.list_tools()).tools}

    async def distrust_the_wiki(self) -> None:
        token = await self.gateway.token(self.tenant, "admin")
        path = f"/connections/{self.wiki_id}"
        changed = await self.hub.request("PATCH", path, token=token, json={"is_trusted": False})
        assert changed.status_code == 200, changed.text

    async def search(self, more: dict[str, Any]) -> set[UUID]:
        answer = await self.agent.call("search.history", {**QUERY, **more})
        assert answer.ok, answer
        return {hit.run_id for hit in answer.hits or []}


@pytest_asyncio.fixture
async def place(database: FreshDatabase, redis_url: str, tmp_path: Path) -> AsyncGenerator[Place]:
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(running_sandbox(tmp_path))
        gateway = await stack.enter_async_context(
            running_gateway(database, redis_url, qdrant_url=sandbox.qdrant_url, tools_url="http://hub/mcp")
        )
        hub = await stack.enter_async_context(
            running_hub(database, redis_url, master_key=gateway.settings.master_key)
        )
        wiki = await stack.enter_async_context(running_upstream())
        dispatcher = await stack.enter_async_context(dispatching(database, redis_url))
        tenant = await gateway.new_tenant()
        issued = await gateway.new_agent(tenant)
        client = parse_client_id(issued.client_id)
        assert client is not None
        async with gateway.database.tenant(tenant.id) as tx:
            await update_agent(tx, tenant.id, client.agent_id, AgentDefinition(tools=["wiki__*"]))
        wanted = {"name": "wiki", "url": wiki.url, "is_trusted": True}
        connection = await hub.connect(HubTenant(tenant.id, tenant.people), **wanted)
        agent = TestAgent(gateway.base_url)
        await agent.connect(await gateway.agent_token(issued))
        assert (await agent.hello()).ok
        yield Place(gateway, hub, tenant, client.agent_id, agent, dispatcher, wiki, connection.id)
        await agent.close()


PUBLIC: dict[str, Any] = {"source": RunSource.SLACK, "place": {"is_public": True}}


@pytest.mark.parametrize(
    ("found_of", "may_write", "offered"),
    [
        ("admin", True, OFFERED),
        ("guest", False, OFFERED - {"wiki__destroy"}),
        (None, False, OFFERED - {"wiki__destroy"}),
    ],
)
async def test_the_next_call_is_judged_by_whose_words_were_found(
    place: Place, found_of: str | None, may_write: bool, offered: set[str]
) -> None:
    earlier = await place.run(found_of, **PUBLIC)
    await place.finish(earlier)
    run = await place.run("user")
    assert not (await place.call(run, *WRITE)).is_error
    assert await place.search({"run": about(run)}) == {earlier.run_id}
    written = await place.call(run, *WRITE)
    assert written.is_error is not may_write
    assert (written.meta or {}).get(APPROVAL_KEY, False) is not may_write
    assert await place.offered(run) == offered
    assert len(place.wiki.calls) == 1 + may_write


async def test_a_search_that_names_no_run_finds_what_members_said_and_nothing_else(place: Place) -> None:
    """What it finds may be kept for any later run, in which nobody knows of it."""
    members = await place.run("admin", **PUBLIC)
    await place.finish(members)
    for other in ("guest", None):
        await place.finish(await place.run(other, **PUBLIC))
    reader = await place.run("admin", **PUBLIC)
    assert len(await place.search({"run": about(reader)})) == 3
    await place.finish(reader)  # What it answers may be a guest's words.
    assert await place.search({}) == {members.run_id}
    token = await place.gateway.token(place.tenant, "user")
    found = await place.gateway.request("POST", "/api/history/search", token=token, json=QUERY)
    assert len(found.json()["hits"]) == 4  # A person judges for themselves.
    held = await place.run("user")
    assert not (await place.call(held, *WRITE)).is_error


async def test_what_tools_returned_is_not_read_for_no_run_either(place: Place) -> None:
    earlier = await place.run("admin", **PUBLIC)
    assert not (await place.call(earlier, *WRITE)).is_error
    await place.finish(earlier)
    assert await place.search({}) == {earlier.run_id}
    await place.distrust_the_wiki()
    assert await place.search({}) == set()


async def test_who_is_no_member_any_more_is_not_read_for_no_run(
    place: Place, database: FreshDatabase
) -> None:
    earlier = await place.run("user", **PUBLIC)
    await place.finish(earlier)
    held = [await place.run("admin") for _ in range(2)]
    assert await place.search({}) == {earlier.run_id}
    assert [(await place.call(run, *WRITE)).is_error for run in held] == [False, False]
    with psycopg.connect(database.admin_url) as admin:
        demoted = place.tenant.people["user"]
        admin.execute("UPDATE users SET role = 'guest' WHERE id = %s", (demoted,))
    assert await place.search({}) == set()
    # What was read before counts for all that the agent was at.
    assert [(await place.call(run, *WRITE)).is_error for run in held] == [True, True]


async def test_what_was_found_is_passed_on_with_whose_words_it_was(place: Place) -> None:
    """A guest's words, found by a member's run, found again by another one."""
    guests = await place.run("guest", **PUBLIC)
    await place.finish(guests)
    between = await place.run("admin", **PUBLIC)
    assert await place.search({"run": about(between)}) == {guests.run_id}
    await place.finish(between)
    run = await place.run("user")
    assert between.run_id in await place.search({"run": about(run)})
    assert (await place.call(run, *WRITE)).is_error


async def test_what_was_said_after_an_earlier_run_s_end_does_not_count(place: Place) -> None:
    earlier = await place.run("admin", **PUBLIC)
    await place.finish(earlier)
    session = (await place.dispatcher.read(place.tenant.id, earlier.run_id)).session_id
    await place.dispatcher.say(place.tenant.id, session, "me too", user_id=place.tenant.people["guest"])
    run = await place.run("user")
    assert await place.search({"run": about(run)}) == {earlier.run_id}
    assert not (await place.call(run, *WRITE)).is_error
