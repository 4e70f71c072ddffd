"""What is sent while something goes on: resumed, relayed and cancelled, on whichever replica."""

import asyncio
import json
from contextlib import asynccontextmanager

import httpx
import httpx2
import pytest
import redis
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.server.lowlevel import Server
from mcp_types import (
    CallToolResult,
    EmptyResult,
    InputRequiredResult,
    ListToolsResult,
    LoggingMessageNotification,
    LoggingMessageNotificationParams,
    TextContent,
    Tool,
)

from oblivion_mcp_hub.testing import served
from oblivion_platform.testing import eventually
from oblivion_platform.tokens import API_AUDIENCE

pytestmark = pytest.mark.integration

HELLO = {"text": "hello"}
ACCEPT = {"Accept": "application/json, text/event-stream"}
OF_THEN = {**ACCEPT, "MCP-Protocol-Version": "2025-11-25"}
CALL = {
    "jsonrpc": "2.0",
    "id": 7,
    "method": "tools/call",
    "params": {"name": "wiki__write", "arguments": HELLO},
}
ASKED = {"type": "object", "properties": {"name": {"type": "string"}}}


@pytest.fixture
async def other(world, new_world):
    """Another replica."""
    return await new_world(master_key=world.hub.settings.master_key, tool_server_retry_s=0.1)


@pytest.fixture
async def held(upstream):
    """A call that goes on until it is let go; `.cancelled` when its server was told to stop."""

    class Held:
        def __init__(self):
            self.begun, self.free, self.cancelled = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def behave(self, arguments):
            self.begun.set()
            try:
                await self.free.wait()
            except asyncio.CancelledError:
                self.cancelled.set()
                raise
            return CallToolResult(content=[TextContent(text="done at last")])

    made = Held()
    upstream.behaviours["write"] = made.behave
    return made


class Session:
    """A client of the session era that speaks HTTP itself."""

    def __init__(self, token, session_id):
        self.headers = {**OF_THEN, "Authorization": f"Bearer {token}", "mcp-session-id": session_id}

    @asynccontextmanager
    async def stream(self, world, method, *, last=None, body=None):
        more = {} if last is None else {"Last-Event-ID": last}
        async with (
            httpx.AsyncClient(base_url=world.base_url, timeout=30) as http,
            http.stream(method, "/mcp", headers={**self.headers, **more}, json=body) as response,
        ):
            assert response.status_code == 200, await response.aread()
            yield events_of(response)

    async def post(self, world, body):
        async with httpx.AsyncClient(base_url=world.base_url, timeout=30) as http:
            return await http.post("/mcp", headers=self.headers, json=body)


async def events_of(response):
    """(id, message) of each event; an empty message of a first one."""
    event_id, data = None, None
    async for line in response.aiter_lines():
        if line.startswith("id:"):
            event_id = line[3:].strip()
        elif line.startswith("data:"):
            data = line[5:].strip()
        elif not line and data is not None:
            yield event_id, json.loads(data) if data else {}
            data = None


@pytest.fixture
async def session(world, tenant):
    return await opened(world, await world.token(tenant, "user"))


async def opened(world, token):
    params = {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "t", "version": "1"},
    }
    body = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}
    begun = await world.request("POST", "/mcp", token=token, headers=ACCEPT, json=body)
    return Session(token, begun.headers["mcp-session-id"])


async def first(events):
    async with asyncio.timeout(30):
        return await anext(events)


async def answer_in(events):
    async with asyncio.timeout(30):
        async for _, message in events:
            if "result" in message or "error" in message:
                return message
    return None


async def test_the_answer_to_a_call_whose_connection_broke_is_had_from_another_replica(
    world, other, wiki, session, held
):
    async with session.stream(world, "POST", body=CALL) as events:
        last, _ = await first(events)
        await held.begun.wait()
    held.free.set()
    async with session.stream(other, "GET", last=last) as events:
        answer = await answer_in(events)
    assert answer["id"] == 7
    assert answer["result"]["content"][0]["text"] == "done at last"


async def test_who_waits_on_another_replica_hears_the_answer_when_it_comes(world, other, wiki, session, held):
    async with session.stream(world, "POST", body=CALL) as events:
        last, _ = await first(events)
    async with session.stream(other, "GET", last=last) as events:
        waiting = asyncio.create_task(answer_in(events))
        held.free.set()
        answer = await waiting
    assert answer["result"]["content"][0]["text"] == "done at last"


async def test_a_stream_is_of_no_use_to_anybody_else(world, tenant, wiki, session, held):
    async with session.stream(world, "POST", body=CALL) as events:
        last, _ = await first(events)
    held.free.set()
    stranger = await opened(world, await world.token(tenant, "admin"))
    async with stranger.stream(world, "GET", last=last) as events:
        heard = [event async for event in events]
    theirs = await world.token(await world.new_tenant(), "user")
    headers = {**session.headers, "Authorization": f"Bearer {theirs}", "Last-Event-ID": last}
    refused = await world.request("GET", "/mcp", headers=headers)
    assert heard == []
    assert refused.status_code == 404


