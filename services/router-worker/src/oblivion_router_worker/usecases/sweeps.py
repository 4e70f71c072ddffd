"""What runs by the clock: jobs that Redis lost are made again, bodies past their retention are removed."""

from datetime import timedelta
from typing import Protocol

from oblivion_router_worker.ports.clock import Clock
from oblivion_router_worker.ports.watching import Bodies, Jobs, OverdueEvent, OverdueEvents

_BATCH = 500


class SweepWatch(Protocol):
    """Told what the sweeps saw."""

    def inbox_seen(self, overdue: int, oldest_s: float) -> None: ...
    def revived(self, count: int) -> None: ...
    def purged(self, count: int) -> None: ...


class ReviveJobs:
    """Finds events whose job is gone or has failed while they still wait.

    Each call looks at one batch and goes on there the next time, so that a backlog that is merely long costs
    little and is seen whole in the end.
    """

    def __init__(
        self, events: OverdueEvents, jobs: Jobs, clock: Clock, watch: SweepWatch, overdue_after: timedelta
    ) -> None:
        self._events = events
        self._jobs = jobs
        self._clock = clock
        self._watch = watch
        self._overdue_after = overdue_after
        self._last: OverdueEvent | None = None

    async def __call__(self) -> None:
        """Raises: DependencyUnavailable: Postgres or Redis is away; nothing is lost by that."""
        found = await self._events.after(self._overdue_after, self._last, _BATCH)
        if self._last is None:
            oldest_s = (self._clock.now() - found[0].received_at).total_seconds() if found else 0.0
            self._watch.inbox_seen(len(found), oldest_s)
        self._last = found[-1] if len(found) == _BATCH else None
        if found:
            self._watch.revived(await self._jobs.ensure(found))


class PurgeBodies:
    """Removes raw bodies and what was sent after their tenant's retention.

    What keeps repeats out (the dedupe keys, the ids of what was made) stays.
    """

    def __init__(self, bodies: Bodies, watch: SweepWatch) -> None:
        self._bodies = bodies
        self._watch = watch

    async def __call__(self) -> None:
        """Raises: DependencyUnavailable: Postgres is away; the next call goes on."""
        while purged := await self._bodies.purge(_BATCH):
            self._watch.purged(purged)
