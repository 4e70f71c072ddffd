"""Agents that are to be looked after: each at most once at a time, and once more if something came meanwhile.

What fails passingly is tried again, later each time; news of the Agent try it at once.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from oblivion_operator.domain.agents import Ref
from oblivion_operator.metrics import TENDED
from oblivion_platform.errors import OblivionFailure, TransientFailure
from oblivion_platform.logging import get_logger, log_context

FIRST_RETRY_S = 1.0
LONGEST_RETRY_S = 60.0

_log = get_logger(__name__)


@dataclass
class _Entry:
    is_thorough: bool = False
    is_due: bool = False
    is_running: bool = False
    failures: int = 0
    timer: asyncio.TimerHandle | None = None


Tend = Callable[[Ref, bool], Awaitable[None]]
"""Looks after one Agent; thoroughly: applies its children too."""


class WorkQueue:
    """One per process; `work` runs it."""

    def __init__(self, tend: Tend, *, at_once: int) -> None:
        self._tend = tend
        self._entries: dict[Ref, _Entry] = {}
        self._ready: asyncio.Queue[Ref] = asyncio.Queue()
        self._at_once = at_once
        self._may_run = asyncio.Event()

    def add(self, ref: Ref, *, thoroughly: bool) -> None:
        """Have it looked after soon."""
        entry = self._entries.setdefault(ref, _Entry())
        entry.is_thorough = entry.is_thorough or thoroughly
        if entry.timer is not None:
            entry.timer.cancel()
            entry.timer = None
        if not entry.is_due:
            entry.is_due = True
            if not entry.is_running:
                self._ready.put_nowait(ref)

    def forget(self, ref: Ref) -> None:
        """There is no such Agent any more."""
        entry = self._entries.get(ref)
        if entry is not None and not entry.is_due and entry.timer is None:
            del self._entries[ref]

    def resume(self) -> None:
        self._may_run.set()

    def pause(self) -> None:
        """Take up nothing new; what runs goes on."""
        self._may_run.clear()

    async def work(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._at_once):
                group.create_task(self._worker())

    async def _worker(self) -> None:
        while True:
            ref = await self._ready.get()
            await self._may_run.wait()
            await self._run(ref, self._entries[ref])

    async def _run(self, ref: Ref, entry: _Entry) -> None:
        is_thorough, entry.is_thorough, entry.is_due, entry.is_running = entry.is_thorough, False, False, True
        began_s, outcome = time.monotonic(), "failed"
        try:
            with log_context(agent=f"{ref.namespace}/{ref.name}"):
                await self._tend(ref, is_thorough)
            entry.failures, outcome = 0, "done"
        except OblivionFailure as failure:
            outcome = "again_later"
            after_s = failure.retry_after_s if isinstance(failure, TransientFailure) else None
            self._retry(ref, entry, after_s)
            _log.info("tried again later", code=failure.code, reason=failure.message, failures=entry.failures)
        except Exception:  # One Agent's trouble must not stop the others.
            self._retry(ref, entry, LONGEST_RETRY_S / 4)
            _log.exception("agent could not be looked after", agent=f"{ref.namespace}/{ref.name}")
        finally:
            TENDED.labels(outcome).observe(time.monotonic() - began_s)
            entry.is_running = False
            if entry.is_due:
                self._ready.put_nowait(ref)

    def _retry(self, ref: Ref, entry: _Entry, after_s: float | None) -> None:
        entry.failures += 1
        entry.is_thorough = True
        backoff_s = min(FIRST_RETRY_S * 2 ** (entry.failures - 1), LONGEST_RETRY_S)
        delay_s = backoff_s if after_s is None else after_s
        if not entry.is_due:
            loop = asyncio.get_running_loop()
            entry.timer = loop.call_later(delay_s, lambda: self.add(ref, thoroughly=True))
