"""What ingestion is compared with: `python -m tests.bench.webhook_peers <peer>`.

bare    an empty 200 from the same server, the body read
verify  and the signature proven and the JSON parsed, as finding a secret needs
limit   and one row committed, by the same group commit, with nothing else
naive   how it is usually written: a FastAPI route that awaits `queue.add`
"""

import hashlib
import hmac
import json
import os
import sys
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from bullmq import Queue
from fastapi import FastAPI, HTTPException, Request, Response
from redis.asyncio import Redis
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from oblivion_ingestion.adapters.inbox import GroupCommitInbox, InboxLimits
from oblivion_ingestion.domain.deliveries import EventFacts, InboundEvent
from oblivion_ingestion.metrics import Metrics
from oblivion_platform.http_server import serving
from oblivion_platform.service import run
from oblivion_platform.settings import HttpSettings, LogSettings

SECRET = os.environ.get("BENCH_SECRET", "").encode()
_START: Message = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]}
_BODY: Message = {"type": "http.response.body", "body": b""}


class PeerSettings(HttpSettings, LogSettings):
    """Where to listen."""


async def answer_start_and_stop(scope: Scope, receive: Receive, send: Send) -> bool:
    """Lifespan and readiness, so that a peer can be waited for like the service."""
    if scope["type"] == "lifespan":
        for phase in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{phase}.complete"})
        return True
    if scope["path"] == "/health/ready":
        await send(_START)
        await send(_BODY)
        return True
    return False


async def body_of(receive: Receive) -> bytes:
    message = await receive()
    body: bytes = message["body"]
    while message.get("more_body"):
        message = await receive()
        body += message["body"]
    return body


def is_signed(body: bytes, timestamp: bytes, signature: bytes) -> bool:
    expected = hmac.new(SECRET, b"v0:" + timestamp + b":" + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(b"v0=" + expected.encode(), signature)


async def bare(scope: Scope, receive: Receive, send: Send) -> None:
    if await answer_start_and_stop(scope, receive, send):
        return
    await body_of(receive)
    await send(_START)
    await send(_BODY)


def prove(scope: Scope, body: bytes) -> None:
    headers = dict(scope["headers"])
    json.loads(body)
    if not is_signed(body, headers[b"x-slack-request-timestamp"], headers[b"x-slack-signature"]):
        raise PermissionError


async def verify(scope: Scope, receive: Receive, send: Send) -> None:
    if await answer_start_and_stop(scope, receive, send):
        return
    prove(scope, await body_of(receive))
    await send(_START)
    await send(_BODY)


class Limit:
    """One committed row for each request, and nothing else."""

    def __init__(self, inbox: GroupCommitInbox) -> None:
        self._inbox = inbox
        self._tenant = uuid.uuid4()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if await answer_start_and_stop(scope, receive, send):
            return
        body = await body_of(receive)
        prove(scope, body)
        facts = EventFacts("message", "thread:C1:1", "key", 1)
        tenant = self._tenant
        event = InboundEvent(
            uuid.uuid4(), tenant, tenant, "slack", facts, "http", "application/json", body, ""
        )
        await self._inbox.commit(event)
        await send(_START)
        await send(_BODY)


def naive(queue: Queue) -> FastAPI:
    app = FastAPI()

    @app.get("/health/ready")
    async def ready() -> None:
        return None

    @app.post("/webhooks/slack")
    async def receive(request: Request) -> Response:
        body = await request.body()
        timestamp = request.headers["x-slack-request-timestamp"].encode()
        if not is_signed(body, timestamp, request.headers["x-slack-signature"].encode()):
            raise HTTPException(401)
        event = json.loads(body)
        await queue.add("event", event, {"jobId": event["event_id"], "attempts": 3})
        return Response()

    return app


@asynccontextmanager
async def peer(settings: PeerSettings) -> AsyncGenerator[None]:
    name, inbox, redis = sys.argv[1], None, None
    app: ASGIApp
    if name == "limit":
        inbox = GroupCommitInbox(os.environ["OBLIVION_DATABASE_URL"], InboxLimits(), Metrics())
        inbox.start()
        app = Limit(inbox)
    elif name == "naive":
        redis = Redis.from_url(os.environ["OBLIVION_REDIS_URL"], decode_responses=True)
        app = naive(Queue("naive", {"connection": redis}))
    else:
        app = {"bare": bare, "verify": verify}[name]
    async with serving(app, host=settings.host, port=settings.port):
        yield
    if inbox is not None:
        await inbox.close()
    if redis is not None:
        await redis.aclose()


if __name__ == "__main__":
    run(PeerSettings, peer, service=sys.argv[1])
