"""A stdio server as Streamable HTTP: one child process, which all requests share and which is started anew.

The hub itself starts no process: each stdio server of the operator's list has a bridge of its own, on a
cluster in a container of its own. The child is given the environment that the operator named for it, and
none of ours.
Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/security_best_practices (local servers)
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from mcp.shared.exceptions import MCPError
from mcp_types import (
    CONNECTION_CLOSED,
    INTERNAL_ERROR,
    REQUEST_TIMEOUT,
    CallToolRequestParams,
    CallToolResult,
    GetPromptRequestParams,
    GetPromptResult,
    Implementation,
    ListPromptsResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
)
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from oblivion_mcp_hub.adapters.kept_open import KeptOpen, Opening
from oblivion_platform.health import Health, health_routes
from oblivion_platform.logging import get_logger
from oblivion_platform.problems import problem_response
from oblivion_platform.tasks import end

US = Implementation(name="oblivion-stdio-bridge", version="0.1.0")
CALL_TIMEOUT_S = 300.0
"""Longer than the hub waits."""
LOOKED_AFTER_S = 5.0
"""Of a call, how long until the child is asked whether it still says anything, and then again."""
ANSWERS_WITHIN_S = 3.0
REQUEST_BYTES_MAX = 4 * 1024 * 1024
_FROM_A_PAGE = problem_response(403, "pages_refused", "No page of a browser has business here.")

Context = ServerRequestContext[Any, Any]
AnswerT = TypeVar("AnswerT")
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class StdioCommand:
    """How the server is started."""

    program: str
    arguments: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict[str, str], repr=False)
    shows_stderr: bool = False
    """Whether what it writes there goes into our log's stream; it may hold anything."""


