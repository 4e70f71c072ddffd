"""Jobs of `webhook-processing`, made again where Redis has lost them or given them up."""

from collections.abc import Sequence

from oblivion_contracts.jobs import ProcessEvent
from oblivion_platform.queue import JobQueue, NewJob
from oblivion_router_worker.ports.watching import OverdueEvent

_WILL_NOT_RUN = frozenset({"completed", "failed", "unknown"})


class QueueJobs:
    """Implements `ports.watching.Jobs`."""

    def __init__(self, queue: JobQueue) -> None:
        self._queue = queue

    async def ensure(self, events: Sequence[OverdueEvent]) -> int:
        revived = 0
        for event in events:
            if await self._queue.state(str(event.id)) in _WILL_NOT_RUN:
                await self._queue.revive(_job(event))
                revived += 1
        return revived


def _job(event: OverdueEvent) -> NewJob:
    command = ProcessEvent(event_id=event.id, tenant_id=event.tenant_id)
    return NewJob(str(event.id), command.model_dump(mode="json"), event.priority)
