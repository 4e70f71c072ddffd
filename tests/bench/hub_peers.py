"""What the MCP hub is measured beside: `python -m tests.bench.hub_peers <peer>`.

upstream  a tool server as fast as it can be: JSON parsed, the answer's bytes put together
sdk       the SDK's own server with the same tool, stateless
"""

import json
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from mcp.server.lowlevel import Server
from mcp_types import CallToolResult, ListToolsResult, TextContent, Tool
from starlette.types import Receive, Scope, Send

from oblivion_platform.http_server import serving
from oblivion_platform.service import run
from oblivion_platform.settings import HttpSettings, LogSettings
from tests.bench.webhook_peers import answer_start_and_stop, body_of

SCHEMA = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
PAGE = 250
"""Of tools in one answer."""


class PeerSettings(HttpSettings, LogSettings):
    """Where to listen."""


def tool(number: int) -> dict[str, Any]:
    return {"name": f"echo{number or ''}", "description": "Says the same again.", "inputSchema": SCHEMA}


class Upstream:
    """Answers in the protocol of whoever asks; as many tools as it is told."""

    def __init__(self, tools: int) -> None:
        self._tools = [tool(number) for number in range(tools)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if await answer_start_and_stop(scope, receive, send):
            return
        if scope["method"] != "POST":
            await send({"type": "http.response.start", "status": 405, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})
            return
        message = json.loads(await body_of(receive))
        status, body = (202, b"") if "id" not in message else (200, self._answer(message))
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _answer(self, message: dict[str, Any]) -> bytes:
        params = message.get("params", {})
        result: dict[str, Any] = {"resultType": "complete"}
        if message["method"] == "tools/call":
            result["content"] = [{"type": "text", "text": params["arguments"]["text"]}]
        elif message["method"] == "tools/list":
            begin = int(params.get("cursor", 0))
            result |= {"tools": self._tools[begin : begin + PAGE], "ttlMs": 0, "cacheScope": "private"}
            if begin + PAGE < len(self._tools):
                result["nextCursor"] = str(begin + PAGE)
        elif message["method"] == "initialize":
            result = {
                "protocolVersion": params["protocolVersion"],
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "upstream", "version": "1"},
            }
        else:
            about = {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}}
            result |= {**about, "ttlMs": 0, "cacheScope": "private"}
        return json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}).encode()


def sdk() -> Any:
    async def list_tools(_context: Any, _params: Any) -> ListToolsResult:
        return ListToolsResult(tools=[Tool.model_validate(tool(0))])

    async def call_tool(_context: Any, params: Any) -> CallToolResult:
        return CallToolResult(content=[TextContent(text=params.arguments["text"])])

    server: Server[Any] = Server("sdk", version="1", on_list_tools=list_tools, on_call_tool=call_tool)
    inner = server.streamable_http_app(stateless_http=True)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/health/ready":
            await answer_start_and_stop(scope, receive, send)
        else:
            await inner(scope, receive, send)

    return app


@asynccontextmanager
async def peer(settings: PeerSettings) -> AsyncGenerator[None]:
    app = sdk() if sys.argv[1] == "sdk" else Upstream(int(os.environ.get("BENCH_TOOLS", "1")))
    async with serving(app, host=settings.host, port=settings.port):
        yield


if __name__ == "__main__":
    run(PeerSettings, peer, service=sys.argv[1])
