"""At most one operator acts: whoever holds the Lease. The other waits, says so, and takes over by itself.

As client-go does it, ages are counted by our own clock from when a change was seen, so clocks need not agree.
Source: https://pkg.go.dev/k8s.io/client-go/tools/leaderelection
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from oblivion_operator.metrics import LEADING
from oblivion_operator.ports import Clock
from oblivion_platform.errors import OblivionFailure
from oblivion_platform.logging import get_logger

LEASE_NAME = "oblivion-operator"
"""One in the namespace of every system that has an operator."""

_log = get_logger(__name__)


@dataclass(frozen=True)
class Held:
    """The Lease as somebody last wrote it."""

    holder: str
    """Empty: given back."""
    renewed: str
    duration_s: float
    version: str


class Lease(Protocol):
    """One Lease of the cluster. Both raise ClusterUnavailable."""

    async def read(self) -> Held | None: ...

    async def write(self, holder: str, duration_s: float, over: Held | None) -> bool:
        """False: somebody else was faster."""
        ...


class Lead:
    """One per process; `run` it."""

    def __init__(
        self,
        lease: Lease,
        identity: str,
        duration_s: float,
        clock: Clock,
        *,
        gained: Callable[[], object],
        lost: Callable[[], object],
    ) -> None:
        self._lease = lease
        self._identity = identity
        self._duration_s = duration_s
        self._clock = clock
        self._gained = gained
        self._lost = lost
        self._seen: Held | None = None
        self._seen_at_s = 0.0
        self._renewed_at_s = 0.0
        self.is_leading = False
        self.waits_for = ""
        """The identity of the operator that leads instead of us."""

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                self._turn(leads=await self._step())
            except OblivionFailure as failure:
                _log.warning("lease not renewed", reason=failure.message)
                if self._clock.monotonic_s() - self._renewed_at_s > self._duration_s * 2 / 3:
                    self._turn(leads=False)
            await asyncio.sleep(self._duration_s / 4)

    async def give_back(self) -> None:
        """So that the next one need not wait.

        Raises:
            ClusterUnavailable: it runs out by itself.
        """
        if self.is_leading:
            self._turn(leads=False)
            held = await self._lease.read()
            if held is not None and held.holder == self._identity:
                await self._lease.write("", self._duration_s, held)

    async def _step(self) -> bool:
        now_s = self._clock.monotonic_s()
        held = await self._lease.read()
        if held is not None and held.holder not in {"", self._identity} and not self._is_over(held, now_s):
            self._say_why(held.holder)
            return False
        if await self._lease.write(self._identity, self._duration_s, held):
            self._renewed_at_s = now_s
            return True
        return False

    def _is_over(self, held: Held, now_s: float) -> bool:
        if held != self._seen:
            self._seen, self._seen_at_s = held, now_s
        return now_s - self._seen_at_s > held.duration_s

    def _say_why(self, holder: str) -> None:
        if self.waits_for != holder:
            self.waits_for = holder
            _log.warning(
                "another operator leads; this one waits until it stops, and then takes over by itself",
                leader=holder,
            )

    def _turn(self, *, leads: bool) -> None:
        if leads == self.is_leading:
            return
        self.is_leading = leads
        LEADING.set(int(leads))
        _log.info("this operator leads" if leads else "this operator does not lead any more")
        if leads:
            self.waits_for = ""
        (self._gained if leads else self._lost)()
