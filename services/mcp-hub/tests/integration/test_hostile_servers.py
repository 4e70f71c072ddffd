"""Tool servers that mean harm: to other callers, other tenants, or the hub itself."""

import asyncio
import json

import psycopg
import pytest
from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR, CallToolResult, ListToolsResult, TextContent, Tool
from starlette.responses import Response
from structlog.testing import capture_logs

from oblivion_contracts.tool_use import MISSING_KEY
from oblivion_mcp_hub.adapters.guarded_http import AddressGuard
from oblivion_mcp_hub.adapters.mcp_exchange import ASKED_BACK_MAX, REPLIES_AT_ONCE, Exchanges, Peer
from oblivion_mcp_hub.adapters.oauth_credentials import HIDDEN
from oblivion_mcp_hub.adapters.short_way import ShortWay
from oblivion_mcp_hub.domain.catalog import TOOLS_MAX
from oblivion_mcp_hub.errors import AddressRefused
from oblivion_mcp_hub.ports import NOTHING_ELSE
from oblivion_mcp_hub.testing import listed, served
from oblivion_mcp_hub.testing_upstream import running_upstream
from oblivion_mcp_hub.usecases.know_tools import LISTED_AT_ONCE
from oblivion_platform.connections.pins import PINS_MAX
from oblivion_platform.database.engine import ValueRefused
from oblivion_platform.testing import eventually
from oblivion_platform.tokens import API_AUDIENCE

pytestmark = pytest.mark.integration

HELLO = {"text": "hello"}


def said(text):
    return CallToolResult(content=[TextContent(text=text)])


async def test_words_that_postgres_cannot_hold_are_cleaned_and_harm_no_other_connection(
    world, tenant, wiki, upstream
):
    secret = "canary-4711"
    async with running_upstream() as hostile:

        async def decline():
            raise MCPError(INTERNAL_ERROR, f"no\x00 way\n\x1b[2J with {secret}")

        hostile.listing = decline
        with capture_logs() as logged:
            made = await world.connect(tenant, name="hostile", url=hostile.url, secret=secret)
            async with world.client(await world.token(tenant, "user")) as client:
                page = await client.list_tools()
        shown = (await as_admin(world, tenant, "GET", f"/connections/{made.id}")).json()["health"]
        tested = (await as_admin(world, tenant, "POST", f"/connections/{made.id}/test")).json()
    assert "wiki__write" in {tool.name for tool in page.tools}
    said = f"no way [2J with {HIDDEN}"
    assert [page.meta[MISSING_KEY]["hostile"], shown["detail"], tested["detail"]] == [said] * 3
    (line,) = [each for each in logged if each["event"] == "tools withdrawn"]
    assert (line["connection"], line["reason"]) == ("hostile", "declined_by_server")
    assert secret not in str(logged)


async def test_health_that_cannot_be_noted_fails_no_list_and_no_call(
    world, tenant, wiki, upstream, monkeypatch
):
    async def refuse(*_):
        raise ValueRefused("canary")

    monkeypatch.setattr(world.hub.copied_registry, "note_health", refuse)
    with capture_logs() as logged:
        async with world.client(await world.token(tenant, "user")) as client:
            assert "wiki__write" in await listed(client)
            assert not (await client.call_tool("wiki__write", HELLO)).is_error
    assert "health not noted" in [line["event"] for line in logged]


async def as_admin(world, tenant, method, path, **options):
    token = await world.token(tenant, "admin", API_AUDIENCE)
    return await world.request(method, path, token=token, **options)


async def withheld(world, tenant, connection):
    items = (await as_admin(world, tenant, "GET", f"/connections/{connection.id}/tools")).json()["items"]
    return {each["tool"]: each["withheld"] for each in items if each["withheld"]}


@pytest.fixture
def held(upstream):
    """`write` goes on until it is let go."""

    class Held:
        begun, free = asyncio.Event(), asyncio.Event()

        async def behave(self, arguments):
            self.begun.set()
            await self.free.wait()
            return said("done")

    made = Held()
    upstream.behaviours["write"] = made.behave
    return made


async def a_refusal(world, tenant, wiki, upstream, client):
    async def forbidden(scope, receive, send):
        await Response(status_code=403)(scope, receive, send)

    upstream.in_the_way = forbidden
    assert (await client.call_tool("wiki__destroy", HELLO)).is_error
    upstream.in_the_way = None


