"""The inbox: all requests of a loop turn share one committed insert.

Waiting events are held in memory only while their senders wait for the answer; nothing here is acknowledged.
Every wait is bounded: an event that no connection takes in time, or whose commit does not return in time,
is answered StoreUnavailable and its sender tries again.
"""

import asyncio
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import psycopg
import structlog

from oblivion_ingestion.adapters.arrays import (
    BYTEA_OID,
    TEXT_OID,
    UUID_OID,
    BinaryArray,
    array_of,
    array_of_smallint,
)
from oblivion_ingestion.adapters.connection import Connection, SteadyConnection
from oblivion_ingestion.domain.deliveries import InboundEvent
from oblivion_ingestion.errors import DeliveryMalformed, StoreUnavailable
from oblivion_ingestion.metrics import Metrics
from oblivion_platform.tasks import end

RECONNECT_S = 0.2
EXPIRY_S = 0.1
ROW_OVERHEAD_BYTES = 500

_log = structlog.get_logger(__name__)

# No conflict target and no RETURNING: both would need SELECT, which the role does not have.
_INSERT = """
    INSERT INTO inbound_events (id, tenant_id, integration_id, source, event_type, subject, dedupe_key,
                                priority, transport, content_type, body, traceparent)
    SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::uuid[], %b::text[], %b::text[], %b::text[], %b::text[],
                         %b::smallint[], %b::text[], %b::text[], %b::bytea[], %b::text[])
    ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True)
class InboxLimits:
    """Bounds of what waits, and for how long. Together the two waits stay under Slack's 3 s."""

    connections: int = 2
    batch_rows: int = 512
    batch_bytes: int = 8 * 1024 * 1024
    waiting_bytes: int = 64 * 1024 * 1024
    queue_timeout_s: float = 1.0
    commit_timeout_s: float = 1.8


class _Waiting(NamedTuple):
    event: InboundEvent
    committed: asyncio.Future[None]
    since_s: float
    size_bytes: int