async def test_what_is_kept_of_streams_is_bounded_and_ends(world, wiki, session, redis_url):
    for _ in range(20):
        async with session.stream(world, "POST", body=CALL) as events:
            assert await answer_in(events)
    with redis.Redis.from_url(redis_url) as store:
        kept = list(store.scan_iter("*:mcp:events:*"))
        ends_in_s = [store.ttl(key) for key in kept]
    assert len(kept) == 16
    assert all(0 < each <= 3_600 for each in ends_in_s)


async def test_without_redis_calls_are_answered_and_nothing_is_resumed(new_world, upstream):
    world = await new_world(redis_url="redis://127.0.0.1:9/0")
    tenant = await world.new_tenant()
    await world.connect(tenant, name="wiki", url=upstream.url)
    alone = Session(await world.token(tenant, "user"), "mcp-session-00000000-0000-0000-0000-000000000000")
    async with alone.stream(world, "POST", body=CALL) as events:
        event_id, message = await first(events)
    assert (event_id, message["result"]["isError"]) == (None, False)


async def test_word_of_changed_lists_reaches_open_sessions_on_every_replica(
    world, other, tenant, upstream, session
):
    async with session.stream(world, "GET") as here, session.stream(other, "GET") as there:
        await first(here)
        await first(there)
        wiki = await world.connect(tenant, name="wiki", url=upstream.url)
        told = [{(await first(events))[1]["method"] for _ in range(3)} for events in (here, there)]
        token = await world.token(tenant, "admin", API_AUDIENCE)
        await world.request("DELETE", f"/connections/{wiki.id}", token=token)
        after = [(await first(events))[1]["method"] for events in (here, there)]
    lists = {f"notifications/{kind}/list_changed" for kind in ("tools", "resources", "prompts")}
    assert told == [lists, lists]
    assert set(after) <= lists


async def test_who_comes_back_is_told_what_they_may_have_missed(world, other, tenant, upstream, session):
    async with session.stream(world, "GET") as events:
        last, _ = await first(events)
    async with session.stream(world, "GET", last=last) as events:
        await first(events)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await anext(events)
    await world.connect(tenant, name="wiki", url=upstream.url)
    for replica in (world, other):
        async with session.stream(replica, "GET", last=last) as events:
            await first(events)
            assert (await first(events))[1]["method"].endswith("/list_changed")


async def test_a_server_that_is_withdrawn_and_comes_back_is_told_both_times(world, tenant, upstream):
    token = await world.token(tenant, "user")
    async with served(upstream.app()) as url:
        port = int(url.rpartition(":")[2])
        await world.connect(tenant, name="wiki", url=f"{url}/mcp")
        async with world.client(token, "2026-07-28") as client:
            assert len((await client.list_tools()).tools) == 3
    async with world.client(token, "2026-07-28") as client, client.listen(tools_list_changed=True) as heard:
        for _ in range(6):
            await client.call_tool("wiki__write", HELLO)
        async with asyncio.timeout(30):
            await anext(aiter(heard))
        assert (await client.list_tools()).tools == []
        async with served(upstream.app(), port), asyncio.timeout(30):
            await anext(aiter(heard))
            assert len((await client.list_tools()).tools) == 3


async def test_a_server_says_that_its_tools_changed_and_callers_hear_it(world, tenant):
    from mcp.server.mcpserver import MCPServer
    from mcp.server.subscriptions import InMemorySubscriptionBus, ToolsListChanged

    bus = InMemorySubscriptionBus()
    server = MCPServer("books", subscriptions=bus)

    @server.tool()
    def read() -> str:
        return "a book"

    async with served(server.streamable_http_app(stateless_http=True)) as url:
        await world.connect(tenant, name="books", url=f"{url}/mcp")
        token = await world.token(tenant, "user")
        async with (
            world.client(token, "2026-07-28") as client,
            client.listen(tools_list_changed=True) as heard,
        ):
            assert {tool.name for tool in (await client.list_tools()).tools} == {"books__read"}
            server.add_tool(lambda: "a new one", name="write")
            waiting = asyncio.create_task(anext(aiter(heard)))

            async def is_heard():
                await bus.publish(ToolsListChanged())
                assert waiting.done()

            await eventually(is_heard)
            assert len((await client.list_tools()).tools) == 2


async def test_a_call_is_cancelled_from_any_replica(world, other, wiki, session, held):
    await other.hub.cancellations.heard_since_start.wait()
    await world.hub.cancellations.heard_since_start.wait()
    async with session.stream(world, "POST", body=CALL) as events:
        await first(events)
        await held.begun.wait()
        notification = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}}
        told = await session.post(other, notification)
        answer = await answer_in(events)
    assert told.status_code == 202
    assert "error" in answer
    async with asyncio.timeout(30):
        await held.cancelled.wait()


async def test_in_the_current_protocol_who_hangs_up_cancels(world, tenant, wiki, held):
    async with world.client(await world.token(tenant, "user"), "2026-07-28") as client:
        calling = asyncio.create_task(client.call_tool("wiki__write", HELLO))
        await held.begun.wait()
        calling.cancel()
        async with asyncio.timeout(30):
            await held.cancelled.wait()
    assert calling.cancelled()


