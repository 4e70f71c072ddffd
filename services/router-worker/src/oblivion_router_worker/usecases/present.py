"""Decides when a run is shown: on a hint, later when that was too early, and on a sweep as safety net."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

from oblivion_platform.errors import OblivionFailure
from oblivion_platform.logging import get_logger

Show = Callable[[UUID, UUID], Awaitable[float | None]]
MOST_AT_ONCE = 4
QUIET_S = 1.1
"""So that a run which is over in a moment is shown once."""

_log = get_logger(__name__)


class Presenter:
    """One showing of a run at a time; hints that come meanwhile are one more showing."""

    def __init__(self, show: Show) -> None:
        self._show = show
        self._places = asyncio.Semaphore(MOST_AT_ONCE)
        self._showing: dict[tuple[UUID, UUID], asyncio.Task[None]] = {}
        self._again: set[tuple[UUID, UUID]] = set()
        self._timers: dict[tuple[UUID, UUID], asyncio.TimerHandle] = {}
        self._stopping = False

    def hint(self, tenant_id: UUID, run_id: UUID, *, is_quiet: bool = False) -> None:
        """Something is new about this run, for which `is_quiet` has time; returns at once."""
        key = (tenant_id, run_id)
        if self._stopping:
            return
        if is_quiet and key not in self._showing:
            self._later(key, QUIET_S)
            return
        if (timer := self._timers.pop(key, None)) is not None:
            timer.cancel()
        if key in self._showing:
            self._again.add(key)
            return
        task = asyncio.create_task(self._present(key), name="present run")
        self._showing[key] = task
        task.add_done_callback(lambda _: self._ended(key))

    async def stop(self, within_s: float) -> None:
        self._stopping = True
        for timer in self._timers.values():
            timer.cancel()
        if self._showing:
            await asyncio.wait(list(self._showing.values()), timeout=within_s)

    async def _present(self, key: tuple[UUID, UUID]) -> None:
        async with self._places:
            self._again.discard(key)
            try:
                wait_s = await self._show(*key)
            except OblivionFailure as failure:
                _log.info("run_shown_later", run_id=str(key[1]), code=failure.code)
                return
            except Exception:  # The top of a task of its own; the sweep comes back to it.
                _log.exception("run_not_shown", run_id=str(key[1]))
                return
        if wait_s is not None and not self._stopping:
            self._later(key, wait_s)

    def _later(self, key: tuple[UUID, UUID], wait_s: float) -> None:
        """A showing that is to come sooner brings all that is new; one that is to come later gives way."""
        loop = asyncio.get_running_loop()
        planned = self._timers.get(key)
        if planned is not None and planned.when() <= loop.time() + wait_s:
            return
        if planned is not None:
            planned.cancel()
        self._timers[key] = loop.call_later(wait_s, self._due, key)

    def _due(self, key: tuple[UUID, UUID]) -> None:
        self._timers.pop(key, None)
        self.hint(*key)

    def _ended(self, key: tuple[UUID, UUID]) -> None:
        del self._showing[key]
        if key in self._again:
            self._again.discard(key)
            self.hint(*key)
