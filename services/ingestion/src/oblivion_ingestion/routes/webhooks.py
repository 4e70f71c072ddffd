"""`POST /webhooks/{source}` and `/webhooks/{source}/{integration_id}` as raw ASGI.

Raw, because FastAPI's machinery costs several times what the rest of a delivery does, and because the body
must be bounded while it is read. Slack allows 3 s for the answer and ClickUp 7; 2xx means committed.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import TypeVar
from uuid import UUID

import structlog
from prometheus_client import Counter
from starlette.types import Receive, Scope, Send

from oblivion_ingestion.domain.deliveries import Delivery
from oblivion_ingestion.errors import (
    BodyTooLarge,
    BodyTooSlow,
    SenderUnknown,
    SignatureRejected,
    UnknownSource,
)
from oblivion_ingestion.metrics import Metrics
from oblivion_ingestion.routes.problems import Answer, problem, problem_answer
from oblivion_ingestion.sources import Source
from oblivion_ingestion.usecases.intake import Intake
from oblivion_platform.errors import OblivionFailure
from oblivion_platform.safe_json import MalformedBody

PREFIX = "/webhooks/"
BODY_LIMIT_BYTES = 2 * 1024 * 1024
BODY_TIMEOUT_S = 10.0
LINGER_S = 0.5
"""A sender that is cut off while it still writes may never see the 413; so it is given time to read it."""

BodyT = TypeVar("BodyT", bytes, bytearray)

_OK = Answer(200, [(b"content-length", b"0")], b"")
_METHOD_NOT_ALLOWED = problem_answer(
    HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", "Webhooks are sent by POST.", [(b"allow", b"POST")]
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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        source_name = "unknown"
        if scope["method"] != "POST":
            await _send(send, _METHOD_NOT_ALLOWED)
            return
        try:
            source, integration_id = self._addressed(scope)
            source_name = source.name
            headers: dict[bytes, bytes] = dict(scope["headers"])
            body = await _read_body(headers, receive)
            delivery = Delivery(body, headers, integration_id, self._now_unix_s())
            accepted = await self._intake.accept(source, delivery)
        except SenderUnknown as ignored:
            self._count(source_name, "ignored")
            _log.info("delivery_ignored", source=source_name, code=ignored.code)
            await _send(send, _OK)
        except (OblivionFailure, MalformedBody) as failure:
            self._count(source_name, _reason(failure))
            await self._refuse(failure, receive, send)
        except SenderGone:
            self._count(source_name, "sender_gone")
        else:
            self._count(source_name, accepted.outcome)
            await _send(send, _json(accepted.reply) if accepted.reply else _OK)

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

    async def _refuse(self, failure: OblivionFailure | MalformedBody, receive: Receive, send: Send) -> None:
        if isinstance(failure, BodyTooLarge | BodyTooSlow):
            await _send_and_hang_up(problem(failure), receive, send)
        else:
            await _send(send, problem(failure))


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


async def _send(send: Send, answer: Answer) -> None:
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "http.response.body", "body": answer.body})


async def _send_and_hang_up(answer: Answer, receive: Receive, send: Send) -> None:
    headers = [*answer.headers, (b"connection", b"close")]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body, "more_body": True})
    try:
        async with asyncio.timeout(LINGER_S):
            while (await receive()).get("more_body", False):
                pass
    except TimeoutError:
        pass
    await send({"type": "http.response.body", "body": b""})


def _json(body: bytes) -> Answer:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    return Answer(HTTPStatus.OK, headers, body)


def _reason(failure: OblivionFailure | MalformedBody) -> str:
    if isinstance(failure, SignatureRejected):
        return failure.reason
    return failure.code.value if isinstance(failure, MalformedBody) else failure.code


def _counter(metrics: Metrics) -> Callable[[str, str], None]:
    """Counting by source and outcome, without looking the labels up for every delivery."""
    children: dict[tuple[str, str], Counter] = {}

    def count(source: str, outcome: str) -> None:
        child = children.get((source, outcome))
        if child is None:
            child = children[source, outcome] = metrics.deliveries.labels(source, outcome)
        child.inc()

    return count
