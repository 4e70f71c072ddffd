"""The short way into `webhook-processing`: right after the commit, in bulk, without making anybody wait.

Best effort. What is left out here, because Redis is away, the buffer is full, or the queue is long enough
to keep all workers busy for a while, is a committed row that the sweeper finds: a flood fills Postgres, not
Redis.
"""

import asyncio
import time
from collections import deque

import structlog

from oblivion_contracts.jobs import WEBHOOK_PROCESSING
from oblivion_ingestion.domain.deliveries import InboundEvent
from oblivion_ingestion.metrics import Metrics
from oblivion_platform.errors import DependencyUnavailable
from oblivion_platform.queue import JobPolicy, JobQueue, NewJob

BUFFER_JOBS = 10_000
BULK_JOBS = 500
LONG_QUEUE_JOBS = 5_000
PAUSE_S = 1.0
"""While Redis is away it is not asked for every event, and a queue that is long is left to drain."""

_log = structlog.get_logger(__name__)


def webhook_queue(redis_url: str) -> JobQueue:
    """The producing side of the queue that the router-worker consumes."""
    return JobQueue(WEBHOOK_PROCESSING, redis_url, JobPolicy())


class QueueRelay:
    """Buffers hints and adds them in bulk."""

    def __init__(self, queue: JobQueue, metrics: Metrics, *, long_queue_jobs: int = LONG_QUEUE_JOBS) -> None:
        self._queue = queue
        self._metrics = metrics
        self._long_queue_jobs = long_queue_jobs
        self._buffer: deque[InboundEvent] = deque()
        self._arrived = asyncio.Event()
        self._paused_until_s = 0.0
        self._task: asyncio.Task[None] | None = None
        self._closing = False

    def start(self) -> None:
        """Begin to drain the buffer."""
        self._task = asyncio.create_task(self._drain(), name="relay")

    def offer(self, event: InboundEvent) -> None:
        """See `Relay.offer`."""
        if len(self._buffer) >= BUFFER_JOBS or time.monotonic() < self._paused_until_s:
            self._metrics.relay_dropped.inc()
            return
        self._buffer.append(event)
        self._arrived.set()

    async def close(self) -> None:
        """Add what is buffered, or leave it to the sweeper of whoever runs next."""
        self._closing = True
        self._arrived.set()
        if self._task is not None:
            await self._task

    async def _drain(self) -> None:
        while self._buffer or not self._closing:
            await self._arrived.wait()
            jobs = [_job(self._buffer.popleft()) for _ in range(min(BULK_JOBS, len(self._buffer)))]
            if not jobs:
                self._arrived.clear()
                continue
            try:
                waiting = await self._queue.add_all(jobs)
            except DependencyUnavailable as error:
                _log.warning("relay_failed", jobs=len(jobs), code=error.code)
                self._pause(jobs_lost=len(jobs))
            else:
                self._metrics.relayed.inc(len(jobs))
                if waiting > self._long_queue_jobs:
                    self._pause()

    def _pause(self, jobs_lost: int = 0) -> None:
        self._metrics.relay_dropped.inc(jobs_lost + len(self._buffer))
        self._buffer.clear()
        self._paused_until_s = time.monotonic() + PAUSE_S


def _job(event: InboundEvent) -> NewJob:
    """A `ProcessEvent`; built as a dict, since validating our own values costs more than adding the job."""
    event_id = str(event.id)
    data = {"event_id": event_id, "tenant_id": str(event.tenant_id), "traceparent": event.traceparent}
    return NewJob(event_id, data, event.facts.priority)
