"""`/mcp` over real sockets, in both generations of the protocol, with sessions that hold on any replica."""

import asyncio
from uuid import uuid4

import pytest
import redis
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp_types import (
    GetPromptResult,
    ListPromptsResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    Prompt,
    PromptMessage,
    Resource,
    ResourceTemplate,
    TextContent,
)

from oblivion_contracts.tool_use import MISSING_KEY
from oblivion_mcp_hub.testing import World, served
from oblivion_platform.tokens import API_AUDIENCE

pytestmark = pytest.mark.integration

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
LIST = {"jsonrpc": "2.0", "id": 2, "method": "tools/list", "params": {}}
ACCEPT = {"Accept": "application/json, text/event-stream"}
OF_THEN = {**ACCEPT, "MCP-Protocol-Version": "2025-11-25"}


@pytest.mark.parametrize("mode", ["2026-07-28", "auto", "legacy"])
async def test_tools_of_a_connection_are_listed_and_called(world, tenant, upstream, mode):
    await world.connect(tenant, name="wiki", url=upstream.url)
    async with world.client(await world.token(tenant, "user"), mode) as client:
        names = {tool.name for tool in (await client.list_tools()).tools}
        result = await client.call_tool("wiki__read", {"text": "hello"})
    assert names == {"wiki__read", "wiki__write", "wiki__destroy"}
    assert (result.is_error, result.content) == (False, [TextContent(text="read: hello")])


@pytest.mark.parametrize("mode", ["2026-07-28", "legacy"])
async def test_progress_reaches_the_caller(world, tenant, upstream, mode):
    await world.connect(tenant, name="wiki", url=upstream.url)
    heard = []

    async def hear(progress, total, message):
        heard.append((progress, total, message))

    async with world.client(await world.token(tenant, "user"), mode) as client:
        await client.call_tool("wiki__read", {"text": "progress"}, progress_callback=hear)
    assert heard == [(1, 2, "half")]


async def test_a_client_of_the_session_era_gets_a_session_that_any_replica_knows(world, tenant, new_world):
    token = await world.token(tenant, "user")
    begun = await world.request("POST", "/mcp", token=token, headers=ACCEPT, json=INITIALIZE)
    session = begun.headers["mcp-session-id"]
    other = await new_world(master_key=world.hub.settings.master_key)
    listed = await other.request(
        "POST", "/mcp", token=token, headers={**OF_THEN, "mcp-session-id": session}, json=LIST
    )
    assert session.startswith("mcp-session-")
    assert listed.status_code == 200


@pytest.mark.parametrize(
    "session", ["mcp-session-7d1c51a5-5e0c-4f4e-8a3f-1f4f6c0f2a10", "mcp-session-1", "../../etc", ""]
)
async def test_a_forged_session_id_is_unknown(world, tenant, session):
    token = await world.token(tenant, "user")
    answer = await world.request(
        "POST", "/mcp", token=token, headers={**OF_THEN, "mcp-session-id": session}, json=LIST
    )
    assert answer.status_code == 404


async def test_a_session_is_of_no_use_to_anybody_else(world, tenant):
    mine = await world.token(tenant, "user")
    begun = await world.request("POST", "/mcp", token=mine, headers=ACCEPT, json=INITIALIZE)
    session = {**OF_THEN, "mcp-session-id": begun.headers["mcp-session-id"]}
    neighbour = await world.new_tenant()
    others = [await world.token(tenant, "admin"), await world.token(neighbour, "user")]
    answers = [
        await world.request("POST", "/mcp", token=token, headers=session, json=LIST) for token in others
    ]
    assert [answer.status_code for answer in answers] == [404, 404]


async def test_a_session_is_a_record_of_its_tenant_for_an_hour(world, tenant, redis_url):
    token = await world.token(tenant, "user")
    begun = await world.request("POST", "/mcp", token=token, headers=ACCEPT, json=INITIALIZE)
    session = {**OF_THEN, "mcp-session-id": begun.headers["mcp-session-id"]}
    with redis.Redis.from_url(redis_url, decode_responses=True) as store:
        (key,) = store.scan_iter(f"*{begun.headers['mcp-session-id']}*")
        ends_in_s, kept = store.ttl(key), store.get(key)
    assert key.startswith(f"t:{tenant.id}:")
    assert 3_000 < ends_in_s <= 3_600
    assert (kept, token in kept) == (f"user:{tenant.people['user']}", False)
    again = await world.request("POST", "/mcp", token=token, headers=session, json=LIST)
    assert again.status_code == 200


async def test_a_session_that_was_closed_is_over(world, tenant):
    token = await world.token(tenant, "user")
    begun = await world.request("POST", "/mcp", token=token, headers=ACCEPT, json=INITIALIZE)
    session = {**OF_THEN, "mcp-session-id": begun.headers["mcp-session-id"]}
    closed = await world.request("DELETE", "/mcp", token=token, headers=session)
    after = await world.request("POST", "/mcp", token=token, headers=session, json=LIST)
    assert (closed.status_code, after.status_code) == (204, 404)


