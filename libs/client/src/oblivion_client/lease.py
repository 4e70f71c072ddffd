"""The lease of a run: how long it is certain to be ours."""

import asyncio
import time
from collections.abc import Callable


class Lease:
    """Counts from when a confirmed message was sent, not from its answer: never longer than the server's."""

    def __init__(self, lease_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._lease_s = lease_s
        self._clock = clock
        self._confirmed_at = clock()

    def now(self) -> float:
        return self._clock()

    def confirm(self, sent_at: float) -> None:
        """The server acknowledged what was sent then."""
        self._confirmed_at = max(self._confirmed_at, sent_at)

    @property
    def left_s(self) -> float:
        return self._confirmed_at + self._lease_s - self._clock()

    async def lost(self) -> None:
        """Return when nobody has confirmed it for its whole length."""
        while (left_s := self.left_s) > 0:  # noqa: ASYNC110 - a clock has no event to await
            await asyncio.sleep(left_s)
