"""Tool servers over real sockets: the hub under the run's token, the agent's own, and each when away."""

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import uvicorn
from mcp.server.lowlevel import Server as McpServerApp
from mcp.server.mcpserver import MCPServer
from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR, CallToolResult, ListToolsResult, TextContent, ToolAnnotations
from mcp_types import Tool as McpTool

from oblivion_agent.mcp_servers import McpServer, hub_of
from oblivion_agent.settings import McpServerSpec
from oblivion_agent.tools import ApprovalNeeded, ToolUnavailable
from oblivion_contracts.agent_socket import TaskAssigned
from oblivion_contracts.runs import Category, RunSource
from oblivion_contracts.tool_use import APPROVAL_KEY, MISSING_KEY
from oblivion_platform.embedded.process import free_port
from oblivion_platform.http_server import serving
from oblivion_platform.testing import eventually


@dataclass
class Tools:
    """A Streamable HTTP server with three tools, and the headers that it was called with."""

    url: str = ""
    headers: list[dict[str, str]] = field(default_factory=list)


@contextlib.asynccontextmanager
async def tool_server() -> AsyncGenerator[Tools]:
    tools = Tools()
    server = MCPServer("hub")

    @server.tool(name="notion__search", annotations=ToolAnnotations(read_only_hint=True))
    def search(query: str) -> str:
        """Search pages."""
        return f"found {query}"

    @server.tool(name="notion__delete", annotations=ToolAnnotations(destructive_hint=True))
    def delete(page: str) -> str:
        """Delete a page."""
        return f"deleted {page}"

    @server.tool(name="notion__broken")
    def broken() -> str:
        """Always fails."""
        raise RuntimeError("password=hunter2")

    inner = server.streamable_http_app()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            tools.headers.append({name.decode(): value.decode() for name, value in scope["headers"]})
        await inner(scope, receive, send)

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    tools.url = f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"
    web = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on", timeout_graceful_shutdown=1))
    serving = asyncio.create_task(web.serve(sockets=[listener]))
    await eventually(lambda: web.started)
    try:
        yield tools
    finally:
        web.should_exit = True
        await serving
        listener.close()


@pytest.fixture
async def tools() -> AsyncIterator[Tools]:
    async with tool_server() as served:
        yield served


def task(url: str | None, *allowed: str) -> TaskAssigned:
    return TaskAssigned(
        run_id=uuid4(),
        fence=1,
        agent="notion",
        task="default",
        prompt="find it",
        category=Category.QUICK,
        source=RunSource.SLACK,
        session_id=uuid4(),
        lease_s=30,
        heartbeat_s=10,
        deadline=datetime.now(UTC) + timedelta(minutes=2),
        allowed_tools=list(allowed),
        tools_url=url,
        run_token="run-token",
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )


async def test_the_hub_is_called_with_the_runs_token_and_its_trace(tools: Tools) -> None:
    async with hub_of(task(tools.url, "notion__*")) as hub:
        offered = {tool.name: tool for tool in hub.tools}
        found = await offered["notion__search"].call({"query": "policy"})
    assert found == "found policy"
    assert {name: tool.is_destructive for name, tool in offered.items()} == {
        "notion__search": False,
        "notion__delete": True,
        "notion__broken": True,  # It says nothing of itself.
    }
    assert {each["authorization"] for each in tools.headers} == {"Bearer run-token"}
    assert all("0af7651916cd43dd8448eb211c80319c" in each["traceparent"] for each in tools.headers)


async def test_a_tool_that_breaks_says_so_without_its_secrets(tools: Tools) -> None:
    async with hub_of(task(tools.url, "notion__*")) as hub:
        broken = next(tool for tool in hub.tools if tool.name == "notion__broken")
        with pytest.raises(ToolUnavailable) as said:
            await broken.call({})
    assert "hunter2" not in str(said.value)


async def test_a_hub_that_is_away_leaves_a_notice_for_the_model() -> None:
    async with hub_of(task("http://127.0.0.1:9/mcp", "notion__*")) as hub:
        assert hub.tools == []
    assert "cannot be reached" in hub.notice