async def test_without_redis_clients_go_on_without_sessions(new_world, upstream):
    world: World = await new_world(redis_url="redis://127.0.0.1:9/0")
    tenant = await world.new_tenant()
    await world.connect(tenant, name="wiki", url=upstream.url)
    token = await world.token(tenant, "user")
    begun = await world.request("POST", "/mcp", token=token, headers=ACCEPT, json=INITIALIZE)
    earlier = {**OF_THEN, "mcp-session-id": f"mcp-session-{uuid4()}"}
    listed = await world.request("POST", "/mcp", token=token, headers=earlier, json=LIST)
    assert (begun.status_code, "mcp-session-id" in begun.headers) == (200, False)
    assert "wiki__read" in listed.text


async def test_who_says_nothing_is_told_where_tokens_come_from(world):
    answer = await world.request("POST", "/mcp", headers=ACCEPT, json=LIST)
    metadata = await world.request("GET", "/.well-known/oauth-protected-resource/mcp")
    assert answer.status_code == 401
    assert metadata.json()["resource"] in answer.headers["www-authenticate"].replace(
        "/.well-known/oauth-protected-resource/mcp", "/mcp"
    )


async def test_a_token_for_the_api_opens_no_tools_and_one_for_tools_no_api(world, tenant):
    for_api = await world.token(tenant, "admin", API_AUDIENCE)
    for_tools = await world.token(tenant, "admin")
    tools = await world.request("POST", "/mcp", token=for_api, headers=OF_THEN, json=LIST)
    api = await world.request("GET", "/connections", token=for_tools)
    assert (tools.status_code, api.status_code) == (401, 401)


@pytest.mark.parametrize("token", [".", "x", "a.b.c", "e" * 5000])
async def test_what_is_no_token_is_refused(world, token):
    answer = await world.request("POST", "/mcp", token=token, headers=OF_THEN, json=LIST)
    assert answer.status_code == 401


async def test_a_token_of_another_systems_key_is_refused(world, tenant, new_world):
    other = await new_world(public_url="https://elsewhere.example", master_key=world.hub.settings.master_key)
    token = await other.token(tenant, "user")
    answer = await world.request("POST", "/mcp", token=token, headers=OF_THEN, json=LIST)
    assert answer.status_code == 401


async def test_the_callers_token_never_reaches_a_tool_server(world, tenant, upstream):
    await world.connect(tenant, name="wiki", url=upstream.url, secret="the-servers-own")
    token = await world.token(tenant, "user")
    async with world.client(token) as client:
        await client.call_tool("wiki__read", {"text": "hello"})
    assert {each["authorization"] for each in upstream.headers} == {"Bearer the-servers-own"}
    assert not any(token in str(each) for each in upstream.headers)


async def test_one_tenant_sees_nothing_of_another(world, tenant, upstream):
    await world.connect(tenant, name="wiki", url=upstream.url)
    neighbour = await world.new_tenant()
    async with world.client(await world.token(neighbour, "admin")) as client:
        listed = await client.list_tools()
        called = await client.call_tool("wiki__read", {"text": "hello"})
    assert (listed.tools, called.is_error, upstream.calls) == ([], True, [])


async def test_calls_run_beside_each_other_over_one_kept_connection(world, tenant, upstream):
    arrived = asyncio.Event()

    async def wait_for_second(arguments):
        if arguments["text"] == "first":
            await arrived.wait()
        arrived.set()
        return await upstream_said(arguments)

    async def upstream_said(arguments):
        from mcp_types import CallToolResult

        return CallToolResult(content=[TextContent(text=arguments["text"])])

    upstream.behaviours["read"] = wait_for_second
    await world.connect(tenant, name="wiki", url=upstream.url)
    async with world.client(await world.token(tenant, "user")) as client:
        results = await asyncio.gather(
            *(client.call_tool("wiki__read", {"text": text}) for text in ("first", "second"))
        )
    assert [result.content[0].text for result in results] == ["first", "second"]


def asked_of(upstream):
    """Which methods a server was asked for, as the current protocol names them in a header."""
    return [each.get("mcp-method") for each in upstream.headers]


async def test_what_is_known_of_a_server_is_not_asked_again_for_each_caller(world, tenant, upstream):
    await world.connect(tenant, name="wiki", url=upstream.url)
    people = [await world.token(tenant, role) for role in ("user", "admin", "guest")]
    agent = await world.new_agent(tenant, "wiki__*")
    people.append(await world.run_token(tenant, await world.new_run(tenant, agent)))
    for token in people:
        async with world.client(token) as client:
            for _ in range(3):
                assert (await client.list_tools()).tools or token == people[2]
            await client.call_tool("wiki__read", {"text": "hello"})
    asked = asked_of(upstream)
    assert asked.count("tools/list") == 1
    assert asked.count("server/discover") == 1  # One connection, shared by all.
    assert asked.count("tools/call") == 3  # A guest has no tool of a server that nobody trusts.