class GroupCommitInbox:
    """Commits what arrives in as few transactions as the connections allow."""

    def __init__(
        self, url: str, limits: InboxLimits, metrics: Metrics, *, behind_pooler: bool = False
    ) -> None:
        self._limits = limits
        self.metrics = metrics
        self._connections = [
            SteadyConnection(
                url,
                application="oblivion-ingestion inbox",
                timeout_s=limits.commit_timeout_s,
                behind_pooler=behind_pooler,
            )
            for _ in range(limits.connections)
        ]
        self._queue: deque[_Waiting] = deque()
        self._waiting_bytes = 0
        self._arrived = asyncio.Event()
        self._lanes: list[asyncio.Task[None]] = []
        self._expiry: asyncio.Task[None] | None = None
        self._closing = False

    @property
    def available(self) -> bool:
        """Whether any connection stands."""
        return any(connection.connected for connection in self._connections)

    def start(self) -> None:
        """Begin to connect and to commit."""
        self._lanes = [asyncio.create_task(self._serve(each), name="inbox") for each in self._connections]
        self._expiry = asyncio.create_task(self._expire(), name="inbox expiry")

    def commit(self, event: InboundEvent) -> asyncio.Future[None]:
        """See `Inbox.commit`; the future is done when the event's batch is."""
        committed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        size_bytes = len(event.body) + ROW_OVERHEAD_BYTES
        if not self.available or self._closing:
            committed.set_exception(StoreUnavailable())
        elif self._waiting_bytes + size_bytes > self._limits.waiting_bytes:
            committed.set_exception(StoreUnavailable("overloaded"))
        else:
            self._waiting_bytes += size_bytes
            self._queue.append(_Waiting(event, committed, time.monotonic(), size_bytes))
            self._arrived.set()
        return committed

    async def close(self) -> None:
        """Commit what waits, then disconnect."""
        self._closing = True
        self._arrived.set()
        await asyncio.gather(*self._lanes, return_exceptions=True)
        if self._expiry is not None:
            await end(self._expiry)
        for connection in self._connections:
            await connection.close()

    async def _serve(self, connection: SteadyConnection) -> None:
        while not (self._closing and not self._queue):
            if not connection.connected and not await self._connected(connection):
                continue
            await self._arrived.wait()
            if batch := self._take():
                await self._commit_batch(connection, batch)
            elif not self._closing:
                self._arrived.clear()

    async def _connected(self, connection: SteadyConnection) -> bool:
        try:
            await connection.connect()
        except StoreUnavailable:
            if not self.available:
                _fail(self._take_all(), StoreUnavailable())
            await asyncio.sleep(RECONNECT_S)
            return False
        return True

    async def _commit_batch(self, connection: SteadyConnection, batch: Sequence[_Waiting]) -> None:
        started_s = time.perf_counter()
        try:
            stored = await connection.run(lambda conn: _insert(conn, [each.event for each in batch]))
        except StoreUnavailable as error:
            _log.warning("inbox_unavailable", events=len(batch), cause=type(error.__cause__).__name__)
            _fail(batch, error)
        except psycopg.Error as error:
            _log.warning("batch_refused", events=len(batch), sqlstate=error.sqlstate)
            await self._commit_each(connection, batch)
        else:
            self.metrics.commit_seconds.observe(time.perf_counter() - started_s)
            self._note_stored(len(batch), stored)
            _succeed(batch)

    async def _commit_each(self, connection: SteadyConnection, batch: Sequence[_Waiting]) -> None:
        """One poisonous row must fail alone."""
        self.metrics.batches_split.inc()
        for waiting in batch:
            event = waiting.event
            try:
                stored = await connection.run(lambda conn, event=event: _insert(conn, [event]))
            except StoreUnavailable as error:
                _fail([waiting], error)
            except (psycopg.DataError, psycopg.IntegrityError):
                _fail([waiting], DeliveryMalformed("refused_by_store"))
            except psycopg.Error as error:
                # Ours to mend (a missing right, a read-only server): the sender shall try again.
                _log.error("insert_failed", sqlstate=error.sqlstate)
                _fail([waiting], StoreUnavailable("store_refuses_writes"))
            else:
                self._note_stored(1, stored)
                _succeed([waiting])

    def _note_stored(self, events: int, stored: int) -> None:
        self.metrics.batch_rows.observe(events)
        self.metrics.events_stored.inc(stored)
        self.metrics.events_repeated.inc(events - stored)

    def _take(self) -> list[_Waiting]:
        """The next batch, oldest first, within the limits of one."""
        queue, batch, size_bytes = self._queue, list[_Waiting](), 0
        while queue and len(batch) < self._limits.batch_rows and size_bytes < self._limits.batch_bytes:
            waiting = queue.popleft()
            size_bytes += waiting.size_bytes
            batch.append(waiting)
        self._waiting_bytes -= size_bytes
        return batch

    def _take_all(self) -> list[_Waiting]:
        everything = list(self._queue)
        self._queue.clear()
        self._waiting_bytes = 0
        return everything

    async def _expire(self) -> None:
        """Answer those that no connection took in time; their senders would soon give up."""
        while True:
            await asyncio.sleep(EXPIRY_S)
            oldest_s = time.monotonic() - self._limits.queue_timeout_s
            while self._queue and self._queue[0].since_s < oldest_s:
                waiting = self._queue.popleft()
                self._waiting_bytes -= waiting.size_bytes
                _fail([waiting], StoreUnavailable("overloaded"))


async def _insert(connection: Connection, events: list[InboundEvent]) -> int:
    """Insert in one statement, which is one transaction; return how many were new."""
    # By id: two replicas that insert the same events in different orders would deadlock.
    events.sort(key=_id_bytes)
    facts = [event.facts for event in events]
    columns: list[BinaryArray] = [
        array_of(UUID_OID, [event.id.bytes for event in events]),
        array_of(UUID_OID, [event.tenant_id.bytes for event in events]),
        array_of(UUID_OID, [event.integration_id.bytes for event in events]),
        _texts(event.source for event in events),
        _texts(each.event_type for each in facts),
        _texts(each.subject for each in facts),
        _texts(each.dedupe_key for each in facts),
        array_of_smallint(each.priority for each in facts),
        _texts(event.transport for event in events),
        _texts(event.content_type for event in events),
        array_of(BYTEA_OID, [event.body for event in events]),
        _texts(event.traceparent for event in events),
    ]
    cursor = await connection.execute(_INSERT, columns)
    return cursor.rowcount


def _texts(values: Iterable[str]) -> BinaryArray:
    return array_of(TEXT_OID, [value.encode() for value in values])


def _id_bytes(event: InboundEvent) -> bytes:
    return event.id.bytes


def _succeed(batch: Sequence[_Waiting]) -> None:
    for waiting in batch:
        # A sender that hung up has cancelled its future.
        if not waiting.committed.done():
            waiting.committed.set_result(None)


def _fail(batch: Sequence[_Waiting], error: Exception) -> None:
    for waiting in batch:
        if not waiting.committed.done():
            waiting.committed.set_exception(error)
