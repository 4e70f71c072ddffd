"""Load on one core: pre-signed Slack deliveries over keep-alive connections, one request on each at a time.

Run as a process of its own; reads a Plan as JSON from stdin and prints a Result. Everything is made before
the clock starts, so that sending costs as little as it can.
"""

import hashlib
import hmac
import json
import os
import select
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

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


class Load:
    """One run: plain sockets and epoll, since an event loop would cost as much as some of the servers."""

    def __init__(self, plan: Plan, requests: list[bytes]) -> None:
        self._plan = plan
        self._requests: Iterator[bytes] = iter(requests)
        self._poll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._due_s: dict[int, float] = {}
        self._latencies_s: list[float] = []
        self._failed = 0
        for _ in range(plan.connections):
            connection = socket.create_connection(("127.0.0.1", plan.port))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets[connection.fileno()] = connection
            self._poll.register(connection.fileno(), select.EPOLLIN)

    def run(self) -> Result:
        began_s = time.perf_counter()
        if self._plan.rate_per_s is None:
            self._as_fast_as_answered()
        else:
            self._paced(began_s, self._plan.rate_per_s)
        seconds = time.perf_counter() - began_s
        ordered = sorted(self._latencies_s)
        return Result(
            seconds,
            len(ordered) - self._failed,
            self._failed,
            ordered[len(ordered) // 2] * 1000,
            ordered[int(len(ordered) * 0.99)] * 1000,
        )

    def _as_fast_as_answered(self) -> None:
        for number in self._sockets:
            self._send(number, next(self._requests), time.perf_counter())
        while self._due_s:
            for number in self._answered(wait_s=None):
                request = next(self._requests, None)
                if request is not None:
                    self._send(number, request, time.perf_counter())

    def _paced(self, began_s: float, rate_per_s: float) -> None:
        idle = list(self._sockets)
        for order, request in enumerate(self._requests):
            due_s = began_s + order / rate_per_s
            # The poll waits whole milliseconds; the last one is spent asking.
            while (wait_s := due_s - time.perf_counter()) > 0 or not idle:
                idle += self._answered(wait_s=max(0.0, wait_s - 0.001))
            self._send(idle.pop(), request, due_s)
        while self._due_s:
            self._answered(wait_s=None)

    def _send(self, number: int, request: bytes, due_s: float) -> None:
        self._due_s[number] = due_s
        self._sockets[number].sendall(request)

    def _answered(self, *, wait_s: float | None) -> list[int]:
        """Take the answers that are there. A 200 has no body; what else comes is counted as failed."""
        ready = self._poll.poll(wait_s)
        now_s = time.perf_counter()
        for number, _ in ready:
            answer = self._sockets[number].recv(8192)
            self._failed += not (answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"\r\n\r\n"))
            self._latencies_s.append(now_s - self._due_s.pop(number))
        return [number for number, _ in ready]


if __name__ == "__main__":
    given = Plan(**json.loads(sys.stdin.read()))
    os.sched_setaffinity(0, {given.core})
    print(json.dumps(asdict(Load(given, signed_requests(given)).run())))