async def test_another_credential_is_another_connection(world, tenant, upstream):
    for number in range(2):
        await world.connect(tenant, name=f"wiki{number}", url=upstream.url, secret=f"key-{number}")
    async with world.client(await world.token(tenant, "user")) as client:
        await asyncio.gather(
            *(client.call_tool(f"wiki{number % 2}__read", {"text": "hello"}) for number in range(8))
        )
    opened = [each for each in upstream.headers if each.get("mcp-method") == "server/discover"]
    assert sorted(each["authorization"] for each in opened) == ["Bearer key-0", "Bearer key-1"]
    called = [each["authorization"] for each in upstream.headers if each.get("mcp-method") == "tools/call"]
    assert sorted(called) == ["Bearer key-0"] * 4 + ["Bearer key-1"] * 4


async def test_a_run_that_is_over_is_an_error_of_the_protocol(world, tenant):
    agent = await world.new_agent(tenant, "wiki__*")
    run = await world.new_run(tenant, agent)
    token = await world.run_token(tenant, run, fence=run.fence + 1)
    async with world.client(token) as client:
        with pytest.raises(MCPError, match="run is over"):
            await client.list_tools()


async def test_resources_and_prompts_are_listed_together_and_read_where_they_are(world, tenant):
    from mcp.server.mcpserver import MCPServer

    server = MCPServer("books")

    @server.resource("file:///handbook")
    def handbook() -> str:
        return "Be kind."

    @server.prompt()
    def greet(name: str) -> str:
        return f"Greet {name}."

    async with served(server.streamable_http_app(stateless_http=True)) as url:
        await world.connect(tenant, name="books", url=f"{url}/mcp")
        async with world.client(await world.token(tenant, "user")) as client:
            resources = (await client.list_resources()).resources
            prompts = (await client.list_prompts()).prompts
            read = await client.read_resource(resources[0].uri)
            greeting = await client.get_prompt("books__greet", {"name": "Ana"})
    assert [str(each.uri) for each in resources] == ["mcp.books+file:///handbook"]
    assert [each.name for each in prompts] == ["books__greet"]
    assert read.contents[0].text == "Be kind."
    assert greeting.messages[0].content.text == "Greet Ana."


def pages_of(result, key, items):
    """Three pages of one item each."""

    async def page(_context, params):
        number = int((params and params.cursor) or 0)
        following = str(number + 1) if number + 1 < len(items) else None
        return result(**{key: [items[number]]}, next_cursor=following)

    return page


async def test_every_page_of_every_server_is_listed_and_what_is_missing_is_said(world, tenant):
    resources = [Resource(uri=f"file:///{n}", name=f"r{n}") for n in range(3)]
    templates = [ResourceTemplate(uri_template=f"file:///{n}/{{x}}", name=f"t{n}") for n in range(3)]
    prompts = [Prompt(name=f"p{n}") for n in range(3)]

    async def get_prompt(_context, params):
        said = TextContent(text=f"this is {params.name}")
        return GetPromptResult(messages=[PromptMessage(role="user", content=said)])

    server = Server(
        "books",
        version="1",
        on_list_resources=pages_of(ListResourcesResult, "resources", resources),
        on_list_resource_templates=pages_of(ListResourceTemplatesResult, "resource_templates", templates),
        on_list_prompts=pages_of(ListPromptsResult, "prompts", prompts),
        on_get_prompt=get_prompt,
    )
    async with served(server.streamable_http_app(stateless_http=True)) as url:
        for name in ("one", "two"):
            await world.connect(tenant, name=name, url=f"{url}/mcp")
        await world.connect(tenant, name="gone", url="http://127.0.0.1:9/mcp")
        async with world.client(await world.token(tenant, "user")) as client:
            found = [
                await client.list_resources(),
                await client.list_resource_templates(),
                await client.list_prompts(),
            ]
            last = await client.get_prompt("two__p2", {})
    assert [str(each.uri) for each in found[0].resources] == [
        f"mcp.{name}+file:///{n}" for name in ("one", "two") for n in range(3)
    ]
    assert len(found[1].resource_templates) == 6
    assert [each.name for each in found[2].prompts][-1] == "two__p2"
    assert all("does not answer" in page.meta[MISSING_KEY]["gone"] for page in found)
    assert last.messages[0].content.text == "this is p2"


async def test_resources_are_for_agents_that_have_all_of_their_connection(world, tenant, upstream):
    await world.connect(tenant, name="wiki", url=upstream.url)
    agent = await world.new_agent(tenant, "wiki__read")
    token = await world.run_token(tenant, await world.new_run(tenant, agent))
    async with world.client(token) as client:
        with pytest.raises(MCPError, match="not among what you were given"):
            await client.read_resource("mcp.wiki+file:///handbook")
