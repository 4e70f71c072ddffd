"""`POST /webhooks/{source}` and `/webhooks/{source}/{integration_id}` as raw ASGI.

Raw, because FastAPI's machinery costs several times what the rest of a delivery does, and because the body
must be bounded while it is read. Slack allows 3 s for the answer and ClickUp 7; 2xx means committed.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import TypeVar
from uuid import UUID

import structlog
from prometheus_client import Counter
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from oblivion_ingestion.domain.deliveries import Delivery
from oblivion_ingestion.errors import (
    BodyTooLarge,
    BodyTooSlow,
    DeliveryMalformed,
    SenderUnknown,
    SignatureRejected,
    UnknownSource,
)
from oblivion_ingestion.metrics import Metrics
from oblivion_ingestion.sources import Source
from oblivion_ingestion.usecases.intake import Intake
from oblivion_platform.errors import OblivionFailure
from oblivion_platform.problems import failure_response, problem_response
from oblivion_platform.safe_json import MalformedBody

PREFIX = "/webhooks/"
BODY_LIMIT_BYTES = 2 * 1024 * 1024
BODY_TIMEOUT_S = 10.0
LINGER_S = 0.5
"""A sender that is cut off while it still writes may never see the 413; so it is given time to read it."""

BodyT = TypeVar("BodyT", bytes, bytearray)

_OK_START: Message = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]}
_OK_BODY: Message = {"type": "http.response.body", "body": b""}
_METHOD_NOT_ALLOWED = problem_response(
    HTTPStatus.METHOD_NOT_ALLOWED,
    "method_not_allowed",
    "Webhooks are sent by POST.",
    headers={"Allow": "POST"},
)
_log = structlog.get_logger(__name__)


class SenderGone(Exception):
    """The sender hung up before its body was complete; nobody waits for an answer."""


class WebhookEndpoint:
    """An ASGI application for everything below `/webhooks/`."""

    def __init__(
        self,
        sources: Mapping[str, Source],
        intake: Intake,
        metrics: Metrics,
        now_unix_s: Callable[[], float] = time.time,
    ) -> None:
        self._sources = sources
        self._intake = intake
        self._now_unix_s = now_unix_s
        self._count = _counter(metrics)

    @property
    def source_names(self) -> list[str]:
        return list(self._sources)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            await _METHOD_NOT_ALLOWED(scope, receive, send)
            return
        # One source at most is known by then; a name from outside must not become a label.
        name = "unknown"
        try:
            source, integration_id = self._addressed(scope)
            name = source.name
            reply = await self._accept(source, integration_id, scope, receive)
        except SenderGone:
            self._count(name, "sender_gone")
        except (BodyTooLarge, BodyTooSlow) as failure:
            self._count(name, failure.code)
            await _send_and_hang_up(failure_response(failure), receive, send)
        except (OblivionFailure, MalformedBody) as error:
            failure = DeliveryMalformed(error.code) if isinstance(error, MalformedBody) else error
            self._count(name, failure.reason if isinstance(failure, SignatureRejected) else failure.code)
            await _refusal(failure)(scope, receive, send)
        else:
            await _send_ok(reply, send)

    async def _accept(
        self, source: Source, integration_id: UUID | None, scope: Scope, receive: Receive
    ) -> bytes:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        body = await _read_body(headers, receive)
        try:
            delivery = Delivery(body, headers, integration_id, self._now_unix_s())
            accepted = await self._intake.accept(source, delivery)
        except SenderUnknown as ignored:
            self._count(source.name, "ignored")
            _log.info("delivery_ignored", source=source.name, code=ignored.code)
            return b""
        self._count(source.name, accepted.outcome)
        return accepted.reply

    def _addressed(self, scope: Scope) -> tuple[Source, UUID | None]:
        name, _, integration = scope["path"][len(PREFIX) :].partition("/")
        source = self._sources.get(name)
        if source is None:
            raise UnknownSource
        if not integration:
            return source, None
        try:
            return source, UUID(integration.removesuffix("/"))
        except ValueError:
            raise UnknownSource from None


async def _read_body(headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
    """The whole body, or nothing: reading stops where it becomes too large, announced or chunked.

    Raises:
        BodyTooLarge, BodyTooSlow, SenderGone: nothing of it is kept.
    """
    announced = headers.get(b"content-length", b"")
    if announced.isdigit() and int(announced[:20]) > BODY_LIMIT_BYTES:
        raise BodyTooLarge(BODY_LIMIT_BYTES)
    message = await receive()
    if not message.get("more_body", False):
        if message["type"] == "http.disconnect":
            raise SenderGone
        return _within_limit(message["body"])
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            return await _read_on(bytearray(message["body"]), receive)
    except TimeoutError:
        raise BodyTooSlow from None


async def _read_on(body: bytearray, receive: Receive) -> bytes:
    more = True
    while more:
        _within_limit(body)
        message = await receive()
        if message["type"] == "http.disconnect":
            raise SenderGone
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return bytes(_within_limit(body))


def _within_limit(body: BodyT) -> BodyT:
    if len(body) > BODY_LIMIT_BYTES:
        raise BodyTooLarge(BODY_LIMIT_BYTES)
    return body


async def _send_ok(reply: bytes, send: Send) -> None:
    if reply:
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(reply))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": reply})
    else:
        await send(_OK_START)
        await send(_OK_BODY)


def _refusal(failure: OblivionFailure) -> Response:
    response = failure_response(failure)
    if response.status_code == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Signature"  # RFC 9110 asks for one with every 401.
    return response


async def _send_and_hang_up(answer: Response, receive: Receive, send: Send) -> None:
    answer.headers["Connection"] = "close"
    start = {"type": "http.response.start", "status": answer.status_code, "headers": answer.raw_headers}
    await send(start)
    await send({"type": "http.response.body", "body": answer.body, "more_body": True})
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER_S):
            while (await receive()).get("more_body", False):
                pass
    await send({"type": "http.response.body", "body": b""})


def _counter(metrics: Metrics) -> Callable[[str, str], None]:
    """Counting by source and outcome, without looking the labels up for every delivery."""
    children: dict[tuple[str, str], Counter] = {}

    def count(source: str, outcome: str) -> None:
        child = children.get((source, outcome))
        if child is None:
            child = children[source, outcome] = metrics.deliveries.labels(source, outcome)
        child.inc()

    return count
