"""The session era of the protocol, without a session in any process: each request is served by itself.

What outlives a request is in Redis: whose a session is, and what was sent on its streams. So a client whose
connection breaks is not taken to have given up: its call goes on, and `GET` with the id of the last event
gives it the rest, on any replica. `GET` without one is where changes of lists are told.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing, suppress
from typing import Any, Protocol

from mcp.server.connection import Connection
from mcp.server.lowlevel import NotificationOptions, Server
from mcp.server.runner import serve_connection
from mcp.server.streamable_http import StreamableHTTPServerTransport
from mcp.server.transport_security import TransportSecuritySettings
from mcp.shared.jsonrpc_dispatcher import JSONRPCDispatcher
from mcp.shared.transport_context import TransportContext
from mcp_types import DEFAULT_NEGOTIATED_VERSION
from starlette.types import Message, Receive, Scope, Send

from oblivion_mcp_hub.domain.callers import Caller
from oblivion_mcp_hub.errors import TooManyStreams
from oblivion_mcp_hub.ports import LIST_KINDS
from oblivion_mcp_hub.routes.mcp_handlers import NOTIFICATIONS, STREAM_MAX_S, UseCases
from oblivion_mcp_hub.usecases.limit_streams import LimitStreams
from oblivion_platform.problems import failure_response
from oblivion_platform.tasks import end

PING_S = 15.0
LEFT_RUNNING_MAX = 1_000
"""Calls whose clients are gone for the moment, in this process."""
NO_REBINDING_CHECK = TransportSecuritySettings(enable_dns_rebinding_protection=False)
"""The edge looks at origins by itself."""
_STREAM_HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
]
_JSON_HEADERS = [(b"accept", b"application/json, text/event-stream"), (b"content-type", b"application/json")]

_ALL_LISTS = NotificationOptions(prompts_changed=True, resources_changed=True, tools_changed=True)

RequestId = str | int


class RequestEvents(Protocol):
    """What is sent on the answer of one request."""

    answered: asyncio.Event

    async def delivered(self) -> None: ...


class StreamEvents(Protocol):
    """What is kept of streams."""

    async def open(self, caller: Caller, session_id: str) -> Any: ...

    def after(
        self, caller: Caller, session_id: str, event_id: str, within_s: float
    ) -> AsyncGenerator[tuple[str, str]]: ...


class Cancellations(Protocol):
    """Word of a cancellation to the replica that works on it."""

    async def tell(self, caller: Caller, session_id: str, request_id: RequestId) -> None: ...


class SessionEra:
    """Serves requests, streams and cancellations of clients that speak up to 2025-11-25."""

    def __init__(
        self,
        server: Server[Any],
        uses: UseCases,
        events: StreamEvents,
        cancellations: Cancellations,
        call_timeout_s: float,
    ) -> None:
        self._server = server
        self._uses = uses
        self._events = events
        self._cancellations = cancellations
        self._call_timeout_s = call_timeout_s
        self._resuming = LimitStreams()
        self._options = server.create_initialization_options(_ALL_LISTS)
        self._running: dict[tuple[str, RequestId], StreamableHTTPServerTransport] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def request(
        self, caller: Caller, session_id: str | None, call_id: RequestId | None, inner: "Inner"
    ) -> None:
        """`call_id`: of a call of a tool, which may take long; its answer is kept for who comes back."""
        events = None
        if session_id is not None and call_id is not None and len(self._tasks) < LEFT_RUNNING_MAX:
            events = await self._events.open(caller, session_id)
        transport = StreamableHTTPServerTransport(
            None, event_store=events, security_settings=NO_REBINDING_CHECK
        )
        serving = await self._served(transport, inner)
        key = None if session_id is None or call_id is None else (session_id, call_id)
        if key is not None:
            self._running[key] = transport
        sending = _Sending(inner)
        try:
            await transport.handle_request(inner.scope, sending.receive, sending.send)
            if events is not None and events.answered.is_set() and sending.is_delivered:
                await events.delivered()
        finally:
            await self._finish(transport, serving, events, key)

    async def cancel(self, caller: Caller, session_id: str, request_id: RequestId) -> None:
        if not self.cancel_here(session_id, request_id):
            await self._cancellations.tell(caller, session_id, request_id)

    def cancel_here(self, session_id: str, request_id: RequestId) -> bool:
        """Whether it is this process that works on it."""
        transport = self._running.get((session_id, request_id))
        if transport is None:
            return False
        self._spawn(_cancel(transport, request_id))
        return True

    async def stream(
        self, caller: Caller, session_id: str, last_event_id: str | None, inner: "Inner"
    ) -> None:
        """`GET`: the rest of an answer whose connection broke, or word of changed lists."""
        try:
            if last_event_id is not None and not last_event_id.startswith("lists-"):
                await self._send_rest(caller, session_id, last_event_id, inner)
            else:
                await self._send_changes(caller, last_event_id, inner)
        except TooManyStreams as failure:
            await failure_response(failure)(inner.scope, inner.receive, inner.send)

    async def _send_rest(self, caller: Caller, session_id: str, last_event_id: str, inner: "Inner") -> None:
        with self._resuming.one(caller):
            within_s = self._call_timeout_s + PING_S
            rest = self._events.after(caller, session_id, last_event_id, within_s)
            await _Sse(inner).send_all(_framed(rest))

    async def _send_changes(self, caller: Caller, last_event_id: str | None, inner: "Inner") -> None:
        with self._uses.changes.listening(caller.tenant_id) as heard:
            looking = asyncio.create_task(self._uses.known.keep_looking(caller.tenant_id), name="looking")
            try:
                mark = self._uses.changes.mark(caller.tenant_id)
                if last_event_id not in {None, mark}:
                    heard.tell(LIST_KINDS)  # They may have missed something.
                await _Sse(inner).send_all(self._changes(caller, heard, mark))
            finally:
                await end(looking)

    async def close(self) -> None:
        """Calls that nobody waits for on this connection end with the process."""
        await end(*self._tasks)

    async def _changes(self, caller: Caller, heard: Any, mark: str) -> AsyncGenerator[bytes]:
        yield f"id: {mark}\ndata: \n\n".encode()
        async for kinds in heard:
            for kind in kinds:
                mark = self._uses.changes.mark(caller.tenant_id)
                said = NOTIFICATIONS[kind]().model_dump(mode="json", by_alias=True, exclude_none=True)
                yield _frame(mark, json.dumps({"jsonrpc": "2.0", **said}))

    async def _served(self, transport: StreamableHTTPServerTransport, inner: "Inner") -> asyncio.Task[None]:
        started = asyncio.Event()
        serving = asyncio.create_task(self._serve(transport, inner.version, started), name="mcp request")
        waiting = asyncio.create_task(started.wait())
        await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        return serving

    async def _serve(
        self, transport: StreamableHTTPServerTransport, version: str, started: asyncio.Event
    ) -> None:
        async with transport.connect() as (reading, writing):
            dispatcher: JSONRPCDispatcher[TransportContext] = JSONRPCDispatcher(
                reading,
                writing,
                inline_methods=frozenset({"initialize"}),
                # Their answer could arrive at any replica, and would find nobody.
                transport_builder=lambda _metadata: TransportContext(
                    kind="streamable-http", can_send_request=False
                ),
            )
            connection = Connection.from_envelope(version, None, None)
            started.set()
            await serve_connection(
                self._server,
                dispatcher,
                connection=connection,
                lifespan_state={},
                init_options=self._options,
            )

    async def _finish(
        self,
        transport: StreamableHTTPServerTransport,
        serving: asyncio.Task[None],
        events: RequestEvents | None,
        key: tuple[str, RequestId] | None,
    ) -> None:
        async def finish() -> None:
            try:
                if events is not None and not events.answered.is_set() and not serving.done():
                    with suppress(TimeoutError):
                        async with asyncio.timeout(self._call_timeout_s + PING_S):
                            await events.answered.wait()
            finally:
                if key is not None and self._running.get(key) is transport:
                    del self._running[key]
                await transport.terminate()
                await end(serving)

        if events is None or events.answered.is_set():
            await asyncio.shield(self._spawn(finish()))
        else:
            self._spawn(finish())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.create_task(work, name="mcp request")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


class Inner:
    """A request as the transport behind sees it."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, version: str | None) -> None:
        self.scope = scope
        self.receive = receive
        self.send = send
        self.version = version or DEFAULT_NEGOTIATED_VERSION


