"""Servers that say nothing for long: what they say at last is heard."""

import asyncio
import json

import pytest

from oblivion_mcp_hub.adapters.mcp_server import GRACE_S
from oblivion_mcp_hub.testing import served
from oblivion_platform.testing import eventually

pytestmark = pytest.mark.integration

CALL_TIMEOUT_S = 0.2
QUIET_S = CALL_TIMEOUT_S + GRACE_S + 1.0
"""Longer than anybody waits for an answer."""
EVENTS = [(b"content-type", b"text/event-stream")]


class Quiet:
    """A server of the session era that says once, after a while, that its tools changed."""

    def __init__(self):
        self.tools = ["first"]
        self.streams = 0

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
        elif scope["method"] == "GET":
            await self.stream(receive, send)
        elif scope["method"] == "POST":
            body = json.loads((await receive())["body"])
            await answer(send, body, self.result_of(body.get("method")))
        else:
            await answer(send, {}, {})

    def result_of(self, method):
        if method == "initialize":
            return {
                "protocolVersion": "2025-11-25",
                "capabilities": {"tools": {"listChanged": True}},
                "serverInfo": {"name": "quiet", "version": "1"},
            }
        if method == "tools/list":
            return {"tools": [{"name": name, "inputSchema": {"type": "object"}} for name in self.tools]}
        return None

    async def stream(self, receive, send):
        self.streams += 1
        await send({"type": "http.response.start", "status": 200, "headers": EVENTS})
        await send({"type": "http.response.body", "body": b": hello\n\n", "more_body": True})
        if self.streams == 1:
            await asyncio.sleep(QUIET_S)
            self.tools = ["second"]
            changed = b'data: {"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}\n\n'
            await send({"type": "http.response.body", "body": changed, "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass


async def answer(send, body, result):
    headers = [(b"content-type", b"application/json"), (b"mcp-session-id", b"only")]
    status = 202 if "id" not in body else 400 if result is None else 200
    failed = {"error": {"code": -32601, "message": "Method not found"}}
    said = failed if result is None else {"result": result}
    content = b"" if status == 202 else json.dumps({"jsonrpc": "2.0", "id": body["id"], **said}).encode()
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


async def test_what_changes_after_a_long_silence_is_heard(new_world):
    world = await new_world(tool_call_timeout_s=CALL_TIMEOUT_S)
    tenant = await world.new_tenant()
    quiet = Quiet()
    async with served(quiet) as url:
        await world.connect(tenant, name="quiet", url=f"{url}/mcp")
        async with world.client(await world.token(tenant, "user")) as client:
            assert [tool.name for tool in (await client.list_tools()).tools] == ["quiet__first"]

            async def is_changed():
                assert [tool.name for tool in (await client.list_tools()).tools] == ["quiet__second"]

            await eventually(is_changed, within_s=60)
    assert quiet.streams == 1
