"""`/mcp`: Streamable HTTP of both generations on one address.

The current protocol knows no sessions: each POST stands for itself, so any replica answers it. Clients of the
session era are given `mcp-session-{uuid}` with their `initialize`; the transport behind is as stateless. An
id that is forged, over or somebody else's is answered 404, as the specification asks, and they start anew.
Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/transports
"""

import contextlib
from collections.abc import AsyncGenerator
from http import HTTPStatus
from typing import Any, cast

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from oblivion_mcp_hub.domain.callers import Caller
from oblivion_mcp_hub.routes.bodies import Replay, read_body
from oblivion_mcp_hub.routes.mcp_direct import ANSWERED_DIRECTLY, Direct, plain
from oblivion_mcp_hub.routes.mcp_handlers import CALLER, SESSION_ID, McpHandlers, UseCases
from oblivion_mcp_hub.routes.mcp_sessions import (
    NO_REBINDING_CHECK,
    Cancellations,
    Inner,
    SessionEra,
    StreamEvents,
)
from oblivion_mcp_hub.usecases.authenticate import Authenticate
from oblivion_mcp_hub.usecases.limit_requests import LimitRequests
from oblivion_platform.door import CrossSiteRefused, SignInNeeded
from oblivion_platform.errors import AuthenticationFailed, OblivionFailure
from oblivion_platform.logging import log_context
from oblivion_platform.problems import failure_response, problem_response
from oblivion_platform.safe_json import MalformedBody, parse_json_object
from oblivion_platform.telemetry import tracing

