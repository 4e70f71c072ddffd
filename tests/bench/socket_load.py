"""Load on one core: many Socket.IO clients on raw sockets, so that sending costs as little as it can.

Run as a process of its own. Reads a Plan as a JSON line; connects, prints a line; waits for a line; then
measures single round trips, prints a line, keeps a few messages in flight on the active sockets for some
seconds, and prints a Result.
Client frames are masked with zeros, which is legal and leaves the text as it is (RFC 6455, 5.3).
"""

import asyncio
import json
import os
import sys
import time
from dataclasses import asdict, dataclass

NAMESPACE = "/agents"
CONNECTING_AT_ONCE = 50
NO_MASK = b"\0\0\0\0"
TEXT, PING, PONG = 1, 9, 0x8A
UPGRADE = (
    b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
HELLO = {"handlers": ["default"], "concurrency": 1}


@dataclass(frozen=True)
class Plan:
    """What to do, and from which core."""

    port: int
    core: int
    tokens: list[str]
    """One for each connection."""
    active: int
    in_flight: int
    seconds: float
    round_trips: int
    assigned: bool
    """Whether active sockets wait for a run, and report its progress; else they report that of none."""


@dataclass(frozen=True)
class Result:
    """How it went."""

    connects_per_s: float
    echoes: int
    echoes_per_s: float
    refused: int
    p50_ms: float
    p99_ms: float


def frame(text: str) -> bytes:
    payload = text.encode()
    size = len(payload)
    short = size < 126
    head = bytes((0x81, 0x80 | size)) if short else bytes((0x81, 0xFE)) + size.to_bytes(2, "big")
    return head + NO_MASK + payload


class Client(asyncio.Protocol):
    """One connection: connects to the namespace, answers pings, calls."""

    def __init__(self, token: str) -> None:
        self._token = token
        self._buffer = bytearray()
        self._upgraded = False
        self._number = 0
        self._waiting: dict[str, asyncio.Future[str]] = {}
        loop = asyncio.get_running_loop()
        self.connected: asyncio.Future[None] = loop.create_future()
        self.run: asyncio.Future[dict[str, object]] = loop.create_future()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        self.write(UPGRADE)

    def write(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.write(data)

    def call(self, event: str, body: str) -> "asyncio.Future[str]":
        self._number += 1
        number = str(self._number)
        answered = self._waiting[number] = asyncio.get_running_loop().create_future()
        self.write(frame(f'42{NAMESPACE},{number}["{event}",{body}]'))
        return answered

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._upgraded:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            assert b" 101 " in self._buffer[:end], bytes(self._buffer[:200])
            del self._buffer[: end + 4]
            self._upgraded = True
        while self._next_frame():
            pass

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.connected.done():
            self.connected.set_exception(ConnectionError(str(exc)))

    def _next_frame(self) -> bool:
        buffer = self._buffer
        if len(buffer) < 2:
            return False
        size, begin = buffer[1] & 0x7F, 2
        if size == 126:
            size, begin = int.from_bytes(buffer[2:4], "big"), 4
        elif size == 127:
            size, begin = int.from_bytes(buffer[2:10], "big"), 10
        if len(buffer) < begin + size:
            return False
        payload, opcode = bytes(buffer[begin : begin + size]), buffer[0] & 0x0F
        del buffer[: begin + size]
        if opcode == TEXT:
            self._packet(payload.decode())
        elif opcode == PING:
            self.write(bytes((PONG, 0x80 | size)) + NO_MASK + payload)
        return True

    def _packet(self, text: str) -> None:
        if text == "2":
            self.write(frame("3"))
        elif text.startswith("43"):
            number, bracket, rest = text[len(f"43{NAMESPACE},") :].partition("[")
            self._waiting.pop(number).set_result(bracket + rest)
        elif text.startswith("42"):
            event, body = json.loads(text[text.index("[") :])
            if event == "task.assigned" and not self.run.done():
                self.run.set_result({"run_id": body["run_id"], "fence": body["fence"]})
        elif text.startswith("0"):
            self.write(frame(f"40{NAMESPACE}," + json.dumps({"token": self._token})))
        elif text.startswith("40"):
            self.connected.set_result(None)
        elif text.startswith("44"):
            self.connected.set_exception(ConnectionError(text))


async def connect_all(plan: Plan) -> list[Client]:
    loop, gate = asyncio.get_running_loop(), asyncio.Semaphore(CONNECTING_AT_ONCE)

    async def one(token: str) -> Client:
        async with gate:
            _, client = await loop.create_connection(lambda: Client(token), "127.0.0.1", plan.port)
            await client.connected
            await client.call("agent.hello", json.dumps(HELLO))
            return client

    return list(await asyncio.gather(*(one(token) for token in plan.tokens)))


async def active_ones(plan: Plan, clients: list[Client]) -> list[tuple[Client, str]]:
    """The sockets that talk, and what they say."""
    talking = clients[: plan.active]
    if plan.assigned:
        runs = asyncio.as_completed([client.run for client in clients], timeout=30)
        for _, run in zip(range(plan.active), runs, strict=False):
            await run
        talking = [client for client in clients if client.run.done()]
    bodies: list[tuple[Client, str]] = []
    for client in talking:
        run = client.run.result() if plan.assigned else {"run_id": "0" * 32, "fence": 1}
        if plan.assigned:
            await client.call("task.ack", json.dumps(run))
        bodies.append((client, json.dumps({**run, "percent": 50, "text": "reading the repository"})))
    return bodies


async def echo(plan: Plan, active: list[tuple[Client, str]]) -> tuple[int, int]:
    """Acknowledged messages, and how many were refused."""
    ends_at, done, refused = time.monotonic() + plan.seconds, 0, 0

    async def talk(client: Client, body: str) -> None:
        nonlocal done, refused
        while time.monotonic() < ends_at:
            answer = await client.call("task.progress", body)
            done += 1
            refused += '"ok":true' not in answer

    await asyncio.gather(*(talk(*each) for each in active for _ in range(plan.in_flight)))
    return done, refused


async def round_trips(plan: Plan, client: Client, body: str) -> list[float]:
    took_ms: list[float] = []
    for _ in range(plan.round_trips):
        began = time.perf_counter()
        await client.call("task.progress", body)
        took_ms.append(1000 * (time.perf_counter() - began))
    return sorted(took_ms)


async def main() -> None:
    loop = asyncio.get_running_loop()
    plan = Plan(**json.loads(await loop.run_in_executor(None, sys.stdin.readline)))
    os.sched_setaffinity(0, {plan.core})
    began = time.monotonic()
    clients = await connect_all(plan)
    connects_per_s = len(clients) / (time.monotonic() - began)
    print("connected", flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)
    active = await active_ones(plan, clients)
    took_ms = await round_trips(plan, *active[0])
    print("echoing", flush=True)
    echoes, refused = await echo(plan, active)
    middle, late = took_ms[len(took_ms) // 2], took_ms[int(len(took_ms) * 0.99)]
    print(
        json.dumps(asdict(Result(connects_per_s, echoes, echoes / plan.seconds, refused, middle, late))),
        flush=True,
    )


if __name__ == "__main__":
    import uvloop

    uvloop.run(main())
