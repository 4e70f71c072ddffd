"""Outgoing events: rows first, then attempts until one is answered or the sender gives up.

A row is written in the transaction of the change that it tells of, so a killed sandbox goes on with
every delivery it owes. Attempts start in the order of the rows and run side by side, as both real
services do; a receiver that wants order must make it itself.
"""

import asyncio
import contextlib
import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from oblivion_platform.logging import get_logger
from oblivion_platform.tasks import end
from oblivion_sandbox.clock import now_ms
from oblivion_sandbox.misbehave import Misbehaviour, Rule, Side
from oblivion_sandbox.store import Json, Row, Store

_log = get_logger(__name__)


@dataclass(frozen=True)
class SenderTuning:
    """How both stand-ins send: a factor on the waits between attempts, and how many run at once."""

    retry_scale: float
    in_flight: int


@dataclass(frozen=True)
class Delivery:
    """One event on its way to one receiver."""

    id: int
    target: str
    event_id: str
    event_type: str
    body: str
    attempts: int
    last_error: str | None


@dataclass(frozen=True)
class Outcome:
    """What an attempt came to; `final` stops further ones, delivered or not."""

    ok: bool
    status: int | None = None
    error: str | None = None
    final: bool = False


class Carrier(Protocol):
    """How one side sends: its signature, its deadline, and what it does about failures."""

    async def carry(self, delivery: Delivery) -> Outcome:
        """Make one attempt."""
        ...

    def gave_up(self, delivery: Delivery, outcome: Outcome) -> None:
        """Called inside the transaction that ends a delivery without success."""
        ...

    def succeeded(self, delivery: Delivery) -> None:
        """Called inside the transaction that ends a delivery with success."""
        ...