async def an_endless_answer(world, tenant, wiki, upstream, client):
    async def much(arguments):
        return said("x" * 30_000_000)

    upstream.behaviours["destroy"] = much
    assert (await client.call_tool("wiki__destroy", HELLO)).is_error


async def nonsense(world, tenant, wiki, upstream, client):
    async def no_mcp(scope, receive, send):
        await Response(b"{", media_type="application/json")(scope, receive, send)

    upstream.in_the_way = no_mcp
    assert (await client.call_tool("wiki__destroy", HELLO)).is_error
    upstream.in_the_way = None


async def a_change(world, tenant, wiki, upstream, client):
    answer = await as_admin(world, tenant, "PATCH", f"/connections/{wiki.id}", json={"is_trusted": False})
    assert answer.status_code == 200
    assert len(await listed(client)) == 3


async def a_test(world, tenant, wiki, upstream, client):
    assert (await as_admin(world, tenant, "POST", f"/connections/{wiki.id}/test")).json()["ok"]


async def an_approval(world, tenant, wiki, upstream, client):
    answer = await as_admin(world, tenant, "POST", f"/connections/{wiki.id}/pins", json={"tools": []})
    assert answer.status_code == 204
    assert len(await listed(client)) == 3


@pytest.mark.parametrize(
    "happens",
    [a_refusal, an_endless_answer, nonsense, a_change, a_test, an_approval],
    ids=lambda f: f.__name__,
)
async def test_whatever_happens_to_a_connection_a_call_that_is_under_way_ends_as_if_nothing_had(
    world, tenant, wiki, upstream, held, happens
):
    async with world.client(await world.token(tenant, "user")) as client:
        calling = asyncio.create_task(client.call_tool("wiki__write", HELLO))
        await held.begun.wait()
        await happens(world, tenant, wiki, upstream, client)
        assert (await client.call_tool("wiki__read", HELLO)).content[0].text == "read: hello"
        held.free.set()
        assert (await calling).content[0].text == "done"
    assert [name for name, _ in upstream.calls].count("write") == 1


def doubling(levels):
    parts = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(levels)}
    return {"type": "object", "$defs": {**parts, f"d{levels}": {}}, "$ref": "#/$defs/d0"}


@pytest.mark.parametrize("which", ["input_schema", "output_schema"])
async def test_a_schema_that_would_take_for_ever_withholds_its_tool_and_holds_up_nobody(
    world, tenant, upstream, which
):
    good = upstream.tools[0]
    upstream.tools = [good.model_copy(update={"name": "endless", which: doubling(40)}), good]
    wiki = await world.connect(tenant, name="wiki", url=upstream.url)
    async with world.client(await world.token(tenant, "user")) as client:
        assert await listed(client) == {"wiki__read"}
        refused = await client.call_tool("wiki__endless", HELLO)
        assert "takes too long" in refused.content[0].text
        assert not (await client.call_tool("wiki__read", HELLO)).is_error
    assert set(await withheld(world, tenant, wiki)) == {"endless"}


async def test_a_server_that_names_thousands_of_tools_anew_each_time_fills_nothing(
    world, tenant, upstream, database
):
    wiki = None
    for generation in range(3):
        upstream.tools = [
            Tool(name=f"t{generation}_{n}", input_schema={"type": "object"}) for n in range(20_000)
        ]
        if wiki is None:
            wiki = await world.connect(tenant, name="wiki", url=upstream.url)
        world.hub.known.forget(tenant.id, wiki.id)
        reasons = await withheld(world, tenant, wiki)
    assert len(reasons) <= TOOLS_MAX + 1
    assert "more than 500 tools" in reasons["*"]
    assert "too many tools before" in reasons["t2_0"]
    with psycopg.connect(database.admin_url) as admin:
        assert admin.execute("SELECT count(*) FROM tool_pins").fetchone() == (PINS_MAX,)
    await as_admin(world, tenant, "POST", f"/connections/{wiki.id}/pins", json={"tools": []})
    assert set(await withheld(world, tenant, wiki)) == {"*"}


async def test_pages_without_end_are_no_list(world, tenant, upstream):
    large = Tool(name="t", description="x" * 1_000_000, input_schema={"type": "object"})

    async def page():
        return ListToolsResult(tools=[large] * 3, next_cursor="more")

    upstream.listing = page
    await world.connect(tenant, name="wiki", url=upstream.url)
    async with world.client(await world.token(tenant, "user")) as client:
        page = await client.list_tools()
    assert page.tools == []
    assert "far too much" in page.meta[MISSING_KEY]["wiki"]