SESSION = "mcp-session-id"
VERSION = "mcp-protocol-version"
METHOD = "mcp-method"
LAST_EVENT = "last-event-id"
METADATA_PATH = "/.well-known/oauth-protected-resource/mcp"
REQUEST_BYTES_MAX = 4 * 1024 * 1024
_NO_SESSION = problem_response(404, "session_unknown", "There is no such session. Start anew.")
_NO_STREAM = Response(status_code=HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": "POST, DELETE"})


class McpEndpoint:
    """One ASGI endpoint; the protocol itself is the SDK's."""

    def __init__(
        self,
        authenticate: Authenticate,
        limits: LimitRequests,
        uses: UseCases,
        events: StreamEvents,
        cancellations: Cancellations,
        public_url: str,
        own_origins: frozenset[str],
        call_timeout_s: float,
    ) -> None:
        self._authenticate = authenticate
        self._limits = limits
        self._sessions = uses.sessions
        self._own_origins = own_origins
        self._challenge = f'Bearer resource_metadata="{public_url}{METADATA_PATH}"'
        self._handlers = McpHandlers(uses)
        self._direct = Direct(uses.tools)
        self._manager = self._new_manager()
        self.session_era = SessionEra(self._handlers.server(), uses, events, cancellations, call_timeout_s)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Entered in the lifespan of the application."""
        self._manager = self._new_manager()  # The SDK's manager runs once.
        async with self._manager.run():
            try:
                yield
            finally:
                await self.session_era.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        with tracing(headers.get("traceparent")):
            try:
                self._refuse_other_sites(headers)
                caller = await self._caller(headers)
                await self._limits.take(caller)
            except OblivionFailure as failure:
                await self._refuse(failure, scope, receive, send)
                return
            run_id = caller.run.run_id if caller.run else None
            with log_context(tenant=caller.tenant_id, run_id=run_id):
                await self._serve(caller, headers, scope, receive, send)

    async def _serve(
        self, caller: Caller, headers: Headers, scope: Scope, receive: Receive, send: Send
    ) -> None:
        session_id = headers.get(SESSION)
        if session_id is not None and not await self._sessions.belongs_to(session_id, caller):
            await _NO_SESSION(scope, receive, send)
        elif headers.get(VERSION, "") not in {"", *HANDSHAKE_PROTOCOL_VERSIONS}:
            await self._answer_modern(caller, headers, scope, receive, send)
        elif scope["method"] == "POST":
            await self._answer(caller, headers, scope, receive, send)
        elif session_id is None or scope["method"] not in {"GET", "DELETE"}:
            await _NO_STREAM(scope, receive, send)
        elif scope["method"] == "DELETE":
            await self._sessions.close(session_id, caller)
            await Response(status_code=HTTPStatus.NO_CONTENT)(scope, receive, send)
        else:
            inner = Inner(scope, receive, send, headers.get(VERSION))
            await self.session_era.stream(caller, session_id, headers.get(LAST_EVENT), inner)

    async def _answer_modern(
        self, caller: Caller, headers: Headers, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """A message of the current protocol, by the shortest way there is for it."""
        if scope["method"] == "POST" and headers.get(METHOD) in ANSWERED_DIRECTLY:
            try:
                body = await read_body(headers, receive, REQUEST_BYTES_MAX)
            except OblivionFailure as failure:
                await failure_response(failure)(scope, receive, send)
                return
            asked = plain(headers, _parsed(body))
            if asked is not None:
                await self._direct.answer(caller, asked, receive, send)
                return
            receive = Replay(body, receive)
        await self._manager.handle_request({**scope, CALLER: caller}, receive, send)

    async def _answer(
        self, caller: Caller, headers: Headers, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """A message of the session era."""
        session_id = headers.get(SESSION)
        try:
            body = await read_body(headers, receive, REQUEST_BYTES_MAX)
        except OblivionFailure as failure:
            await failure_response(failure)(scope, receive, send)
            return
        message = _parsed(body)
        method = message.get("method")
        if method == "notifications/cancelled" and session_id is not None:
            await self._cancel(caller, session_id, message)
        if method == "initialize":
            send = _with_session(await self._sessions.open(caller), send)
        call_id = message.get("id") if method == "tools/call" else None
        inner_scope = {**scope, CALLER: caller, SESSION_ID: session_id}
        inner = Inner(inner_scope, Replay(body, receive), send, headers.get(VERSION))
        await self.session_era.request(
            caller, session_id, call_id if isinstance(call_id, str | int) else None, inner
        )

    async def _cancel(self, caller: Caller, session_id: str, message: dict[str, Any]) -> None:
        params = message.get("params")
        request_id = cast("dict[str, Any]", params).get("requestId") if isinstance(params, dict) else None
        if isinstance(request_id, str | int):
            await self.session_era.cancel(caller, session_id, request_id)

    def _refuse_other_sites(self, headers: Headers) -> None:
        """Raises: CrossSiteRefused: a page of another site asks, by whatever name it reached us."""
        origin = headers.get("origin")
        if origin is not None and origin not in self._own_origins:
            raise CrossSiteRefused

    async def _caller(self, headers: Headers) -> Caller:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise SignInNeeded
        return await self._authenticate.for_tools(token.strip())

    async def _refuse(self, failure: OblivionFailure, scope: Scope, receive: Receive, send: Send) -> None:
        response = failure_response(failure)
        if isinstance(failure, AuthenticationFailed):
            error = "" if isinstance(failure, SignInNeeded) else ', error="invalid_token"'
            response.headers["WWW-Authenticate"] = self._challenge + error
        await response(scope, receive, send)

    def _new_manager(self) -> StreamableHTTPSessionManager:
        return StreamableHTTPSessionManager(
            self._handlers.server(),
            stateless=True,
            security_settings=NO_REBINDING_CHECK,
            max_request_body_size=REQUEST_BYTES_MAX,
        )


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        return parse_json_object(body)
    except MalformedBody:
        return {}  # The SDK says what is wrong with it.


def _with_session(session_id: str | None, send: Send) -> Send:
    async def with_header(message: Message) -> None:
        if (
            session_id is not None
            and message["type"] == "http.response.start"
            and message["status"] == HTTPStatus.OK
        ):
            MutableHeaders(scope=message)[SESSION] = session_id
        await send(message)

    return with_header