class Courier:
    """The sender of one side."""

    def __init__(
        self,
        store: Store,
        misbehaviour: Misbehaviour,
        side: Side,
        retry_waits_s: Sequence[float],
        in_flight: int,
    ) -> None:
        self._store = store
        self._misbehaviour = misbehaviour
        self._side: Side = side
        self._retry_waits_s = retry_waits_s
        self._slots = asyncio.Semaphore(in_flight)
        self._wake = asyncio.Event()
        self._due: list[tuple[int, int]] = []
        self._attempts: set[asyncio.Task[None]] = set()

    def enqueue(self, target: str, event_id: str, event_type: str, body: str) -> None:
        """Owe a delivery; part of the caller's transaction, sent once that is durable."""
        self._insert(target, event_id, event_type, body, now_ms(), copy_of=None)

    async def run(self, carrier: Carrier) -> None:
        """Send for as long as the process lives; begins with what an earlier one left undone."""
        self.reload()
        try:
            while True:
                delivery_id = await self._next_due()
                await self._slots.acquire()
                attempt = asyncio.create_task(self._attempt(carrier, delivery_id))
                self._attempts.add(attempt)
                attempt.add_done_callback(self._attempt_ended)
        finally:
            await end(*self._attempts)

    def reload(self) -> None:
        """Take the plan from the rows again: at start, and after a reset."""
        rows = self._store.all(
            "SELECT due_ms, id FROM deliveries WHERE side = ? AND state = 'waiting'", self._side
        )
        self._due = [(row["due_ms"], row["id"]) for row in rows]
        heapq.heapify(self._due)
        self._wake.set()

    async def _next_due(self) -> int:
        while True:
            wait_s = (self._due[0][0] - now_ms()) / 1000 if self._due else None
            if wait_s is not None and wait_s <= 0:
                return heapq.heappop(self._due)[1]
            self._wake.clear()
            # Not wait_for: until Python 3.12 it can swallow a cancellation that meets the wake-up.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()

    def _attempt_ended(self, attempt: asyncio.Task[None]) -> None:
        self._attempts.discard(attempt)
        self._slots.release()
        if not attempt.cancelled() and (error := attempt.exception()) is not None:
            _log.error("delivery attempt broke", exc_info=error)

    async def _attempt(self, carrier: Carrier, delivery_id: int) -> None:
        row = self._store.one("SELECT * FROM deliveries WHERE id = ? AND state = 'waiting'", delivery_id)
        if row is None or not self._shape(row):
            return
        delivery = Delivery(**{name: row[name] for name in Delivery.__dataclass_fields__})
        outcome = await carrier.carry(delivery)
        with self._store.write():
            self._settle(carrier, delivery, outcome)

    def _settle(self, carrier: Carrier, delivery: Delivery, outcome: Outcome) -> None:
        tried = delivery.attempts + 1
        exhausted = tried > len(self._retry_waits_s)
        state, due_ms = "waiting", now_ms()
        if outcome.ok:
            state = "delivered"
            carrier.succeeded(delivery)
        elif outcome.final or exhausted:
            state = "failed"
            carrier.gave_up(delivery, outcome)
        else:
            due_ms += int(self._retry_waits_s[delivery.attempts] * 1000)
            self._plan(due_ms, delivery.id)
        self._store.run(
            "UPDATE deliveries SET state = ?, attempts = ?, last_status = ?, last_error = ?, due_ms = ?,"
            " settled_ms = ? WHERE id = ?",
            *(state, tried, outcome.status, outcome.error, due_ms),
            *(None if state == "waiting" else now_ms(), delivery.id),
        )

    def _plan(self, due_ms: int, delivery_id: int) -> None:
        def push() -> None:
            heapq.heappush(self._due, (due_ms, delivery_id))
            self._wake.set()

        self._store.after_commit(push)

    def _insert(
        self, target: str, event_id: str, event_type: str, body: str, due_ms: int, copy_of: int | None
    ) -> None:
        with self._store.write():
            delivery_id = self._store.run(
                "INSERT INTO deliveries (side, target, event_id, event_type, body, state, copy_of, shaped,"
                " created_ms, due_ms) VALUES (?, ?, ?, ?, ?, 'waiting', ?, ?, ?, ?)",
                *(self._side, target, event_id, event_type, body),
                *(copy_of, copy_of is not None, now_ms(), due_ms),
            )
            self._plan(due_ms, delivery_id)

    def _shape(self, row: Row) -> bool:
        """Apply a misbehaviour rule once per event; False when nothing is to be sent now."""
        if row["shaped"] or row["attempts"]:
            return True
        rule = self._misbehaviour.pick(self._side, "delivery", row["event_type"])
        if rule is None:
            return True
        with self._store.write():
            self._store.run("UPDATE deliveries SET shaped = 1 WHERE id = ?", row["id"])
            return self._apply(rule, row)

    def _apply(self, rule: Rule, row: Row) -> bool:
        seconds = float(rule.details.get("seconds", 0.0 if rule.action == "duplicate" else 1.0))
        if rule.action == "lose":
            self._store.run(
                "UPDATE deliveries SET state = 'lost', settled_ms = ? WHERE id = ?", now_ms(), row["id"]
            )
            return False
        if rule.action in ("duplicate", "repeat"):
            due_ms = now_ms() + int(seconds * 1000)
            for _ in range(int(rule.details.get("copies", 1))):
                self._insert(
                    row["target"], row["event_id"], row["event_type"], row["body"], due_ms, row["id"]
                )
            return True
        # A reordered event waits a random part of the window, so later ones may overtake it.
        wait_s = seconds * (rule.chance.random() if rule.action == "reorder" else 1.0)
        due_ms = now_ms() + int(wait_s * 1000)
        self._store.run("UPDATE deliveries SET due_ms = ? WHERE id = ?", due_ms, row["id"])
        self._plan(due_ms, row["id"])
        return False


def delivery_rows(store: Store, side: Side, state: str | None, limit: int) -> list[Json]:
    """Deliveries of a side as JSON, newest first, for the control API."""
    rows = store.all(
        "SELECT * FROM deliveries WHERE side = ? AND (? IS NULL OR state = ?) ORDER BY id DESC LIMIT ?",
        *(side, state, state, limit),
    )
    return [{name: row[name] for name in row.keys() if name not in ("side", "shaped")} for row in rows]  # noqa: SIM118


def delivery_counts(store: Store, side: Side) -> dict[str, int]:
    """How many deliveries are in each state."""
    rows = store.all("SELECT state, count(*) AS n FROM deliveries WHERE side = ? GROUP BY state", side)
    return {row["state"]: row["n"] for row in rows}
