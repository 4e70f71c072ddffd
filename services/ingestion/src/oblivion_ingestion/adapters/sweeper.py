"""Adds the jobs of stored events again that Redis has lost, or never got.

Walks through the waiting rows, oldest first, one page a turn, and begins again at the end; adding a job that
Redis still knows changes nothing. While the queue is short, the backlog is evidently not in it, and the next
page follows at once; otherwise one page per interval bounds the cost of a long backlog.
"""

import asyncio
import random
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog

from oblivion_ingestion.adapters.connection import Connection, SteadyConnection
from oblivion_ingestion.metrics import Metrics
from oblivion_platform.database.roles import RELAY
from oblivion_platform.errors import DependencyUnavailable
from oblivion_platform.queue import JobQueue, NewJob
from oblivion_platform.tasks import end

SHORT_QUEUE_JOBS = 2_500
"""Enough for all workers until the next sweep."""

_log = structlog.get_logger(__name__)

_PAGE = """
    SELECT id, tenant_id, priority, received_at FROM inbound_events
    WHERE state = 'received' AND received_at < clock_timestamp() - %s * interval '1 second'
      AND (received_at, id) > (%s, %s)
    ORDER BY received_at, id LIMIT %s
"""

Cursor = tuple[datetime | str, UUID]
START: Cursor = ("-infinity", UUID(int=0))


@dataclass(frozen=True)
class SweepPolicy:
    """How often, and what counts as overdue."""

    every_s: float = 1.0
    overdue_s: float = 2.0
    page_rows: int = 500


class Sweeper:
    """One per replica; several do the same work twice, harmlessly."""

    def __init__(
        self, connection: SteadyConnection, queue: JobQueue, policy: SweepPolicy, metrics: Metrics
    ) -> None:
        self._connection = connection
        self._queue = queue
        self._policy = policy
        self._metrics = metrics
        self._cursor = START
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Sweep until closed."""
        self._task = asyncio.create_task(self._sweep_for_ever(), name="sweeper")

    async def close(self) -> None:
        """Stop at once; sweeping twice is harmless."""
        if self._task is not None:
            await end(self._task)
        await self._connection.close()

    async def sweep_page(self) -> bool:
        """Add one page of overdue events again; tell whether the next should follow at once.

        Raises:
            DependencyUnavailable: Postgres or Redis is away; the same page comes again.
        """
        waiting = 0
        rows = await self._connection.run(self._next_page)
        if rows:
            waiting = await self._queue.add_all([_job(row[0], row[1], row[2]) for row in rows])
            self._metrics.swept.inc(len(rows))
        full = len(rows) == self._policy.page_rows
        self._cursor = (rows[-1][3], rows[-1][0]) if full else START
        return full and waiting < SHORT_QUEUE_JOBS

    async def _sweep_for_ever(self) -> None:
        while True:
            # Jittered, so that replicas which started together do not sweep together.
            await asyncio.sleep(self._policy.every_s * random.uniform(0.5, 1.5))  # noqa: S311
            try:
                while await self.sweep_page():
                    pass
            except DependencyUnavailable as error:
                _log.warning("sweep_failed", code=error.code)

    async def _next_page(self, connection: Connection) -> list[tuple[UUID, UUID, int, datetime]]:
        received_at, event_id = self._cursor
        async with connection.transaction():
            await connection.execute(f"SET LOCAL ROLE {RELAY}")
            query = (self._policy.overdue_s, received_at, event_id, self._policy.page_rows)
            return await (await connection.execute(_PAGE, query)).fetchall()


def _job(event_id: UUID, tenant_id: UUID, priority: int) -> NewJob:
    return NewJob(str(event_id), {"event_id": str(event_id), "tenant_id": str(tenant_id)}, priority)
