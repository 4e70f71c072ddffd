"""Calls of one tool over keep-alive connections, one on each at a time, from one core.

Run as a process of its own; reads a Plan as JSON from stdin and prints a Result. Plain sockets and epoll,
since an MCP client would cost more than some of the servers.
"""

import itertools
import json
import math
import os
import select
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field

BUFFER = 65_536


@dataclass(frozen=True)
class Plan:
    """What to send, to whom and from which core."""

    port: int
    core: int
    path: str
    body: str
    headers: dict[str, str] = field(default_factory=dict)
    tokens: list[str] = field(default_factory=list)
    """Of as many runs, by turns: no run makes thousands of calls."""
    connections: int = 1
    warm_up_calls: int = 500
    """Not counted: until every connection of a server to its stores has planned its statements."""
    seconds: float = 2.5
    calls_at_least: int = 50
    """However long they take."""


@dataclass(frozen=True)
class Result:
    """How it went."""

    calls: int
    """Those while it warmed up included."""
    per_s: float
    p50_ms: float
    p99_ms: float
    failed: int


class Exchange:
    """One connection and the request that is sent on it again and again."""

    def __init__(self, plan: Plan, requests: Iterator[bytes]) -> None:
        self._socket = socket.create_connection(("127.0.0.1", plan.port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._requests = requests
        self._answer = b""
        self._sent_s = 0.0

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self) -> None:
        self._answer = b""
        self._sent_s = time.perf_counter()
        self._socket.sendall(next(self._requests))

    def received(self) -> float | None:
        """Seconds since it was sent, once the answer is whole."""
        part = self._socket.recv(BUFFER)
        if not part:
            raise ConnectionError("the server hung up")
        self._answer += part
        return time.perf_counter() - self._sent_s if _is_whole(self._answer) else None

    @property
    def is_right(self) -> bool:
        return (
            self._answer.startswith(b"HTTP/1.1 200")
            and b'"result"' in self._answer
            and b'"isError":true' not in self._answer.replace(b" ", b"")
        )


def _requests(plan: Plan) -> list[bytes]:
    authorizations = [{"Authorization": f"Bearer {token}"} for token in plan.tokens] or [{}]
    return [_request(plan, {**plan.headers, **more}) for more in authorizations]


def _request(plan: Plan, headers: dict[str, str]) -> bytes:
    length = {"Host": f"127.0.0.1:{plan.port}", "Content-Length": str(len(plan.body.encode()))}
    head = "".join(f"{name}: {value}\r\n" for name, value in {**length, **headers}.items())
    return f"POST {plan.path} HTTP/1.1\r\n{head}\r\n{plan.body}".encode()


def _is_whole(answer: bytes) -> bool:
    head, separator, body = answer.partition(b"\r\n\r\n")
    if not separator:
        return False
    lowered = head.lower()
    if b"transfer-encoding: chunked" in lowered:
        return body.endswith(b"0\r\n\r\n")
    length = lowered.partition(b"content-length:")[2].partition(b"\r\n")[0].strip()
    return len(body) >= int(length or b"0")


def run(plan: Plan) -> Result:
    poll = select.epoll()
    requests = itertools.cycle(_requests(plan))
    opened = [Exchange(plan, requests) for _ in range(plan.connections)]
    exchanges = {each.fileno(): each for each in opened}
    for number in exchanges:
        poll.register(number, select.EPOLLIN)
        exchanges[number].send()
    latencies_s: list[float] = []
    calls = failed = 0
    until_s = math.inf
    while (now_s := time.perf_counter()) < until_s or len(latencies_s) < plan.calls_at_least:
        if calls >= plan.warm_up_calls and until_s == math.inf:
            until_s = now_s + plan.seconds
        for number, _ in poll.poll(0.1):
            took_s = exchanges[number].received()
            if took_s is None:
                continue
            calls += 1
            if until_s < math.inf:
                latencies_s.append(took_s)
                failed += not exchanges[number].is_right
            exchanges[number].send()
    ordered = sorted(latencies_s)
    return Result(
        calls,
        len(ordered) / (now_s - until_s + plan.seconds),
        ordered[len(ordered) // 2] * 1000,
        ordered[int(len(ordered) * 0.99)] * 1000,
        failed,
    )


if __name__ == "__main__":
    given = Plan(**json.loads(sys.stdin.read()))
    os.sched_setaffinity(0, {given.core})
    print(json.dumps(asdict(run(given))))
