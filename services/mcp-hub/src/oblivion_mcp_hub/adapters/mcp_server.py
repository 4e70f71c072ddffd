"""Any MCP server by its URL, over one connection that is kept open and shared by all calls.

The caller's token never gets here: what the server is shown is the connection's own secret. The handshake is
the SDK's client's, and word of changes; what anybody waits for goes by `mcp_exchange`, over HTTP connections
that outlive an opening, so that what breaks for one caller breaks for nobody else.
Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/security_best_practices
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Generic, TypeVar, cast

import aiohttp
import httpx2
import pydantic_core
from mcp.client.client import Client
from mcp.client.session import IncomingMessage
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp.shared.inbound import find_invalid_x_mcp_header, mcp_param_headers, x_mcp_header_map
from mcp_types import (
    CONNECTION_CLOSED,
    HEADER_MISMATCH,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    CallToolResult,
    CompleteResult,
    GetPromptResult,
    Implementation,
    InputRequiredResult,
    Prompt,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    Tool,
)
from pydantic import BaseModel

from oblivion_mcp_hub.adapters.guarded_http import AddressGuard, guarded_client
from oblivion_mcp_hub.adapters.kept_open import KeptOpen
from oblivion_mcp_hub.adapters.mcp_changes import hear_changes, kind_of
from oblivion_mcp_hub.adapters.mcp_exchange import (
    NO_ANSWER,
    NOT_TAKEN,
    SESSION_HEADER,
    SESSION_OVER,
    Exchanges,
    Message,
    Peer,
)
from oblivion_mcp_hub.adapters.oauth_credentials import ShownCredential
from oblivion_mcp_hub.adapters.short_way import ShortWay
from oblivion_mcp_hub.domain.catalog import TOOLS_MAX
from oblivion_mcp_hub.domain.server_address import address_of
from oblivion_mcp_hub.errors import (
    NothingThere,
    ServerAway,
    ServerBrokeOff,
    ServerDeclined,
    ServerMisbehaved,
)
from oblivion_mcp_hub.ports import NOTHING_ELSE, Account, Exchange, ListKind
from oblivion_mcp_hub.providers.texts import one_line
from oblivion_platform.connections import Connection
from oblivion_platform.errors import OblivionFailure
from oblivion_platform.tasks import end

PAGES_MAX = 20
ITEMS_MAX = 2_000
"""Of a server's list, if it is no list of tools."""
LIST_BYTES_MAX = 16 * 1024 * 1024
"""Of all pages of a list."""
GRACE_S = 5.0
"""What the connection itself waits longer than whoever asks."""
NAME_MAX = 200
WORDS_MAX = 2_000
"""Of a server, about itself and about its refusal."""
ENVELOPE_BYTES = 64 * 1024
"""What an answer may have beside the result itself."""
US = Implementation(name="oblivion-mcp-hub", version="0.1.0")

