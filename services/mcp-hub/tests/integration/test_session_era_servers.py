"""Tool servers that know nothing but sessions: kept, lost, and begun anew, over real sockets."""

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from mcp.server.lowlevel import Server
from mcp.server.transport_security import TransportSecuritySettings
from mcp_types import ListToolsResult
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.responses import JSONResponse

from oblivion_mcp_hub.adapters.kept_open import KeptOpen
from oblivion_mcp_hub.testing import served
from oblivion_mcp_hub.testing_upstream import Upstream, said
from oblivion_platform.testing import eventually
from oblivion_platform.tokens import API_AUDIENCE

pytestmark = pytest.mark.integration

HELLO = {"text": "hello"}
SESSION = "mcp-session-id"
VERSION = "mcp-protocol-version"


@dataclass
class OfThen:
    """The SDK's server with its sessions in memory, as old as `version`; what it was asked."""

    version: str
    upstream: Upstream = field(default_factory=Upstream)
    port: int = 0
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list[Any])
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    free: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self):
        self.free.set()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/mcp"

    @asynccontextmanager
    async def running(self):
        """On the same port each time, and each time without the sessions of before."""
        async with served(self._app(), self.port) as url:
            self.port = int(url.rpartition(":")[2])
            yield

    def methods(self, name):
        return [headers for _, method, headers in self.asked if method == name]

    def sessions(self, name="tools/call"):
        return [headers.get(SESSION) for headers in self.methods(name)]

    def _app(self):
        server = Server("of then", version="1", on_list_tools=self._list, on_call_tool=self._call)
        inner = server.streamable_http_app(
            stateless_http=False,
            transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
        )

        async def app(scope, receive, send):
            if scope["type"] != "http":
                await inner(scope, receive, send)
                return
            headers = {name.decode(): value.decode() for name, value in scope["headers"]}
            body = await read(receive) if scope["method"] == "POST" else b""
            message = json.loads(body) if body else {}
            method = message.get("method", scope["method"])
            self.asked.append((scope["method"], method, headers))
            if headers.get(VERSION, self.version) not in HANDSHAKE_PROTOCOL_VERSIONS:
                refused = {"code": -32600, "message": "Bad Request: Unsupported protocol version"}
                answer = {"jsonrpc": "2.0", "id": None, "error": refused}
                await JSONResponse(answer, 400)(scope, receive, send)
                return
            if method == "initialize":
                message["params"]["protocolVersion"] = self.version
                body = json.dumps(message).encode()
                scope = {**scope, "headers": with_length(scope["headers"], body)}
            await inner(scope, again(body, receive), send)

        return app

    async def _list(self, _context, _params):
        return ListToolsResult(tools=self.upstream.tools)

    async def _call(self, _context, params):
        self.upstream.calls.append((params.name, params.arguments))
        self.begun.set()
        await self.free.wait()
        return said(f"{params.name}: {params.arguments['text']}")


async def read(receive):
    body, more = b"", True
    while more:
        part = await receive()
        body, more = body + part.get("body", b""), part.get("more_body", False)
    return body


def again(body, receive):
    parts = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again():
        return parts.pop() if parts else await receive()

    return receive_again


def with_length(headers, body):
    others = [(name, value) for name, value in headers if name != b"content-length"]
    return [*others, (b"content-length", str(len(body)).encode())]


@pytest.fixture(params=["2025-11-25", "2025-06-18", "2025-03-26"])
def of_then(request):
    return OfThen(request.param)


@pytest.fixture
async def client(world, tenant):
    token = await world.token(tenant, "user")
    # Held by one task: pytest enters and leaves fixtures in tasks of their own.
    kept = KeptOpen(lambda: world.client(token), drain_s=1.0)
    async with kept.use() as opening:
        yield opening.thing
    await kept.close()


async def call(client, tool="wiki__write"):
    return await client.call_tool(tool, HELLO)


async def test_everything_goes_over_one_session_of_the_version_that_was_agreed_on(
    world, tenant, client, of_then
):
    async with of_then.running():
        connection = await world.connect(tenant, name="wiki", url=of_then.url)
        results = await asyncio.gather(*(call(client) for _ in range(5)))
        assert [result.content[0].text for result in results] == ["write: hello"] * 5
        assert len(of_then.methods("initialize")) == len(of_then.methods("notifications/initialized")) == 1
        spoken = of_then.methods("tools/list") + of_then.methods("tools/call")
        assert len({headers[SESSION] for headers in spoken}) == 1
        assert {headers[VERSION] for headers in spoken} == {of_then.version}
        tested = await world.request(
            "POST",
            f"/connections/{connection.id}/test",
            token=await world.token(tenant, "admin", API_AUDIENCE),
        )
        assert tested.json()["ok"], tested.text
        assert of_then.version in tested.json()["detail"]


async def test_a_session_that_the_server_has_lost_is_begun_anew_and_each_call_is_made_once(
    world, tenant, client, of_then
):
    async with of_then.running():
        await world.connect(tenant, name="wiki", url=of_then.url)
        assert not (await call(client)).is_error
    before = set(of_then.sessions())
    async with of_then.running():
        results = await asyncio.gather(*(call(client) for _ in range(5)))
        assert [result.content[0].text for result in results] == ["write: hello"] * 5
        assert not (await call(client)).is_error
        assert len(of_then.upstream.calls) == 1 + 5 + 1
        assert len(of_then.methods("initialize")) == 2
        assert of_then.sessions()[-1] not in before


async def test_a_server_that_is_started_again_while_it_is_at_a_call_makes_it_once(
    world, tenant, client, of_then
):
    async with of_then.running():
        await world.connect(tenant, name="wiki", url=of_then.url)
        assert len((await client.list_tools()).tools) == 3
        of_then.free.clear()
        calling = asyncio.create_task(call(client))
        await of_then.begun.wait()
    lost = await calling
    assert lost.is_error
    of_then.free.set()
    async with of_then.running():

        async def works():
            assert not (await call(client)).is_error

        await eventually(works)
        calls = len(of_then.upstream.calls)
        assert not (await call(client)).is_error
        assert len(of_then.upstream.calls) == calls + 1
    assert of_then.upstream.calls[0] == ("write", HELLO)


async def test_a_session_ends_with_its_connection(world, tenant, client, of_then):
    async with of_then.running():
        connection = await world.connect(tenant, name="wiki", url=of_then.url)
        assert not (await call(client)).is_error
        token = await world.token(tenant, "admin", API_AUDIENCE)
        gone = await world.request("DELETE", f"/connections/{connection.id}", token=token)
        assert gone.status_code == 204
        assert (await call(client)).is_error

        async def ended():
            assert of_then.sessions("DELETE") == [of_then.sessions()[-1]]

        await eventually(ended)
