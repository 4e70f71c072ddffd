"""Tells gateways and workers of a run that was cancelled here; what is lost, their sweeps find."""

from oblivion_platform.errors import DependencyUnavailable
from oblivion_platform.feed import Feed
from oblivion_platform.runs import Change, Run, RunJob, RunSignals, job_of, run_queue


class RedisTelling:
    """Implements `usecases.runs.Telling`."""

    def __init__(self, redis_url: str) -> None:
        self._feed = Feed(redis_url, "cli")
        self._signals = RunSignals(redis_url, self._feed)
        self._queue = run_queue(redis_url)

    async def cancelled(self, run: Run, change: Change) -> None:
        await self._signals.changed(run.tenant_id, change)
        await self._signals.tell_agent(run.tenant_id, run.id, run.gateway, run.fence, "task.cancelled")
        try:
            await self._queue.hasten(job_of(run.tenant_id, RunJob.of(run)))
        except DependencyUnavailable:
            return

    async def close(self) -> None:
        await self._feed.close()
        await self._signals.close()
        await self._queue.close()
