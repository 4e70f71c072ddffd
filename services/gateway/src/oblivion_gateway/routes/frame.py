"""What every HTTP request passes first: an id, bounds on body and address, JSON that the system can hold.

Pure ASGI, so that event streams and sockets pass through untouched. The body is read whole before anybody
parses it: at most 1 MiB, and JSON only as `oblivion_platform.safe_json` takes it, since FastAPI's own parser
fails on hostile input with errors that are no validation errors.
"""

import asyncio
import time
from http import HTTPStatus
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from oblivion_gateway.domain.addresses import address_of
from oblivion_gateway.domain.allowances import Allowance
from oblivion_gateway.errors import BodyTooLarge, BodyTooSlow, RequestMalformed, TooManyRequests
from oblivion_gateway.metrics import REQUESTS
from oblivion_gateway.usecases.limit_requests import LimitRequests
from oblivion_platform.errors import OblivionFailure
from oblivion_platform.logging import get_logger, log_context
from oblivion_platform.problems import failure_response
from oblivion_platform.safe_json import MalformedBody, parse_json_object
from oblivion_platform.telemetry import tracing

BODY_LIMIT_BYTES = 1024 * 1024
BODY_TIMEOUT_S = 10.0
FORM = "application/x-www-form-urlencoded"
_NOT_COUNTED = ("/health/", "/metrics")
_SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}

_log = get_logger(__name__)


class SenderGone(Exception):
    """The caller hung up before the body was complete; nobody waits for an answer."""


class Frame:
    """An ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, limits: LimitRequests, *, proxies_in_front: int = 0) -> None:
        self._app = app
        self._limits = limits
        self._proxies_in_front = proxies_in_front

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = uuid4().hex
        scope.setdefault("state", {})
        reply = _Reply(scope, send, request_id)
        with log_context(request_id=request_id), tracing(headers.get("traceparent")):
            try:
                await self._handle(scope, headers, receive, reply)
            except SenderGone:
                return
            finally:
                reply.log()

    async def _handle(self, scope: Scope, headers: Headers, receive: Receive, reply: "_Reply") -> None:
        try:
            if not scope["path"].startswith(_NOT_COUNTED):
                scope["state"]["allowance"] = await self._limits.of_address(self._address(scope, headers))
            _refuse_nul(scope)
            body = await _read_in_time(headers, receive)
            _refuse_hostile_json(headers, body)
        except OblivionFailure as failure:
            if isinstance(failure, TooManyRequests):
                note_allowance(scope, failure.allowance)
            await failure_response(failure)(scope, receive, reply.send)
            return
        await self._app(scope, _Replay(body, receive), reply.send)

    def _address(self, scope: Scope, headers: Headers) -> str:
        client = scope.get("client")
        forwarded_for = ", ".join(headers.getlist("x-forwarded-for"))
        return address_of(client[0] if client else None, forwarded_for, self._proxies_in_front)


class _Replay:
    """Hands the body on that was read already, and then whatever else comes: the hang-up."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Message:
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


class _Reply:
    """Adds to the answer what every answer has; remembers its status for log and metrics."""

    def __init__(self, scope: Scope, send: Send, request_id: str) -> None:
        self._scope = scope
        self._send = send
        self._request_id = request_id
        self._began = time.monotonic()
        self._status: int | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-Id"] = self._request_id
            if self._status == HTTPStatus.UNAUTHORIZED:
                headers.setdefault("WWW-Authenticate", "Bearer")
            for name, value in _SECURITY.items():
                headers.setdefault(name, value)
            self._tell_allowance(headers)
        await self._send(message)

    def log(self) -> None:
        if self._scope["path"].startswith(_NOT_COUNTED):
            return
        elapsed_s = time.monotonic() - self._began
        operation = getattr(self._scope.get("route"), "name", "none")
        status = str(self._status or "gone")
        REQUESTS.labels(operation, status).observe(elapsed_s)
        _log.info("request answered", operation=operation, status=status, ms=round(elapsed_s * 1000, 1))

    def _tell_allowance(self, headers: MutableHeaders) -> None:
        allowance: Allowance | None = self._scope["state"].get("allowance")
        if allowance is not None:
            headers["RateLimit-Limit"] = str(allowance.limit.per_minute)
            headers["RateLimit-Remaining"] = str(max(0, allowance.remaining))
            headers["RateLimit-Reset"] = str(round(allowance.reset_s))


def _refuse_nul(scope: Scope) -> None:
    if "\x00" in scope["path"] or b"%00" in scope.get("query_string", b""):
        raise RequestMalformed("nul_character", "The address holds a character that cannot be stored.")


async def _read_in_time(headers: Headers, receive: Receive) -> bytes:
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            return await _read_body(headers, receive)
    except TimeoutError:
        raise BodyTooSlow from None


async def _read_body(headers: Headers, receive: Receive) -> bytes:
    announced = headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and int(announced[:20]) > BODY_LIMIT_BYTES:
        raise BodyTooLarge(BODY_LIMIT_BYTES)
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise SenderGone
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > BODY_LIMIT_BYTES:
            raise BodyTooLarge(BODY_LIMIT_BYTES)
    return bytes(body)


def _refuse_hostile_json(headers: Headers, body: bytes) -> None:
    if not body or headers.get("content-type", "").partition(";")[0].strip().lower() == FORM:
        return
    try:
        parse_json_object(body)
    except MalformedBody as error:
        raise RequestMalformed(
            error.code.value, f"The body cannot be processed: {error.code.value.replace('_', ' ')}."
        ) from None


def note_allowance(scope: Scope, allowance: Allowance) -> None:
    """Have the answer say what is left of it."""
    scope["state"]["allowance"] = allowance
