"""A hub with a tenant, and a tool server of the tests' own that does as it is told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest
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

from oblivion_mcp_hub.testing import TestTenant, World, running_world, served
from oblivion_platform.testing import FreshDatabase

Context = ServerRequestContext[Any, Any]
TEXT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
Behaviour = Callable[[dict[str, Any]], Awaitable[CallToolResult]]


def tool(name: str, **more: Any) -> Tool:
    return Tool(name=name, **{"description": f"Does {name}.", "input_schema": TEXT, **more})


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
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
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


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    made = Upstream()
    async with served(made.app()) as url:
        made.url = f"{url}/mcp"
        yield made


NewWorld = Callable[..., Awaitable[World]]


@pytest.fixture
async def new_world(database: FreshDatabase, redis_url: str) -> AsyncIterator[NewWorld]:
    """Starts a hub with the given settings."""
    async with AsyncExitStack() as stack:

        async def start(**settings: Any) -> World:
            redis = settings.pop("redis_url", redis_url)
            return await stack.enter_async_context(running_world(database, redis, **settings))

        yield start


@pytest.fixture
def patience_s() -> float:
    """How long tool servers may take. Tests in which one hangs on purpose: `parametrize("patience_s", …)`."""
    return 20.0


@pytest.fixture
async def world(new_world: NewWorld, patience_s: float) -> World:
    return await new_world(
        tool_call_timeout_s=patience_s, tool_list_timeout_s=patience_s, tool_server_retry_s=0.1
    )


@pytest.fixture
async def tenant(world: World) -> TestTenant:
    return await world.new_tenant()
