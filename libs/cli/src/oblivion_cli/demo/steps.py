"""One step of a story: what is done, and the wait until its effect is really there."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Protocol, TypeVar

from oblivion_cli.errors import CommandFailed

STEP_WITHIN_S = 15.0
POLL_S = 0.02

ResultT = TypeVar("ResultT")


class Narrator(Protocol):
    """Tells people what happens."""

    def done(self, what: str, took_s: float) -> None: ...


@asynccontextmanager
async def step(narrator: Narrator, what: str, within_s: float = STEP_WITHIN_S) -> AsyncGenerator["Step"]:
    """Measure what happens inside, and tell it once it has happened."""
    taken = Step(what, within_s)
    yield taken
    narrator.done(what, taken.elapsed_s)


class Step:
    """Measures one step and waits for its effect."""

    def __init__(self, what: str, within_s: float = STEP_WITHIN_S) -> None:
        self._what = what
        self._within_s = within_s
        self._started_at = time.monotonic()

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self._started_at

    async def until(self, look: Callable[[], Awaitable[ResultT | None]]) -> ResultT:
        """Look until there is something to see.

        Raises:
            CommandFailed: there is nothing after that time.
        """
        while True:
            seen = await look()
            if seen:
                return seen
            if self.elapsed_s > self._within_s:
                raise CommandFailed(
                    f"This did not happen within {self._within_s:.0f} s: {self._what}.",
                    "Run `oblivion doctor`, and see `oblivion dead-letters report`.",
                )
            await asyncio.sleep(POLL_S)


def expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise CommandFailed(f"The story went wrong: {otherwise}.", "See `oblivion events list`.")
