"""What happens by the clock: demand asked for, all looked at anew, credentials of the gone shut out."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

from oblivion_operator.errors import GatewayUnavailable
from oblivion_operator.metrics import AGENTS
from oblivion_operator.usecases.demands import Demands
from oblivion_operator.usecases.retire_agents import RetireAgents
from oblivion_operator.usecases.tend_agents import TendAgents
from oblivion_operator.usecases.work_queue import WorkQueue
from oblivion_platform.errors import OblivionFailure
from oblivion_platform.logging import get_logger

RETRY_S = 2.0
HINDERED_EVERY_S = 10.0
AFTER_DELETION_S = 0.5
"""A deletion seldom comes alone."""

_log = get_logger(__name__)


class Clockwork:
    """Runs while this operator leads."""

    def __init__(
        self,
        queue: WorkQueue,
        tend: TendAgents,
        demands: Demands,
        retire: RetireAgents,
        *,
        demand_every_s: float,
        resync_every_s: float,
    ) -> None:
        self._queue = queue
        self._tend = tend
        self._demands = demands
        self._retire = retire
        self._demand_every_s = demand_every_s
        self._resync_every_s = resync_every_s
        self._retire_soon = asyncio.Event()

    def somebody_left(self) -> None:
        """An Agent was deleted."""
        self._retire_soon.set()

    async def run(self) -> None:
        """Until cancelled. The queue begins once everything there is has been listed."""
        async with asyncio.TaskGroup() as group:
            await self._once(self._resync)
            self._queue.resume()
            group.create_task(self._every(self._resync_every_s, self._resync))
            group.create_task(self._every(self._demand_every_s, self._ask))
            group.create_task(self._every(HINDERED_EVERY_S, self._look_at_hindered))
            group.create_task(self._keep_retiring())

    async def _resync(self) -> None:
        for ref in await self._retire.take_stock():
            self._queue.add(ref, thoroughly=True)
        AGENTS.clear()
        for phase, count in self._tend.phases().items():
            AGENTS.labels(phase).set(count)

    async def _ask(self) -> None:
        was_awaited = self._demands.is_awaited
        changed: set[UUID] = set()
        try:
            changed = await self._demands.refresh(self._tend.tenants)
        except GatewayUnavailable:
            changed = self._demands.lapse()
            raise
        finally:
            is_first_word = was_awaited and not self._demands.is_awaited
            for ref in list(self._tend.everyone() if is_first_word else self._tend.concerned(changed)):
                self._queue.add(ref, thoroughly=False)

    async def _look_at_hindered(self) -> None:
        for ref in list(self._tend.hindered()):
            self._queue.add(ref, thoroughly=True)

    async def _keep_retiring(self) -> None:
        while True:
            await self._once(self._retire.retire)
            try:
                async with asyncio.timeout(self._resync_every_s):
                    await self._retire_soon.wait()
                await asyncio.sleep(AFTER_DELETION_S)
            except TimeoutError:
                pass
            self._retire_soon.clear()

    async def _every(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await work()
            except OblivionFailure as failure:
                _log.warning("tried again by the clock", code=failure.code, reason=failure.message)

    async def _once(self, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
            except OblivionFailure as failure:
                _log.warning("tried again", code=failure.code, reason=failure.message, after_s=RETRY_S)
                await asyncio.sleep(RETRY_S)
            else:
                return
