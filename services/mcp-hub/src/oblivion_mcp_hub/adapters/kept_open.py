"""Something that has to be entered and left by one and the same task, kept open for whoever needs it.

    client = KeptOpen(lambda: Client(transport), drain_s=60.0)
    async with client.use() as opening:
        await opening.thing.call_tool(…)

It is opened at its first use. Who finds it broken lets go of that very opening: the next use opens another
one, and those who use the one before end in peace on it, within `drain_s`.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Generic, TypeVar

from oblivion_platform.tasks import end

DRAINING_MAX = 8
"""Openings that were let go; of more, the oldest is closed at once."""
CLOSES_WITHIN_S = 10.0
"""Longer than the SDK waits for a child that is asked to end, and then made to."""
OpenT = TypeVar("OpenT")
Opener = Callable[[], AbstractAsyncContextManager[OpenT]]


class Opening(Generic[OpenT]):
    """One time that it is open."""

    def __init__(self, context: AbstractAsyncContextManager[OpenT], drain_s: float) -> None:
        self._drain_s = drain_s
        self._users = 0
        self._unused = asyncio.Event()
        self._let_go = asyncio.Event()
        self._opened: asyncio.Future[OpenT] = asyncio.get_running_loop().create_future()
        # Nobody may be waiting any more when it fails.
        self._opened.add_done_callback(lambda future: future.cancelled() or future.exception())
        self.holding = asyncio.create_task(self._hold(context), name="kept open")

    @property
    def thing(self) -> OpenT:
        return self._opened.result()

    @property
    def is_usable(self) -> bool:
        return not self._let_go.is_set() and not self.holding.done()

    def let_go(self) -> None:
        """It may be broken, or is not wanted any more; it is closed once nobody uses it."""
        self._let_go.set()

    def cut_off(self) -> None:
        """It is closed at once, whoever uses it.

        By no cancellation once it is open: that could break off its closing, and leave a child process there.
        """
        self._let_go.set()
        self._unused.set()
        if not self._opened.done():
            self.holding.cancel()

    @asynccontextmanager
    async def used(self) -> AsyncGenerator[None]:
        """Raises: whatever broke while it was opened."""
        self._users += 1
        self._unused.clear()
        try:
            await asyncio.shield(self._opened)  # Others wait for the same.
            yield
        finally:
            self._users -= 1
            if not self._users:
                self._unused.set()

    async def _hold(self, context: AbstractAsyncContextManager[OpenT]) -> None:
        try:
            async with context as thing:
                self._opened.set_result(thing)
                await self._let_go.wait()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._drain_s):
                        await self._unused.wait()
        except asyncio.CancelledError:
            if not self._opened.done():
                # No cancellation: those who wait were not cancelled.
                self._opened.set_exception(ConnectionAbortedError("closed while it was opened"))
            raise
        except Exception as error:
            # What breaks later, users find out.
            if not self._opened.done():
                self._opened.set_exception(error)


class KeptOpen(Generic[OpenT]):
    """One such thing, through all its openings."""

    def __init__(self, opener: Opener[OpenT], drain_s: float) -> None:
        self._opener = opener
        self._drain_s = drain_s
        self._is_over = False
        self._current: Opening[OpenT] | None = None
        self._openings: list[Opening[OpenT]] = []
        """Those that are not closed yet, the oldest first."""

    @asynccontextmanager
    async def use(self) -> AsyncGenerator[Opening[OpenT]]:
        """It, open. Raises: whatever broke while it was opened."""
        if self._is_over:
            raise ConnectionAbortedError("not wanted any more")
        opening = self._current
        if opening is None or not opening.is_usable:
            opening = self._current = self._open()
        async with opening.used():
            yield opening

    def let_go(self) -> None:
        """The next use opens it anew."""
        if self._current is not None:
            self._current.let_go()

    async def drain(self) -> None:
        """It is not wanted any more: closed once nobody uses it, or at once when this is cancelled."""
        self._is_over = True
        self.let_go()
        try:
            while self._openings:
                await asyncio.wait({each.holding for each in self._openings})
        finally:
            await self.close()

    async def close(self) -> None:
        """Whoever uses it now is cut off."""
        holding = [each.holding for each in self._openings]
        for each in self._openings:
            each.cut_off()
        if holding:
            await asyncio.wait(holding, timeout=CLOSES_WITHIN_S)
        await end(*holding)

    def _open(self) -> Opening[OpenT]:
        if len(self._openings) > DRAINING_MAX:
            self._openings[0].cut_off()
        opening = Opening(self._opener(), self._drain_s)
        self._openings.append(opening)
        opening.holding.add_done_callback(lambda _: self._openings.remove(opening))
        return opening