def talking_server(modern):
    """Says who calls it, and asks back."""

    async def list_tools(_context, _params):
        return ListToolsResult(tools=[Tool(name="talk", input_schema={"type": "object"})])

    async def call_tool(context, params):
        who = (params.arguments or {}).get("who", "")
        for level in ("debug", "warning"):
            said = LoggingMessageNotificationParams(level=level, data=f"{level} for {who}")
            await context.session.send_notification(
                LoggingMessageNotification(params=said), related_request_id=context.request_id
            )
        if who == "asks":
            if not modern:
                await context.session.elicit_form("Your name?", ASKED)
            elif params.input_responses is None:
                asked = {"method": "elicitation/create", "params": {"message": "?", "requestedSchema": ASKED}}
                given = {"inputRequests": {"name": asked}, "requestState": "round 1"}
                return InputRequiredResult.model_validate(given)
            else:
                name = params.input_responses["name"].content["name"]
                return CallToolResult(content=[TextContent(text=f"{name}, {params.request_state}")])
        return CallToolResult(content=[TextContent(text="talked")])

    server = Server("talker", version="1", on_list_tools=list_tools, on_call_tool=call_tool)
    return server.streamable_http_app(stateless_http=modern)


def only_then(app):
    """The same server, before there was the current protocol."""

    async def of_then(scope, receive, send):
        headers = dict(scope.get("headers", []))
        if headers.get(b"mcp-protocol-version") == b"2026-07-28":
            await send({"type": "http.response.start", "status": 400, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        await app(scope, receive, send)

    return of_then


@pytest.fixture(params=[True, False], ids=["a server of now", "a server of the session era"])
async def talker(request, world, tenant):
    app = talking_server(request.param)
    async with served(app if request.param else only_then(app)) as url:
        yield await world.connect(tenant, name="talker", url=f"{url}/mcp", is_trusted=True)


@asynccontextmanager
async def listening_client(world, token, mode, heard, **options):
    async def hear(params):
        heard.append(params.data)

    async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=30) as http:
        transport = streamable_http_client(f"{world.base_url}/mcp", http_client=http)
        async with Client(transport, mode=mode, cache=None, logging_callback=hear, **options) as client:
            yield client


@pytest.mark.parametrize("mode", ["2026-07-28", "legacy"])
async def test_a_servers_words_reach_the_one_who_called_it_and_nobody_else(world, tenant, talker, mode):
    token = await world.token(tenant, "user")
    heard = {"ana": [], "ben": []}
    options = {"log_level": "warning"} if mode == "2026-07-28" else {}
    async with (
        listening_client(world, token, mode, heard["ana"], **options) as ana,
        listening_client(world, token, mode, heard["ben"], **options) as ben,
    ):
        await asyncio.gather(
            *(
                client.call_tool("talker__talk", {"who": who})
                for who, client in {"ana": ana, "ben": ben}.items()
                for _ in range(5)
            )
        )
    assert heard == {who: [f"warning for {who}"] * 5 for who in heard}


async def test_a_session_says_how_much_it_wants_to_hear(world, tenant, talker):
    token = await world.token(tenant, "user")
    heard = []
    async with listening_client(world, token, "legacy", heard) as client:
        await client.session.send_request(set_level("error"), EmptyResult)
        await client.call_tool("talker__talk", {"who": "ana"})
        assert heard == []
        await client.session.send_request(set_level("debug"), EmptyResult)
        await client.call_tool("talker__talk", {"who": "ana"})
    assert "warning for ana" in heard


async def test_a_caller_who_did_not_ask_for_words_hears_none(world, tenant, talker):
    heard = []
    token = await world.token(tenant, "user")
    async with listening_client(world, token, "2026-07-28", heard) as client:
        result = await client.call_tool("talker__talk", {"who": "ana"})
    assert (result.is_error, heard) == (False, [])


async def test_what_a_server_wants_to_know_is_asked_where_the_protocol_has_a_way_for_it(
    request, world, tenant, talker
):
    """In the session era a server that asks is told that nobody can be asked."""
    from mcp_types import ElicitResult

    async def answer(context, params):
        return ElicitResult(action="accept", content={"name": "Ana"})

    token = await world.token(tenant, "user")
    async with listening_client(world, token, "2026-07-28", [], elicitation_callback=answer) as client:
        result = await client.call_tool("talker__talk", {"who": "asks"})
    is_modern = "of now" in request.node.name
    assert result.is_error is not is_modern
    if is_modern:
        assert result.content[0].text == "Ana, round 1"


async def test_nobody_is_asked_who_did_not_say_that_they_can_be(world, tenant, talker):
    agent = await world.new_agent(tenant, "talker__*")
    token = await world.run_token(tenant, await world.new_run(tenant, agent))
    async with world.client(token, "legacy") as client:
        result = await client.call_tool("talker__talk", {"who": "asks"})
    assert result.is_error


def set_level(level):
    from mcp_types import SetLevelRequest, SetLevelRequestParams

    return SetLevelRequest(params=SetLevelRequestParams(level=level))
