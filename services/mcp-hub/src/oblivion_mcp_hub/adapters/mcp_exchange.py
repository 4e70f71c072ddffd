"""One request to an MCP server, on an HTTP exchange of its own: what comes on it belongs to who asked.

The SDK's client keeps the connection (versions, session, word of changes); requests go past it, since it does
not say to which of them a message of the server belongs, and takes several times as long. A
server asks nothing back here: in the session era it is told that we cannot, and in the current protocol what
it needs comes as a result (`input_required`), which the caller answers with the next round.
Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/transports
"""

import asyncio
import itertools
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast, get_args

import aiohttp
import pydantic_core
from mcp.shared.exceptions import MCPError
from mcp.shared.inbound import (
    MCP_METHOD_HEADER,
    MCP_NAME_HEADER,
    MCP_PROTOCOL_VERSION_HEADER,
    NAME_BEARING_METHODS,
    encode_header_value,
)
from mcp_types import (
    CLIENT_CAPABILITIES_META_KEY,
    CLIENT_INFO_META_KEY,
    CONNECTION_CLOSED,
    INTERNAL_ERROR,
    INVALID_REQUEST,
    LOG_LEVEL_META_KEY,
    METHOD_NOT_FOUND,
    PROTOCOL_VERSION_META_KEY,
    LoggingLevel,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from oblivion_mcp_hub.adapters.short_way import Answer, ShortWay
from oblivion_mcp_hub.ports import Exchange
from oblivion_platform.errors import OblivionFailure
from oblivion_platform.tasks import end

SESSION_HEADER = "mcp-session-id"
RESUMED_AT_MOST = 3
RESUME_AFTER_S = 1.0
RESUME_AFTER_S_MAX = 10.0
ASKED_BACK_MAX = 32
"""In one exchange."""
REPLIES_AT_ONCE = 8
"""To what a server asks back, over one connection; the others it does not get."""
LEVELS: tuple[LoggingLevel, ...] = get_args(LoggingLevel)
"""From the least severe on."""
_JSON = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
_STREAM = {"Accept": "text/event-stream"}

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Peer:
    """How a server is spoken to, once the handshake is over."""

    http: ShortWay
    url: str
    version: str
    session_id: str | None
    us: Mapping[str, Any]
    most_bytes: int
    """Of one message."""

    @property
    def is_modern(self) -> bool:
        return self.version in MODERN_PROTOCOL_VERSIONS

    def headers(self) -> dict[str, str]:
        headers = {MCP_PROTOCOL_VERSION_HEADER: self.version}
        return headers if self.session_id is None else {**headers, SESSION_HEADER: self.session_id}


@dataclass
class _Stream:
    """How far a stream of the server has come."""

    last_id: str | None = None
    resume_after_s: float = RESUME_AFTER_S
    asked_back: int = 0


class Exchanges:
    """The requests over one open connection; any number at once."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._numbers = itertools.count(1)
        self._telling: set[asyncio.Task[None]] = set()
        self._replying: set[asyncio.Task[None]] = set()

    async def ask(
        self,
        method: str,
        params: Mapping[str, Any],
        exchange: Exchange,
        headers: Mapping[str, str] | None = None,
    ) -> Message:
        """The result, as it came.

        Raises:
            MCPError: the server's, or CONNECTION_CLOSED: it broke off.
            ValueError: it answered what is no MCP.
            aiohttp.ClientError, AnswerTooLarge, AddressRefused, ServerRefused
        """
        asked = _Asked(f"x{next(self._numbers)}", exchange)
        sent = self._params(asked, params)
        more = {**self._peer.headers(), **self._routing(method, sent), **(headers or {})}
        body = {"jsonrpc": "2.0", "id": asked.id, "method": method, "params": sent}
        try:
            return await self._answer(asked, pydantic_core.to_json(body), more)
        except asyncio.CancelledError:
            if not self._peer.is_modern:  # There, the end of the exchange says it.
                self._tell("notifications/cancelled", {"requestId": asked.id})
            raise

    @property
    def has_session_era(self) -> bool:
        return not self._peer.is_modern

    async def close(self) -> None:
        await end(*self._telling, *self._replying)

    def _params(self, asked: "_Asked", params: Mapping[str, Any]) -> dict[str, Any]:
        exchange, meta = asked.exchange, dict[str, Any]()
        if exchange.progress is not None:
            meta["progressToken"] = asked.id
        sent = dict(params)
        if self._peer.is_modern:
            meta[PROTOCOL_VERSION_META_KEY] = self._peer.version
            meta[CLIENT_INFO_META_KEY] = self._peer.us
            meta[CLIENT_CAPABILITIES_META_KEY] = exchange.can_be_asked or {}
            if exchange.log_level is not None:
                meta[LOG_LEVEL_META_KEY] = exchange.log_level
            if exchange.input_responses is not None:
                sent["inputResponses"] = exchange.input_responses
            if exchange.request_state is not None:
                sent["requestState"] = exchange.request_state
        return {**sent, "_meta": meta} if meta else sent

    def _routing(self, method: str, params: Mapping[str, Any]) -> dict[str, str]:
        if not self._peer.is_modern:
            return {}
        named = params.get(NAME_BEARING_METHODS.get(method, ""))
        name = {MCP_NAME_HEADER: encode_header_value(named)} if isinstance(named, str) else {}
        return {MCP_METHOD_HEADER: method, **name}

    async def _answer(self, asked: "_Asked", body: bytes, headers: Mapping[str, str]) -> Message:
        async with self._opened("POST", body, {**_JSON, **headers}) as answer:
            if answer.kind == "application/json":
                return _result(_parsed(await answer.read()))
            if answer.kind != "text/event-stream":
                raise ValueError("an answer of a kind that MCP does not know")
            stream = _Stream()
            result = await self._hear(asked, answer, stream)
        for _ in range(RESUMED_AT_MOST):
            if result is not None or stream.last_id is None:
                break
            await asyncio.sleep(stream.resume_after_s)
            resumed = {**_STREAM, **self._peer.headers(), "Last-Event-ID": stream.last_id}
            async with self._opened("GET", None, resumed) as answer:
                result = await self._hear(asked, answer, stream)
        if result is None:
            raise MCPError(CONNECTION_CLOSED, "the stream ended without an answer")
        return result

    @asynccontextmanager
    async def _opened(
        self, method: str, body: bytes | None, headers: Mapping[str, str]
    ) -> AsyncGenerator[Answer]:
        async with self._peer.http.send(method, self._peer.url, headers, body) as answer:
            if answer.status != HTTPStatus.OK:
                raise await self._refusal(answer)
            yield answer

    async def _refusal(self, answer: Answer) -> MCPError:
        if answer.status == HTTPStatus.NOT_FOUND and self._peer.session_id is not None:
            return MCPError(INVALID_REQUEST, SESSION_OVER)  # Whatever else it says, as most servers do.
        if answer.kind == "application/json":
            try:
                said = _parsed(await answer.read())
            except ValueError:
                said = {}
            if isinstance(said.get("error"), dict):
                return _error(said["error"])
        return MCPError(
            INTERNAL_ERROR, NO_ANSWER if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR else NOT_TAKEN
        )

    async def _hear(self, asked: "_Asked", answer: Answer, stream: _Stream) -> Message | None:
        """The result; None when the stream ends before it."""
        events = answer.events()
        async with aclosing(cast("Any", events)):
            async for event in events:
                stream.last_id = event.id or stream.last_id
                if event.retry is not None:
                    stream.resume_after_s = min(event.retry / 1000, RESUME_AFTER_S_MAX)
                if event.data:
                    result = await self._heard(asked, _parsed(event.data), stream)
                    if result is not None:
                        return result
        return None

    async def _heard(self, asked: "_Asked", message: Message, stream: _Stream) -> Message | None:
        method = message.get("method")
        if not isinstance(method, str):
            return _result(message)
        if "id" in message:
            stream.asked_back += 1
            if stream.asked_back > ASKED_BACK_MAX:
                raise ValueError("it asks back without end")
            self._reply(method, message["id"])
            return None
        params = message.get("params")
        if isinstance(params, dict):
            await asked.told(method, cast("Message", params))
        return None

    def _reply(self, method: str, request_id: Any) -> None:
        """In the session era a server may ask back; we have nobody to pass it on to."""
        if self._peer.is_modern or len(self._replying) >= REPLIES_AT_ONCE:
            return
        refused = {"code": METHOD_NOT_FOUND, "message": "This client cannot be asked."}
        said: Message = {"result": {}} if method == "ping" else {"error": refused}
        self._send({"jsonrpc": "2.0", "id": request_id, **said}, self._replying)

    def _tell(self, method: str, params: Message) -> None:
        self._send({"jsonrpc": "2.0", "method": method, "params": params}, self._telling)

    def _send(self, message: Message, under_way: set[asyncio.Task[None]]) -> None:
        """Beside what is going on; nobody waits for it."""

        async def send() -> None:
            headers, body = {**_JSON, **self._peer.headers()}, pydantic_core.to_json(message)
            with suppress(aiohttp.ClientError, OSError, OblivionFailure):  # What it is about ends by itself.
                async with self._peer.http.send("POST", self._peer.url, headers, body):
                    return

        task = asyncio.create_task(send(), name="tell a tool server")
        under_way.add(task)
        task.add_done_callback(under_way.discard)


SESSION_OVER, NO_ANSWER = "Session terminated", "Server returned an error response"
NOT_TAKEN = "Not Found"
"""As the SDK's client says it. What was not taken was not carried out; of no answer, nobody knows."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request under way, and who hears of it."""

    id: str
    exchange: Exchange

    async def told(self, method: str, params: Message) -> None:
        exchange = self.exchange
        if method == "notifications/progress" and exchange.progress is not None:
            if params.get("progressToken") == self.id:
                await exchange.progress(*_progress(params))
        elif method == "notifications/message" and exchange.log is not None:
            level = params.get("level")
            if level in LEVELS and is_loud_enough(level, exchange.log_level):
                logger = params.get("logger")
                await exchange.log(level, params.get("data"), logger if isinstance(logger, str) else None)


def is_loud_enough(level: LoggingLevel, least: LoggingLevel | None) -> bool:
    return least is not None and LEVELS.index(level) >= LEVELS.index(least)


def _progress(params: Message) -> tuple[float, float | None, str | None]:
    progress, total, words = params.get("progress"), params.get("total"), params.get("message")
    return (
        float(progress) if isinstance(progress, int | float) else 0.0,
        float(total) if isinstance(total, int | float) else None,
        words if isinstance(words, str) else None,
    )


def _parsed(content: bytes | str) -> Message:
    """Raises: ValueError."""
    message: Any = pydantic_core.from_json(content)
    if not isinstance(message, dict):
        raise ValueError("no message of MCP")
    return cast("Message", message)


def _result(message: Message) -> Message:
    """Raises: MCPError: the server's own; ValueError: it is no answer."""
    error, result = message.get("error"), message.get("result")
    if isinstance(error, dict):
        raise _error(cast("Message", error))
    if not isinstance(result, dict):
        raise ValueError("neither a result nor an error")
    return cast("Message", result)


def _error(error: Message) -> MCPError:
    code, words = error.get("code"), error.get("message")
    return MCPError(
        code if isinstance(code, int) else INTERNAL_ERROR,
        words if isinstance(words, str) else "It does not say why.",
        error.get("data"),
    )