class _Sending:
    """An answer on its way, and whether its client stayed until its end."""

    def __init__(self, inner: Inner) -> None:
        self._inner = inner
        self._has_ended = False
        self._has_left = False

    @property
    def is_delivered(self) -> bool:
        return self._has_ended and not self._has_left

    async def receive(self) -> Message:
        message = await self._inner.receive()
        if message["type"] == "http.disconnect" and not self._has_ended:
            self._has_left = True
        return message

    async def send(self, message: Message) -> None:
        await self._inner.send(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self._has_ended = True


class _Sse:
    """Server-sent events on one answer, with something to read every `PING_S`, until the client is gone."""

    def __init__(self, inner: Inner) -> None:
        self._inner = inner

    async def send_all(self, frames: AsyncGenerator[bytes]) -> None:
        start: Message = {"type": "http.response.start", "status": 200, "headers": _STREAM_HEADERS}
        await self._inner.send(start)
        sending = asyncio.create_task(self._send_all(frames), name="sse")
        leaving = asyncio.create_task(self._hang_up(), name="sse hang-up")
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED, timeout=STREAM_MAX_S)
        finally:
            await end(sending, leaving)
        with suppress(OSError):
            await self._inner.send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_all(self, frames: AsyncGenerator[bytes]) -> None:
        pinging = asyncio.create_task(self._ping(), name="sse pings")
        try:
            async with aclosing(frames) as all_of_them:
                async for frame in all_of_them:
                    await self._write(frame)
        finally:
            await end(pinging)

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(PING_S)
            await self._write(b": ping\n\n")

    async def _write(self, frame: bytes) -> None:
        await self._inner.send({"type": "http.response.body", "body": frame, "more_body": True})

    async def _hang_up(self) -> None:
        while (await self._inner.receive())["type"] != "http.disconnect":
            pass


async def _framed(rest: AsyncGenerator[tuple[str, str]]) -> AsyncGenerator[bytes]:
    async with aclosing(rest) as events:
        async for event_id, message in events:
            if message:
                yield _frame(event_id, message)


def _frame(event_id: str, message: str) -> bytes:
    return f"event: message\nid: {event_id}\ndata: {message}\n\n".encode()


async def _cancel(transport: StreamableHTTPServerTransport, request_id: RequestId) -> None:
    """As if the client had said so on the connection that it asked on."""
    message = {
        "jsonrpc": "2.0",
        "method": "notifications/cancelled",
        "params": {"requestId": request_id},
    }
    scope: Scope = {"type": "http", "method": "POST", "path": "/mcp", "headers": _JSON_HEADERS}
    asked: list[Message] = [
        {"type": "http.request", "body": json.dumps(message).encode(), "more_body": False}
    ]

    async def receive() -> Message:
        return asked.pop() if asked else {"type": "http.disconnect"}

    async def send(_message: Message) -> None:
        return

    await transport.handle_request({**scope, "query_string": b""}, receive, send)
