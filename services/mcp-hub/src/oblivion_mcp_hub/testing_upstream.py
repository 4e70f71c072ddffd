"""An MCP server for tests that does as it is told."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.transport_security import TransportSecuritySettings
from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
    ToolAnnotations,
)
from starlette.types import Receive, Scope, Send

from oblivion_mcp_hub.testing import served

Context = ServerRequestContext[Any, Any]
TEXT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
Behaviour = Callable[[dict[str, Any]], Awaitable[CallToolResult]]


def tool(name: str, **more: Any) -> Tool:
    fields: dict[str, Any] = {"description": f"Does {name}.", "input_schema": TEXT, **more}
    return Tool(name=name, **fields)


def said(text: str, **more: Any) -> CallToolResult:
    return CallToolResult(content=[TextContent(text=text)], **more)


@dataclass
class Upstream:
    """An MCP server; what it lists and does, tests change as they like."""

    tools: list[Tool] = field(
        default_factory=lambda: [
            tool("read", annotations=ToolAnnotations(read_only_hint=True)),
            tool("write", annotations=ToolAnnotations(destructive_hint=False)),
            tool("destroy", annotations=ToolAnnotations(destructive_hint=True)),
        ]
    )
    behaviours: dict[str, Behaviour] = field(default_factory=dict[str, Behaviour])
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list[tuple[str, dict[str, Any]]])
    headers: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    url: str = ""
    in_the_way: Callable[[Scope, Receive, Send], Awaitable[None]] | None = None
    """Answers in the server's place."""
    listing: Callable[[], Awaitable[ListToolsResult]] | None = None
    """Lists in the place of `tools`."""

    def app(self) -> Any:
        server: Server[Any] = Server(
            "upstream", version="1", on_list_tools=self._list, on_call_tool=self._call
        )
        inner = server.streamable_http_app(
            stateless_http=True,
            transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
        )

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                self.headers.append({name.decode(): value.decode() for name, value in scope["headers"]})
                if self.in_the_way is not None:
                    await self.in_the_way(scope, receive, send)
                    return
            await inner(scope, receive, send)

        return app

    async def _list(self, _context: Context, _params: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=self.tools) if self.listing is None else await self.listing()

    async def _call(self, context: Context, params: CallToolRequestParams) -> CallToolResult:
        arguments = params.arguments or {}
        self.calls.append((params.name, arguments))
        if params.name in self.behaviours:
            return await self.behaviours[params.name](arguments)
        if arguments["text"] == "progress":
            await context.session.report_progress(1, 2, "half")
            await asyncio.sleep(0)
        return said(f"{params.name}: {arguments['text']}")


@asynccontextmanager
async def running_upstream() -> AsyncGenerator[Upstream]:
    """On a socket, with `read`, `write` and `destroy`."""
    made = Upstream()
    async with served(made.app()) as url:
        made.url = f"{url}/mcp"
        yield made
