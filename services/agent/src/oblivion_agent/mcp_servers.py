"""MCP servers: an agent's own, kept open as long as the process lives, and the hub, opened for each run."""

import asyncio
import contextlib
import logging
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import httpx2
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp_types import (
    CONNECTION_CLOSED,
    INTERNAL_ERROR,
    PARSE_ERROR,
    REQUEST_TIMEOUT,
    CallToolResult,
    ListToolsResult,
    TextContent,
)
from mcp_types import Tool as McpTool

from oblivion_agent.hub_connection import AnswerLost, HubAway, HubConnection
from oblivion_agent.settings import McpServerSpec
from oblivion_agent.tools import ApprovalNeeded, Tool, ToolUnavailable
from oblivion_contracts.agent_socket import TaskAssigned
from oblivion_contracts.tool_use import APPROVAL_KEY, MISSING_KEY

CALLED_WITHIN_S = 120.0
CONNECTED_WITHIN_S = 15.0
RETRY_S = 5.0
PAGES_MAX = 50
_NAME_LENGTH_MAX = 64
_REASON_LENGTH_MAX = 300
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]")

logger = logging.getLogger(__name__)


class McpServer:
    """One of the agent's own servers: started, listed, and started again when it ends."""

    def __init__(self, name: str, spec: McpServerSpec) -> None:
        self.name = name
        self._spec = spec
        self._client: Client | None = None
        self._tools: list[Tool] = []
        self._tried = asyncio.Event()

    async def keep(self) -> None:
        """Hold it open until cancelled."""
        while True:
            try:
                async with _own_client(self._spec) as client:
                    self._tools = [self._tool(tool) for tool in await _list(client)]
                    self._client = client
                    self._tried.set()
                    logger.info("MCP server %s offers %d tools", self.name, len(self._tools))
                    await self._watch(client)
            # A failed connection surfaces as whatever broke, in nested groups.
            except Exception as error:
                logger.warning("MCP server %s is away (%s); trying again", self.name, _innermost(error))
            self._client = None
            self._tools = []
            self._tried.set()
            await asyncio.sleep(RETRY_S)

    async def tools(self) -> list[Tool]:
        """What it offers now; nothing while it is away."""
        await self._tried.wait()
        return self._tools

    async def _watch(self, client: Client) -> None:
        """Return when the server no longer answers."""
        while True:
            await asyncio.sleep(RETRY_S)
            await client.list_tools(cache_mode="bypass")

    def _tool(self, tool: McpTool) -> Tool:
        name = _NOT_IN_NAMES.sub("_", f"{self.name}__{tool.name}")[:_NAME_LENGTH_MAX]

        async def call(arguments: dict[str, Any]) -> str:
            if self._client is None:
                raise ToolUnavailable(f"{self.name} is away")
            return await _call(self._client, tool, arguments)

        return _as_tool(tool, name, call)


@dataclass(frozen=True)
class Hub:
    """What the hub offered to a run."""

    tools: list[Tool]
    notice: str = ""
    """What the model has to know when the hub is away."""


@contextlib.asynccontextmanager
async def hub_of(task: TaskAssigned) -> AsyncGenerator[Hub]:
    """The hub's tools for this run, under the run's own token; none when there is no hub or it is away."""
    if task.tools_url is None or not task.allowed_tools:
        yield Hub([])
        return
    url, headers = str(task.tools_url), _headers_of(task)
    connection = HubConnection(lambda: _http_client(url, headers))
    try:
        yield await _offered_by(_HubTools(connection), task)
    finally:
        await connection.close()


def _headers_of(task: TaskAssigned) -> dict[str, str]:
    headers = {"Authorization": f"Bearer {task.run_token}"} if task.run_token else {}
    return {**headers, "traceparent": task.traceparent} if task.traceparent else headers


class _HubTools:
    """The hub's tools, called by a client that has listed them.

    Of one that has not, the SDK lists them itself once a call was answered, to check the result. If the hub
    went away in between, the call would seem never to have left.
    """

    def __init__(self, connection: HubConnection) -> None:
        self._connection = connection
        self._listed_by: Client | None = None
        self.missing = dict[str, str]()

    async def listed(self) -> list[McpTool]:
        """Raises: HubAway, AnswerLost, MCPError."""
        return await self._connection.ask(self._list, is_harmless=True)

    async def call(self, name: str, arguments: dict[str, Any], *, is_harmless: bool) -> CallToolResult:
        """Raises: HubAway, AnswerLost, MCPError."""

        async def call(client: Client) -> CallToolResult:
            if client is not self._listed_by:
                await self._list(client)
            try:
                return await client.call_tool(name, arguments)
            # The SDK's check of the answer, whose patterns are Python's: no sign that the hub is away.
            except (RuntimeError, ValueError, re.error) as unfit:
                raise MCPError(PARSE_ERROR, _UNFIT) from unfit

        return await self._connection.ask(call, is_harmless=is_harmless)

    async def _list(self, client: Client) -> list[McpTool]:
        found = await _list(client, self.missing)
        self._listed_by = client
        return found


async def _offered_by(tools: _HubTools, task: TaskAssigned) -> Hub:
    try:
        found = await tools.listed()
    except (HubAway, AnswerLost, MCPError) as error:
        logger.warning("run %s: the tools cannot be reached (%s)", task.run_id, error)
        return Hub([], "The tools of this system cannot be reached now. When the request needs one, say so.")
    return Hub([_hub_tool(tools, tool) for tool in found], _notice(tools.missing))