class StdioBridge:
    """The child, and the endpoint in front of it."""

    def __init__(self, command: StdioCommand) -> None:
        self._command = command
        self._child = KeptOpen(self._open, drain_s=CALL_TIMEOUT_S)
        self._manager = self._new_manager()

    def application(self, health: Health) -> Starlette:
        @contextlib.asynccontextmanager
        async def lifespan(_app: Starlette) -> AsyncGenerator[None]:
            self._manager = self._new_manager()  # The SDK's manager runs once.
            async with self._manager.run():
                yield

        routes = [Route("/mcp", _Endpoint(self._serve), methods=None), *health_routes(health)]
        return Starlette(routes=routes, lifespan=lifespan)

    async def close(self, within_s: float) -> None:
        """End the child, with its last request or after `within_s`, while the server can still say so."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._child.drain()

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        # A page that a local name was rebound to sends its origin with each POST.
        if "origin" in Headers(scope=scope):
            await _FROM_A_PAGE(scope, receive, send)
            return
        await self._manager.handle_request(scope, receive, send)

    def _new_manager(self) -> StreamableHTTPSessionManager:
        server: Server[Any] = Server(
            US.name,
            version=US.version,
            get_tool_input_schema=lambda _name: None,
            on_list_tools=self._list_tools,
            on_call_tool=self._call_tool,
            on_list_resources=self._list_resources,
            on_list_resource_templates=self._list_templates,
            on_read_resource=self._read_resource,
            on_list_prompts=self._list_prompts,
            on_get_prompt=self._get_prompt,
        )
        return StreamableHTTPSessionManager(
            server,
            stateless=True,
            security_settings=TransportSecuritySettings(enable_dns_rebinding_protection=False),
            max_request_body_size=REQUEST_BYTES_MAX,
        )

    @contextlib.asynccontextmanager
    async def _open(self) -> AsyncGenerator[Client]:
        command = self._command
        parameters = StdioServerParameters(
            command=command.program, args=list(command.arguments), env=dict(command.environment)
        )
        with open(os.devnull, "w") as nowhere:  # noqa: ASYNC230 - opens no file that could block
            transport = (
                stdio_client(parameters) if command.shows_stderr else stdio_client(parameters, nowhere)
            )
            async with Client(
                transport, client_info=US, cache=None, read_timeout_seconds=CALL_TIMEOUT_S
            ) as client:
                _log.info("stdio server started", program=command.program)
                yield client

    async def _ask(self, question: Callable[[Client], Awaitable[AnswerT]]) -> AnswerT:
        """All tenants share the child, so it is given up only where it has ended."""
        try:
            async with self._child.use() as opening:
                try:
                    return await self._watched(opening, question)
                except Exception as error:
                    if _has_ended(error):
                        opening.let_go()
                        _log.warning("stdio server ended", program=self._command.program)
                    raise
        except MCPError:
            raise
        # What a child breaks with has no base in common.
        except Exception as error:
            _log.warning("stdio server failed", program=self._command.program, cause=type(error).__name__)
            raise MCPError(INTERNAL_ERROR, "The server could not be started, or broke off.") from None

    async def _watched(
        self, opening: Opening[Client], question: Callable[[Client], Awaitable[AnswerT]]
    ) -> AnswerT:
        """A child that says nothing at all any more gets a sibling, which the next ones ask."""
        asking = asyncio.ensure_future(question(opening.thing))
        try:
            while not (await asyncio.wait({asking}, timeout=LOOKED_AFTER_S))[0]:
                if opening.is_usable and not await _is_responsive(opening.thing):
                    opening.let_go()
                    _log.warning("stdio server hangs", program=self._command.program)
            return await asking
        finally:
            await end(asking)

    async def _list_tools(self, _context: Context, params: PaginatedRequestParams | None) -> ListToolsResult:
        return await self._ask(lambda child: child.list_tools(cursor=_cursor(params), cache_mode="bypass"))

    async def _call_tool(self, context: Context, params: CallToolRequestParams) -> CallToolResult:
        async def call(child: Client) -> CallToolResult:
            report = context.session.report_progress
            return await child.call_tool(params.name, params.arguments or {}, progress_callback=report)

        return await self._ask(call)

    async def _list_resources(
        self, _context: Context, params: PaginatedRequestParams | None
    ) -> ListResourcesResult:
        async def ask(child: Client) -> ListResourcesResult:
            if child.server_capabilities.resources is None:
                return ListResourcesResult(resources=[])
            return await child.list_resources(cursor=_cursor(params), cache_mode="bypass")

        return await self._ask(ask)

    async def _list_templates(
        self, _context: Context, params: PaginatedRequestParams | None
    ) -> ListResourceTemplatesResult:
        async def ask(child: Client) -> ListResourceTemplatesResult:
            if child.server_capabilities.resources is None:
                return ListResourceTemplatesResult(resource_templates=[])
            return await child.list_resource_templates(cursor=_cursor(params), cache_mode="bypass")

        return await self._ask(ask)

    async def _read_resource(
        self, _context: Context, params: ReadResourceRequestParams
    ) -> ReadResourceResult:
        return await self._ask(lambda child: child.read_resource(params.uri, cache_mode="bypass"))

    async def _list_prompts(
        self, _context: Context, params: PaginatedRequestParams | None
    ) -> ListPromptsResult:
        async def ask(child: Client) -> ListPromptsResult:
            if child.server_capabilities.prompts is None:
                return ListPromptsResult(prompts=[])
            return await child.list_prompts(cursor=_cursor(params), cache_mode="bypass")

        return await self._ask(ask)

    async def _get_prompt(self, _context: Context, params: GetPromptRequestParams) -> GetPromptResult:
        return await self._ask(lambda child: child.get_prompt(params.name, params.arguments or {}))


class _Endpoint:
    """Starlette takes functions for request handlers; this is ASGI."""

    def __init__(self, serve: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._serve = serve

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._serve(scope, receive, send)


async def _is_responsive(child: Client) -> bool:
    try:
        async with asyncio.timeout(ANSWERS_WITHIN_S):
            await child.list_tools(cache_mode="bypass")
    except MCPError as error:
        return error.code not in {CONNECTION_CLOSED, REQUEST_TIMEOUT}
    except TimeoutError:
        return False
    return True


def _has_ended(error: Exception) -> bool:
    if isinstance(error, MCPError):
        return error.code in {CONNECTION_CLOSED, REQUEST_TIMEOUT}
    return not isinstance(error, RuntimeError | ValueError)  # Those are answers that are none.


def _cursor(params: PaginatedRequestParams | None) -> str | None:
    return None if params is None else params.cursor