async def test_what_the_hub_says_beside_the_protocol_is_heard() -> None:
    async def list_tools(context: Any, params: Any) -> ListToolsResult:
        tools = [McpTool(name="notion__search", input_schema={"type": "object"})]
        return ListToolsResult(tools=tools, _meta={MISSING_KEY: {"jira": "Jira does not answer."}})

    async def call_tool(context: Any, params: Any) -> CallToolResult:
        content = [TextContent(text="A member has to allow it.")]
        return CallToolResult(content=content, is_error=True, _meta={APPROVAL_KEY: True})

    hub_server: McpServerApp[Any] = McpServerApp("hub", on_list_tools=list_tools, on_call_tool=call_tool)
    async with (
        serving(hub_server.streamable_http_app(), host="127.0.0.1", port=0) as port,
        hub_of(task(f"http://127.0.0.1:{port}/mcp", "notion__*")) as hub,
    ):
        with pytest.raises(ApprovalNeeded, match="member has to allow"):
            await hub.tools[0].call({})
    assert "jira: Jira does not answer." in hub.notice


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "required": ["title"]},
        # A letter, as JSON Schema has it; Python knows no such pattern.
        {"type": "object", "properties": {"id": {"type": "string", "pattern": r"^\p{L}$"}}},
    ],
)
async def test_an_answer_that_cannot_be_checked_is_no_lost_connection(schema: dict[str, Any]) -> None:
    calls: list[str] = []

    async def list_tools(context: Any, params: Any) -> ListToolsResult:
        harmless = ToolAnnotations(read_only_hint=True)
        search = McpTool(
            name="notion__search", input_schema={"type": "object"}, output_schema=schema, annotations=harmless
        )
        return ListToolsResult(tools=[search])

    async def call_tool(context: Any, params: Any) -> CallToolResult:
        calls.append(params.name)
        return CallToolResult(content=[TextContent(text="a")], structured_content={"id": "a"})

    hub_server: McpServerApp[Any] = McpServerApp("hub", on_list_tools=list_tools, on_call_tool=call_tool)
    async with (
        serving(hub_server.streamable_http_app(), host="127.0.0.1", port=0) as port,
        hub_of(task(f"http://127.0.0.1:{port}/mcp", "notion__*")) as hub,
    ):
        with pytest.raises(ToolUnavailable, match="called and answered"):
            await hub.tools[0].call({})
    assert calls == ["notion__search"]


async def test_without_a_hub_or_allowed_tools_nothing_is_opened(tools: Tools) -> None:
    async with hub_of(task(None, "notion__*")) as none_installed, hub_of(task(tools.url)) as none_allowed:
        assert (none_installed.tools, none_allowed.tools) == ([], [])
    assert tools.headers == []


async def test_an_own_server_is_kept_open_with_its_headers_and_prefixed(tools: Tools) -> None:
    spec = McpServerSpec.model_validate({"url": tools.url, "headers": {"X-Key": "mine"}})
    server = McpServer("wiki", spec)
    keeping = asyncio.create_task(server.keep())
    offered = {tool.name: tool for tool in await server.tools()}
    answers = [await offered["wiki__notion__search"].call({"query": str(number)}) for number in range(3)]
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    assert answers == ["found 0", "found 1", "found 2"]
    assert {each["x-key"] for each in tools.headers} == {"mine"}


async def test_an_own_server_that_cannot_start_offers_nothing_and_delays_nobody() -> None:
    server = McpServer("gone", McpServerSpec(command="/nowhere/at-all"))
    keeping = asyncio.create_task(server.keep())
    async with asyncio.timeout(30):
        assert await server.tools() == []
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)