def _notice(missing: Mapping[str, str]) -> str:
    if not missing:
        return ""
    named = " ".join(f"{name}: {' '.join(why.split())[:_REASON_LENGTH_MAX]}" for name, why in missing.items())
    return f"Some tools of this system are missing now. When the request needs one, say which. {named}"


def _hub_tool(tools: _HubTools, tool: McpTool) -> Tool:
    is_harmless = _changes_nothing(tool)

    async def call(arguments: dict[str, Any]) -> str:
        try:
            result = await tools.call(tool.name, arguments, is_harmless=is_harmless)
        except HubAway as error:
            raise ToolUnavailable(f"{_NOT_CALLED} ({error})") from error
        except AnswerLost as error:
            raise ToolUnavailable(f"{_LOST} ({error})") from error
        except MCPError as error:
            data: object = error.data
            says_why = isinstance(data, dict) and "code" in data  # The hub's own words; it called nothing.
            raise _refused(error, is_harmless=is_harmless or says_why) from error
        return _result_text(result)

    return _as_tool(tool, tool.name, call)


def _refused(error: MCPError, *, is_harmless: bool) -> ToolUnavailable:
    """What came in place of a result. Of an error that says no more, nobody knows how far the call came."""
    if is_harmless or error.code not in {INTERNAL_ERROR, REQUEST_TIMEOUT, CONNECTION_CLOSED}:
        return ToolUnavailable(str(error))
    return ToolUnavailable(f"it was called, and only an error came back, {_MAYBE_DONE} ({error})")


_NOT_CALLED = "the tools of this system cannot be reached now, so it was not called"
_UNFIT = (
    "it was called and answered, but its answer cannot be checked against its own schema, so it is not shown"
)
_MAYBE_DONE = (
    "so it may have been done or not. "
    "Look whether it was before you call it again, or say that you do not know"
)
_LOST = f"the connection broke while it was at work, {_MAYBE_DONE}"


@contextlib.asynccontextmanager
async def _own_client(spec: McpServerSpec) -> AsyncGenerator[Client]:
    if spec.url is not None:
        headers = {name: value.get_secret_value() for name, value in spec.headers.items()}
        async with _http_client(spec.url, headers) as client:
            yield client
        return
    environment = {name: value.get_secret_value() for name, value in spec.env.items()}
    command = StdioServerParameters(command=str(spec.command), args=spec.args, env=environment)
    async with Client(command, read_timeout_seconds=CALLED_WITHIN_S) as client:
        yield client


@contextlib.asynccontextmanager
async def _http_client(url: str, headers: dict[str, str]) -> AsyncGenerator[Client]:
    timeout = httpx2.Timeout(CONNECTED_WITHIN_S, read=CALLED_WITHIN_S)
    async with httpx2.AsyncClient(headers=headers, timeout=timeout) as http:
        transport = streamable_http_client(url, http_client=http)
        async with Client(transport, read_timeout_seconds=CALLED_WITHIN_S) as client:
            yield client


async def _list(client: Client, missing: dict[str, str] | None = None) -> list[McpTool]:
    """Every page; `missing` is told which of the hub's servers are away, and why."""
    tools: list[McpTool] = []
    cursor: str | None = None
    for _ in range(PAGES_MAX):
        page = await client.list_tools(cursor=cursor)
        tools += page.tools
        if missing is not None:
            missing |= _missing_in(page)
        cursor = page.next_cursor
        if cursor is None:
            break
    return tools


def _missing_in(page: ListToolsResult) -> dict[str, str]:
    told: object = (page.meta or {}).get(MISSING_KEY)
    if not isinstance(told, dict):
        return {}
    return {str(name): str(why) for name, why in cast("dict[object, object]", told).items()}


async def _call(client: Client, tool: McpTool, arguments: dict[str, Any]) -> str:
    is_harmless = _changes_nothing(tool)
    try:
        result = await client.call_tool(tool.name, arguments)
    except MCPError as error:
        raise _refused(error, is_harmless=is_harmless) from error
    # The transport's errors have no base in common, and a broken tool is no reason to fail the run.
    except Exception as error:
        away = f"its server does not answer ({_innermost(error)})"
        raise ToolUnavailable(away if is_harmless else f"{away}, {_MAYBE_DONE}") from error
    return _result_text(result)


def _changes_nothing(tool: McpTool) -> bool:
    return tool.annotations is not None and bool(tool.annotations.read_only_hint)


def _result_text(result: CallToolResult) -> str:
    """Raises: ApprovalNeeded, ToolUnavailable."""
    text = _text_of(result)
    if result.is_error and (result.meta or {}).get(APPROVAL_KEY):
        raise ApprovalNeeded(text)
    if result.is_error:
        raise ToolUnavailable(text or "it gave no reason")
    return text


def _text_of(result: CallToolResult) -> str:
    parts = [
        block.text if isinstance(block, TextContent) else f"({block.type} left out)"
        for block in result.content
    ]
    return "\n".join(parts)


def _as_tool(tool: McpTool, name: str, call: Callable[[dict[str, Any]], Awaitable[str]]) -> Tool:
    """A tool that does not say that it is harmless can destroy.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/schema#toolannotations
    """
    hints = tool.annotations
    is_harmless = hints is not None and (hints.read_only_hint or hints.destructive_hint is False)
    return Tool(
        name=name,
        description=tool.description or tool.name,
        schema=tool.input_schema,
        call=call,
        is_destructive=not is_harmless,
    )


def _innermost(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    return type(error).__name__