async def read(receive):
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


async def test_servers_that_never_list_hold_up_their_own_tenant_alone(world, tenant, upstream):
    neighbour = await world.new_tenant()
    asked = []

    async def never(scope, receive, send):
        asked.append(scope["path"])
        await receive()
        while (await receive())["type"] != "http.disconnect":
            pass

    async with served(never_ending(never)) as url:
        for number in range(40):
            await world.connect(tenant, name=f"slow{number}", url=f"{url}/mcp")
        await world.connect(neighbour, name="wiki", url=upstream.url)
        token, other = await world.token(tenant, "user"), await world.token(neighbour, "user")
        async with world.client(token) as theirs, world.client(other) as ours:
            waiting = asyncio.create_task(theirs.list_tools())
            await eventually(lambda: len(asked) >= LISTED_AT_ONCE)
            async with asyncio.timeout(10):
                assert len(await listed(ours)) == 3
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)


def never_ending(handler):
    async def app(scope, receive, send):
        if scope["type"] == "http":
            await handler(scope, receive, send)
            return
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})

    return app


async def test_a_server_that_says_its_tools_changed_and_hangs_holds_up_no_call_of_another(
    world, tenant, wiki, upstream
):
    calm = type(upstream)()
    async with world.client(await world.token(tenant, "user")) as client, served(calm.app()) as url:
        await world.connect(tenant, name="calm", url=f"{url}/mcp")
        assert len(await listed(client)) == 6
        connections = (await world.hub.known.of(tenant.id)).connections
        upstream.listing = asyncio.Event().wait
        async with asyncio.timeout(10):
            for _ in range(20):
                world.hub.known.server_changed(connections[wiki.id], "tools")
                assert not (await client.call_tool("calm__write", HELLO)).is_error


class Shown:
    """Nothing is shown."""

    async def header(self):
        return {}


@pytest.fixture
async def short_way():
    made = ShortWay(AddressGuard.of_everything(), Shown(), timeout_s=20.0, most_bytes=10_000_000)
    yield made
    await made.close()


def telling():
    return sum(task.get_name() == "tell a tool server" for task in asyncio.all_tasks())


def asking_back(times):
    """Answers a call after so many pings; what it is told it never answers."""
    most = [0]

    async def app(scope, receive, send):
        body = json.loads(await read(receive))
        if "method" not in body:
            while (await receive())["type"] != "http.disconnect":
                pass
            return
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        ping = b'data: {"jsonrpc": "2.0", "id": 1, "method": "ping"}\n\n'
        for _ in range(times):
            await send({"type": "http.response.body", "body": ping, "more_body": True})
            await asyncio.sleep(0)
            most[0] = max(most[0], telling())
        result = json.dumps({"jsonrpc": "2.0", "id": body["id"], "result": {"is": "here"}})
        await send({"type": "http.response.body", "body": f"data: {result}\n\n".encode()})

    return never_ending(app), most


async def asked(url, short_way):
    exchanges = Exchanges(Peer(short_way, url, "2025-11-25", "session", {}, 10_000_000))
    try:
        return await exchanges.ask("tools/call", {"name": "read"}, NOTHING_ELSE)
    finally:
        await exchanges.close()


async def test_a_server_that_pings_in_the_midst_of_a_call_is_answered_a_few_times_at_once(short_way):
    app, most = asking_back(ASKED_BACK_MAX)
    async with served(app) as url:
        assert await asked(url, short_way) == {"is": "here"}
    assert 0 < most[0] <= REPLIES_AT_ONCE


async def test_a_server_that_asks_back_without_end_is_cut_off(short_way):
    app, most = asking_back(10_000)
    async with served(app) as url:
        with pytest.raises(ValueError, match="without end"):
            await asked(url, short_way)
    assert most[0] <= REPLIES_AT_ONCE


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0", "[::1]"])
async def test_no_number_is_a_way_past_the_guard(host):
    short_way = ShortWay(AddressGuard(), Shown(), timeout_s=5.0, most_bytes=1_000)
    try:
        with pytest.raises(AddressRefused):
            async with short_way.send("POST", f"http://{host}:9/mcp", {}, b"{}"):
                pass
    finally:
        await short_way.close()
