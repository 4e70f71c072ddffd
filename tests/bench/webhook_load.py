"""Load on one core: pre-signed Slack deliveries over keep-alive connections, one request on each at a time.

Run as a process of its own; reads a Plan as JSON from stdin and prints a Result. Everything is made before
the clock starts, so that sending costs as little as it can.
"""

import asyncio
import hashlib
import hmac
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, cast

import uvloop

BODY_BYTES = 1_200
TEAM, APP = "T0001", "A0001"


@dataclass(frozen=True)
class Plan:
    """What to send, and from which core."""

    port: int
    core: int
    requests: int
    secret: str
    run: str
    """Makes the ids of this run unlike those of any other."""
    connections: int = 64
    rate_per_s: float | None = None
    """None: each connection sends as soon as it has its answer."""


@dataclass(frozen=True)
class Result:
    """How it went. Latency counts from the moment a request was due."""

    seconds: float
    ok: int
    failed: int
    p50_ms: float
    p99_ms: float


def template() -> bytes:
    """A realistic `message` envelope of 1.2 kB; `@@RUN@@` and `@@NUMBER@@` are to be replaced."""
    event = {
        "type": "message",
        "channel": "C0BENCH001",
        "user": "U0BENCH001",
        "client_msg_id": "@@RUN@@-@@NUMBER@@",
        "text": "",
        "ts": "1700000000.@@NUMBER@@",
        "team": TEAM,
        "channel_type": "channel",
        "event_ts": "1700000000.@@NUMBER@@",
    }
    envelope: dict[str, Any] = {
        "token": "legacy",
        "team_id": TEAM,
        "api_app_id": APP,
        "event": event,
        "type": "event_callback",
        "event_id": "Ev@@RUN@@@@NUMBER@@",
        "event_time": 1700000000,
        "authorizations": [
            {"team_id": TEAM, "user_id": "U0BOT", "is_bot": True, "is_enterprise_install": False}
        ],
        "is_ext_shared_channel": False,
        "event_context": "4-bench",
    }
    event["ts"] = event["event_ts"] = "17@@RUN@@.@@NUMBER@@"
    event["text"] = "A message of the usual length, as people write them. " * 40
    surplus = len(json.dumps(envelope)) - BODY_BYTES
    event["text"] = event["text"][:-surplus]
    return json.dumps(envelope).encode()


def signed_requests(plan: Plan) -> list[bytes]:
    stamp, secret = str(int(time.time())).encode(), plan.secret.encode()
    body_of = template().replace(b"@@RUN@@", plan.run.encode())
    head = (
        b"POST /webhooks/slack HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        b"User-Agent: Slackbot 1.0 (+https://api.slack.com/robots)\r\nAccept: */*\r\n"
        b"X-Slack-Request-Timestamp: "
        + stamp
        + b"\r\nX-Slack-Signature: v0=%b\r\nContent-Length: %d\r\n\r\n%b"
    )
    requests: list[bytes] = []
    for number in range(plan.requests):
        body = body_of.replace(b"@@NUMBER@@", b"%08d" % number)
        signature = hmac.new(secret, b"v0:" + stamp + b":" + body, hashlib.sha256).hexdigest().encode()
        requests.append(head % (signature, len(body), body))
    return requests


class Connection(asyncio.Protocol):
    """Sends, waits for the answer, and says how it went."""

    def __init__(self, load: "Load") -> None:
        self._load = load
        self._transport: asyncio.WriteTransport | None = None
        self._due_s = 0.0
        self._answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def send(self, request: bytes, due_s: float) -> None:
        assert self._transport is not None
        self._due_s = due_s
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        answer = self._answer + data if self._answer else data
        if b"\r\n\r\n" not in answer:  # A 200 has no body; what else comes is counted as failed.
            self._answer = answer
            return
        self._answer = b""
        self._load.answered(self, answer.startswith(b"HTTP/1.1 200 "), time.perf_counter() - self._due_s)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._load.lost()


class Load:
    """One run."""

    def __init__(self, plan: Plan, requests: list[bytes]) -> None:
        self._plan = plan
        self._requests: Iterator[bytes] = iter(requests)
        self._left = plan.requests
        self._latencies_s: list[float] = []
        self._failed = 0
        self._idle: asyncio.Queue[Connection] = asyncio.Queue()
        self._done = asyncio.get_running_loop().create_future()

    async def run(self) -> Result:
        loop = asyncio.get_running_loop()
        pairs = [
            await loop.create_connection(lambda: Connection(self), "127.0.0.1", self._plan.port)
            for _ in range(self._plan.connections)
        ]
        connections = [connection for _, connection in pairs]
        began_s = time.perf_counter()
        if self._plan.rate_per_s is None:
            for connection in connections:
                self._send_next(connection)
        else:
            for connection in connections:
                self._idle.put_nowait(connection)
            await self._pace(self._plan.rate_per_s, began_s)
        await self._done
        seconds = time.perf_counter() - began_s
        ordered = sorted(self._latencies_s)
        return Result(
            seconds,
            len(ordered) - self._failed,
            self._failed,
            ordered[len(ordered) // 2] * 1000,
            ordered[int(len(ordered) * 0.99)] * 1000,
        )

    async def _pace(self, rate_per_s: float, began_s: float) -> None:
        for number, request in enumerate(self._requests):
            due_s = began_s + number / rate_per_s
            if (wait_s := due_s - time.perf_counter()) > 0:
                await asyncio.sleep(wait_s)
            connection = await self._idle.get()
            connection.send(request, due_s)

    def answered(self, connection: Connection, ok: bool, latency_s: float) -> None:
        self._latencies_s.append(latency_s)
        self._failed += not ok
        self._left -= 1
        if self._left == 0:
            self._done.set_result(None)
        elif self._plan.rate_per_s is None:
            self._send_next(connection)
        else:
            self._idle.put_nowait(connection)

    def _send_next(self, connection: Connection) -> None:
        request = next(self._requests, None)
        if request is not None:
            connection.send(request, time.perf_counter())

    def lost(self) -> None:
        if not self._done.done():
            self._done.set_exception(ConnectionError("the server closed a connection"))


async def main(plan: Plan) -> Result:
    requests = signed_requests(plan)
    return await Load(plan, requests).run()


if __name__ == "__main__":
    given = Plan(**json.loads(sys.stdin.read()))
    os.sched_setaffinity(0, {given.core})
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(asdict(runner.run(main(given)))))
