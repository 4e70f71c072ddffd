"""Heartbeats of many runs, renewed together: one UPDATE per tenant and tick."""

import asyncio
from uuid import UUID

from oblivion_gateway.socket_ports import HeldRuns
from oblivion_platform.errors import OblivionFailure
from oblivion_platform.runs import FencedOff

TICK_S = 0.05

Beats = dict[tuple[UUID, int], "asyncio.Future[None]"]
"""Run and fence → who waits; a run's old holder may beat beside its new one."""


class Heartbeats:
    """Collects for a tick, then renews."""

    def __init__(self, runs: HeldRuns, *, tick_s: float = TICK_S) -> None:
        self._runs = runs
        self._tick_s = tick_s
        self._waiting: dict[UUID, Beats] = {}
        self._ticking: set[asyncio.Task[None]] = set()

    async def beat(self, tenant_id: UUID, run_id: UUID, fence: int) -> None:
        """Return once the lease is extended.

        Raises:
            FencedOff: the run is somebody else's, or over.
            DependencyUnavailable: nobody knows; send it again.
        """
        waiting = self._waiting.get(tenant_id)
        if waiting is None:
            waiting = self._waiting[tenant_id] = {}
            task = asyncio.create_task(self._tick(tenant_id), name="heartbeats")
            self._ticking.add(task)
            task.add_done_callback(self._ticking.discard)
        known = waiting.get((run_id, fence))
        if known is None:
            known = waiting[run_id, fence] = asyncio.get_running_loop().create_future()
        await asyncio.shield(known)

    async def _tick(self, tenant_id: UUID) -> None:
        await asyncio.sleep(self._tick_s)
        beats = self._waiting.pop(tenant_id)
        # Fences grow: of several the highest alone may hold.
        fences = dict(sorted(beats))
        try:
            renewed = await self._runs.renew(tenant_id, fences)
        except OblivionFailure as failure:
            _settle_all(beats, failure)
            return
        for (run_id, fence), future in beats.items():
            if run_id in renewed and fence == fences[run_id]:
                future.set_result(None)
            else:
                _fail(future, FencedOff())


def _settle_all(beats: Beats, failure: OblivionFailure) -> None:
    for future in beats.values():
        _fail(future, failure)


def _fail(future: "asyncio.Future[None]", failure: OblivionFailure) -> None:
    future.set_exception(failure)
    future.exception()  # Whoever waited may have gone.
