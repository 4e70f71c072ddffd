"""Implements `PlaceReadings` on the `place-reading` queue."""

from uuid import UUID

from oblivion_contracts.jobs import PLACE_READING, ReadPlaces
from oblivion_platform.jobs import JobPolicy, NewJob
from oblivion_platform.queue import JobQueue
from oblivion_platform.telemetry import known_traceparent

_UNDER_WAY = frozenset({"waiting", "prioritized", "delayed", "active"})
_PRIORITY = 1


class QueuedPlaceReadings:
    """A job for each integration at most: its id is the integration's."""

    def __init__(self, redis_url: str) -> None:
        self._queue = JobQueue(PLACE_READING, redis_url, JobPolicy())

    async def ask(self, tenant_id: UUID, integration_id: UUID) -> None:
        command = ReadPlaces(
            integration_id=integration_id, tenant_id=tenant_id, traceparent=known_traceparent()
        )
        data = command.model_dump(mode="json", exclude_none=True)
        await self._queue.revive(NewJob(str(integration_id), data, _PRIORITY))

    async def is_under_way(self, integration_id: UUID) -> bool:
        return await self._queue.state(str(integration_id)) in _UNDER_WAY

    async def close(self) -> None:
        await self._queue.close()