class Killable:
    """The way to a hub: while nobody is there it refuses connections, and those that there were are cut."""

    def __init__(self, hub_port: int) -> None:
        self._hub_port = hub_port
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}/mcp"
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self.last_words = b""
        """Of the hub: once they are through, nobody is there any more."""
        self.instead: bytes | None = None
        """Of a proxy on the way, once the hub was asked: in the place of its answer."""

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", self._port)

    async def kill(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._open:
            writer.transport.abort()
        await self._server.wait_closed()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hub_reader, hub_writer = await asyncio.open_connection("127.0.0.1", self._hub_port)
        self._open |= {writer, hub_writer}
        await asyncio.gather(self._pump(reader, hub_writer), self._pump(hub_reader, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while part := await reader.read(65_536):
                if self.instead and part.startswith(b"HTTP/"):
                    writer.write(self.instead)
                    break
                writer.write(part)
                if self.last_words and self.last_words in part:
                    self._leave()
        writer.close()

    def _leave(self) -> None:
        assert self._server is not None
        self.last_words = b""
        self._server.close()
        for writer in self._open:
            writer.close()


@dataclass
class Work:
    """What the tools of the hub did, and what holds them up."""

    way: Killable
    done: list[str] = field(default_factory=list[str])
    at_work: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)


@pytest.fixture
async def work() -> AsyncIterator[Work]:
    """`notion__read` and `notion__write` of a hub that can be killed, and is up."""
    server = MCPServer("hub")

    async def do(page: str) -> str:
        made.done.append(page)
        made.at_work.set()
        await made.go_on.wait()
        return f"did {page}"

    server.tool(name="notion__read", annotations=ToolAnnotations(read_only_hint=True))(do)
    server.tool(name="notion__write", annotations=ToolAnnotations(destructive_hint=False))(do)
    app = server.streamable_http_app(stateless_http=True)
    async with serving(app, host="127.0.0.1", port=0, drain_timeout_s=1) as port:
        made = Work(Killable(port))
        await made.way.start()
        yield made
        made.go_on.set()
        await made.way.kill()


async def test_a_hub_that_was_started_again_is_called_as_before(work: Work) -> None:
    work.go_on.set()
    async with hub_of(task(work.way.url, "notion__*")) as hub:
        read, write = hub.tools
        assert await write.call({"page": "1"}) == "did 1"
        await work.way.kill()
        waiting = asyncio.create_task(write.call({"page": "2"}))
        await asyncio.sleep(0.1)  # It is called while nobody is there.
        await work.way.start()
        assert await waiting == "did 2"
        await work.way.kill()
        await work.way.start()
        assert await read.call({"page": "3"}) == "did 3"
    assert work.done == ["1", "2", "3"]


async def test_a_change_that_a_hub_was_at_when_it_died_is_not_made_again(work: Work) -> None:
    async with hub_of(task(work.way.url, "notion__*")) as hub:
        _, write = hub.tools
        calling = asyncio.create_task(write.call({"page": "1"}))
        await work.at_work.wait()
        await work.way.kill()
        await work.way.start()
        with pytest.raises(ToolUnavailable, match="may have been done or not"):
            await calling
        work.go_on.set()
        assert await write.call({"page": "2"}) == "did 2"
    assert work.done == ["1", "2"]


async def test_a_change_that_was_answered_is_not_made_again_when_the_hub_goes_right_after(work: Work) -> None:
    work.go_on.set()
    async with hub_of(task(work.way.url, "notion__*")) as hub:
        _, write = hub.tools
        await work.way.kill()
        calling = asyncio.create_task(write.call({"page": "1"}))
        await asyncio.sleep(0.1)  # It is called while nobody is there, so the next client is a new one.
        work.way.last_words = b"did 1"
        await work.way.start()
        await eventually(lambda: not work.way.last_words)
        await asyncio.sleep(0.1)  # What may follow the answer finds nobody.
        await work.way.start()
        assert await calling == "did 1"
    assert work.done == ["1"]


BAD_GATEWAY = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


async def test_an_error_in_the_place_of_an_answer_leaves_open_whether_a_change_was_made(work: Work) -> None:
    work.go_on.set()
    async with hub_of(task(work.way.url, "notion__*")) as hub:
        read, write = hub.tools
        assert await write.call({"page": "1"}) == "did 1"
        work.way.instead = BAD_GATEWAY
        with pytest.raises(ToolUnavailable, match="may have been done or not"):
            await write.call({"page": "2"})
        with pytest.raises(ToolUnavailable) as unread:
            await read.call({"page": "3"})
        assert "may have been done" not in str(unread.value)
        work.way.instead = None
        assert await write.call({"page": "4"}) == "did 4"
    assert work.done == ["1", "2", "3", "4"]


async def test_what_the_hub_says_it_did_not_call_was_not_called() -> None:
    async def list_tools(context: Any, params: Any) -> ListToolsResult:
        return ListToolsResult(tools=[McpTool(name="notion__write", input_schema={"type": "object"})])

    async def call_tool(context: Any, params: Any) -> CallToolResult:
        raise MCPError(INTERNAL_ERROR, "Postgres does not answer.", {"code": "postgres_unavailable"})

    hub_server: McpServerApp[Any] = McpServerApp("hub", on_list_tools=list_tools, on_call_tool=call_tool)
    async with (
        serving(hub_server.streamable_http_app(), host="127.0.0.1", port=0) as port,
        hub_of(task(f"http://127.0.0.1:{port}/mcp", "notion__*")) as hub,
    ):
        with pytest.raises(ToolUnavailable, match=r"^Postgres does not answer\.$"):
            await hub.tools[0].call({})


async def test_a_change_that_an_own_server_broke_off_may_have_been_made(work: Work) -> None:
    server = McpServer("wiki", McpServerSpec.model_validate({"url": work.way.url}))
    keeping = asyncio.create_task(server.keep())
    read, write = await server.tools()
    work.way.instead = BAD_GATEWAY
    work.go_on.set()
    with pytest.raises(ToolUnavailable, match="may have been done or not"):
        await write.call({"page": "1"})
    with pytest.raises(ToolUnavailable) as unread:
        await read.call({"page": "2"})
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    assert "may have been done" not in str(unread.value)


OWN_SERVER = """
import asyncio, os
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR, ListToolsResult, Tool

async def list_tools(context, params):
    tools = [Tool(name=name, input_schema={"type": "object"}) for name in ("err", "die")]
    return ListToolsResult(tools=tools)

async def call_tool(context, params):
    if params.name == "die":
        os._exit(1)
    raise MCPError(INTERNAL_ERROR, "deadlock detected", {"code": "40P01"})

async def main():
    server = Server("own", on_list_tools=list_tools, on_call_tool=call_tool)
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())

asyncio.run(main())
"""


async def test_what_an_own_server_says_of_its_error_or_that_it_ends_is_no_word_that_nothing_was_done() -> (
    None
):
    server = McpServer("own", McpServerSpec(command=sys.executable, args=["-c", OWN_SERVER]))
    keeping = asyncio.create_task(server.keep())
    try:
        for tool in await server.tools():
            with pytest.raises(ToolUnavailable, match="may have been done or not"):
                await tool.call({})
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


async def test_what_changes_nothing_is_asked_again(work: Work) -> None:
    async with hub_of(task(work.way.url, "notion__*")) as hub:
        read, _ = hub.tools
        calling = asyncio.create_task(read.call({"page": "1"}))
        await work.at_work.wait()
        await work.way.kill()
        work.go_on.set()
        await work.way.start()
        assert await calling == "did 1"
    assert work.done == ["1", "1"]


async def test_a_hub_that_does_not_come_back_leaves_the_run_at_work(work: Work) -> None:
    async with hub_of(task(work.way.url, "notion__*")) as hub:
        await work.way.kill()
        with pytest.raises(ToolUnavailable, match="so it was not called"):
            await hub.tools[1].call({"page": "1"})
        await work.way.start()
        work.go_on.set()
        assert await hub.tools[1].call({"page": "2"}) == "did 2"
    assert work.done == ["2"]


async def test_a_run_that_is_stopped_in_the_midst_of_a_call_lets_go_of_the_hub(work: Work) -> None:
    async def run() -> None:
        async with hub_of(task(work.way.url, "notion__*")) as hub:
            await hub.tools[1].call({"page": "1"})

    running = asyncio.create_task(run())
    await work.at_work.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    names = {each.get_name() for each in asyncio.all_tasks()}
    assert "connection to the hub" not in names