Changed = Callable[[Connection, ListKind], None]
AnswerT = TypeVar("AnswerT")
ResultT = TypeVar("ResultT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class _List(Generic[ResultT]):
    """One of the lists that a server may have."""

    method: str
    key: str
    item: type[ResultT]
    capability: str | None
    """Without which it has none; None: it is asked in any case."""
    most: int = ITEMS_MAX


_TOOLS = _List("tools/list", "tools", Tool, None, TOOLS_MAX + 1)
"""One more than are taken, to tell."""
_RESOURCES = _List("resources/list", "resources", Resource, "resources")
_TEMPLATES = _List("resources/templates/list", "resourceTemplates", ResourceTemplate, "resources")
_PROMPTS = _List("prompts/list", "prompts", Prompt, "prompts")


@dataclass(frozen=True, slots=True)
class _Open:
    """A connection after its handshake."""

    client: Client
    exchanges: Exchanges

    async def everything(self, wanted: _List[ResultT]) -> list[ResultT]:
        """All pages of a list, as far as it is taken. Raises: as `Exchanges.ask` does."""
        has_it = wanted.capability is None or getattr(self.client.server_capabilities, wanted.capability)
        items: list[ResultT] = []
        size, cursor = 0, None
        for _ in range(PAGES_MAX if has_it else 0):
            page = await self.exchanges.ask(wanted.method, {"cursor": cursor} if cursor else {}, NOTHING_ELSE)
            listed = page.get(wanted.key)
            if not isinstance(listed, list):
                raise ValueError("a list that is none")
            taken = cast("list[Any]", listed)[: wanted.most - len(items)]
            size += len(pydantic_core.to_json(taken))
            if size > LIST_BYTES_MAX:
                raise ValueError("a list without end")
            items += [wanted.item.model_validate(each, by_name=False) for each in taken]
            cursor = page.get("nextCursor")
            if not isinstance(cursor, str) or not cursor or len(items) >= wanted.most:
                break
        return items


class McpToolServer:
    """Implements `ports.ToolServer`."""

    def __init__(
        self,
        connection: Connection,
        auth: ShownCredential,
        guard: AddressGuard,
        changed: Changed,
        *,
        timeout_s: float,
        result_max_bytes: int,
    ) -> None:
        self._connection = connection
        self._auth = auth
        self._guard = guard
        self._changed = changed
        self._most_bytes = 4 * result_max_bytes + ENVELOPE_BYTES
        self._timeout_s = timeout_s + GRACE_S
        self._http = ShortWay(guard, auth, timeout_s=self._timeout_s, most_bytes=self._most_bytes)
        self._kept = KeptOpen(self._open, drain_s=self._timeout_s)
        self._repeated: dict[str, dict[tuple[str, ...], str]] = {}
        """Tool → which of its arguments headers repeat."""

    async def list_tools(self) -> Sequence[Tool]:
        async def ask(open_: _Open) -> list[Tool]:
            tools = await open_.everything(_TOOLS)
            if open_.exchanges.has_session_era:
                return tools
            # Those whose headers nobody can make are to be left out.
            return [tool for tool in tools if find_invalid_x_mcp_header(tool.input_schema) is None]

        tools = await self._ask(ask)
        self._repeated = {
            tool.name: found for tool in tools if (found := x_mcp_header_map(tool.input_schema))
        }
        return tools

    async def list_resources(self) -> Sequence[Resource]:
        return await self._ask(lambda open_: open_.everything(_RESOURCES))

    async def list_templates(self) -> Sequence[ResourceTemplate]:
        return await self._ask(lambda open_: open_.everything(_TEMPLATES))

    async def list_prompts(self) -> Sequence[Prompt]:
        return await self._ask(lambda open_: open_.everything(_PROMPTS))

    async def read_resource(
        self, uri: str, exchange: Exchange, /
    ) -> ReadResourceResult | InputRequiredResult:
        return await self._result("resources/read", {"uri": uri}, exchange, ReadResourceResult)

    async def get_prompt(
        self, name: str, arguments: dict[str, str], exchange: Exchange, /
    ) -> GetPromptResult | InputRequiredResult:
        asked = {"name": name, "arguments": arguments}
        return await self._result("prompts/get", asked, exchange, GetPromptResult)

    async def complete(self, question: Mapping[str, Any], /) -> CompleteResult:
        async def ask(open_: _Open) -> CompleteResult:
            if open_.client.server_capabilities.completions is None:
                return CompleteResult.model_validate({"completion": {"values": []}})
            answer = await open_.exchanges.ask("completion/complete", question, NOTHING_ELSE)
            return CompleteResult.model_validate(answer, by_name=False)

        return await self._ask(ask)

    async def call(
        self, tool: str, arguments: dict[str, Any], exchange: Exchange, /
    ) -> CallToolResult | InputRequiredResult:
        asked = {"name": tool, "arguments": arguments}
        try:
            return await self._result("tools/call", asked, exchange, CallToolResult)
        except ServerDeclined as declined:
            if declined.rpc_code != HEADER_MISMATCH:
                raise
            await self.list_tools()  # It has changed which arguments headers repeat.
            return await self._result("tools/call", asked, exchange, CallToolResult)

    async def check(self) -> Account:
        """Over an opening of its own, so that what is wrong with address, secret or server shows now."""
        try:
            async with self._open() as open_:
                count = len(await open_.everything(_TOOLS))
                info, version = open_.client.server_info, open_.client.protocol_version
        # Whatever breaks comes in nested groups.
        except Exception as error:
            raise self._meaning(error) from None
        named = (info and self._words(f"{info.name} {info.version}", NAME_MAX)) or "a server without name"
        tools = f"more than {TOOLS_MAX}" if count > TOOLS_MAX else str(count)
        return Account(f"It is {named}, speaks MCP {version} and has {tools} tools.")

    async def drain(self) -> None:
        """Closed once all calls that are under way have ended, or at once when this is cancelled."""
        try:
            await self._kept.drain()
        finally:
            await self._http.close()

    async def close(self) -> None:
        await self._kept.close()
        await self._http.close()

    async def _result(
        self, method: str, asked: dict[str, Any], exchange: Exchange, result: type[ResultT]
    ) -> ResultT | InputRequiredResult:
        async def ask(open_: _Open) -> ResultT | InputRequiredResult:
            headers = self._param_headers(asked)
            answer: Message = await open_.exchanges.ask(method, asked, exchange, headers)
            kind = InputRequiredResult if answer.get("resultType") == "input_required" else result
            return kind.model_validate(answer, by_name=False)

        return await self._ask(ask)

    def _param_headers(self, asked: Mapping[str, Any]) -> dict[str, str]:
        repeated = self._repeated.get(asked.get("name", ""))
        return mcp_param_headers(repeated, asked["arguments"]) if repeated else {}

    async def _ask(self, question: Callable[[_Open], Awaitable[AnswerT]]) -> AnswerT:
        try:
            return await self._answered(question)
        except _SessionOver:  # The server was started anew; it has not looked at the request.
            return await self._answered(question)

    async def _answered(self, question: Callable[[_Open], Awaitable[AnswerT]]) -> AnswerT:
        try:
            async with self._kept.use() as opening:
                try:
                    return await question(opening.thing)
                except Exception as error:
                    if _is_of_the_opening(error):
                        opening.let_go()
                    raise self._meaning(error, was_asked=not _never_left(error)) from None
        # The transport's errors have no base in common, and come in nested groups.
        except Exception as error:
            raise self._meaning(error) from None

    def _meaning(self, error: Exception, *, was_asked: bool = False) -> OblivionFailure:
        name, inner = self._connection.name, _innermost(error)
        if isinstance(inner, OblivionFailure):
            return inner
        if isinstance(inner, httpx2.HTTPStatusError) and inner.response.status_code in _UNAUTHORIZED:
            return self._auth.refused(inner.response.status_code)
        if isinstance(inner, MCPError):
            return self._answer_of(inner, was_asked=was_asked)
        if isinstance(inner, RuntimeError | ValueError):
            return ServerMisbehaved(
                name, "answered something that is no MCP, far too much, or not what its own schema says"
            )
        why = type(inner).__name__
        return (
            ServerBrokeOff(name, why) if was_asked else ServerAway(name, why, at=address_of(self._connection))
        )

    def _answer_of(self, error: MCPError, *, was_asked: bool) -> OblivionFailure:
        name = self._connection.name
        away = ServerBrokeOff if was_asked else ServerAway
        if error.code == CONNECTION_CLOSED:
            return away(name, "it broke off")
        if error.code == PARSE_ERROR:
            return ServerMisbehaved(name, "answered something that is no MCP, or far too much")
        if error.message == SESSION_OVER:
            return _SessionOver(name)
        if (error.code, error.message) == (METHOD_NOT_FOUND, NOT_TAKEN):  # At the handshake, of a 404.
            return NothingThere(name)
        if error.message == NO_ANSWER:
            return away(name, "it answered an error")
        if error.message == NOT_TAKEN:
            return ServerAway(name, "it answered an error")
        return ServerDeclined(error.code, self._words(error.message, WORDS_MAX), error.data)

    def _words(self, said: str, most: int) -> str:
        return one_line(self._auth.hidden_in(said), most)

    @asynccontextmanager
    async def _open(self) -> AsyncGenerator[_Open]:
        found = _Found(self._connection.url or "")
        # Its requests have the client's timeout; the stream on which changes are told may be silent.
        async with guarded_client(
            self._guard, headers={}, timeout_s=None, most_bytes=self._most_bytes
        ) as http:
            http.auth = self._auth
            http.event_hooks["response"].append(found.note)
            transport = streamable_http_client(
                found.url, http_client=http, max_sse_event_size=self._most_bytes
            )
            async with Client(
                transport,
                read_timeout_seconds=self._timeout_s,
                client_info=US,
                cache=None,
                message_handler=self._hear,
            ) as client:
                hearing = asyncio.create_task(hear_changes(client, self._tell), name="changes of a server")
                exchanges = Exchanges(self._peer(client, found))
                try:
                    await _want_logs(client, exchanges)
                    yield _Open(client, exchanges)
                finally:
                    await end(hearing)
                    await exchanges.close()

    def _peer(self, client: Client, found: "_Found") -> Peer:
        us = US.model_dump(mode="json", by_alias=True, exclude_none=True)
        version = client.protocol_version
        return Peer(self._http, found.url, version, found.session_id, us, self._most_bytes)

    async def _hear(self, message: IncomingMessage) -> None:
        kind = None if isinstance(message, Exception) else kind_of(message)
        if kind is not None:
            self._tell(kind)

    def _tell(self, kind: ListKind) -> None:
        self._changed(self._connection, kind)


@dataclass
class _Found:
    """What the handshake's HTTP exchanges say: where the server is in the end, and our session there."""

    url: str
    session_id: str | None = None

    async def note(self, response: httpx2.Response) -> None:
        if response.request.method == "POST" and response.is_success:
            self.url = str(response.request.url)
            self.session_id = response.headers.get(SESSION_HEADER, self.session_id)


class _SessionOver(ServerAway):
    """The server knows our session no more."""

    def __init__(self, connection: str) -> None:
        super().__init__(connection, "it ended the session")


_UNAUTHORIZED = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}


async def _want_logs(client: Client, exchanges: Exchanges) -> None:
    """In the session era, what a server says of itself is asked for once, and for everybody."""
    if client.server_capabilities.logging is None or not exchanges.has_session_era:
        return
    try:
        await exchanges.ask("logging/setLevel", {"level": "info"}, NOTHING_ELSE)
    except MCPError:
        return  # Then it says what it likes.


def _is_of_the_opening(error: Exception) -> bool:
    """Whether another opening could do better; what came on an exchange of its own says nothing of it."""
    if isinstance(error, MCPError):
        return error.code == CONNECTION_CLOSED or error.message == SESSION_OVER
    return not isinstance(error, OblivionFailure | RuntimeError | ValueError)


def _never_left(error: Exception) -> bool:
    """Whether nobody was reached who could have been asked."""
    return isinstance(_innermost(error), aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError)


def _innermost(error: BaseException) -> BaseException:
    """What broke, out of the groups that it comes in."""
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    while error.__cause__ is not None and isinstance(error.__cause__, OblivionFailure):
        error = error.__cause__
    return error
