"""Bounded waiting: the only way in which tests wait for something."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

ResultT = TypeVar("ResultT")

POLL_S = 0.01
PATIENCE_S = 60.0
"""On a busy machine. A wait that succeeds costs nothing by being longer."""


async def eventually(
    assertion: Callable[[], ResultT | Awaitable[ResultT]], *, within_s: float = PATIENCE_S
) -> ResultT:
    """Call `assertion` until it neither raises AssertionError nor returns False; return what it returned.

    Raises:
        AssertionError: the last one, once `within_s` is over.
    """
    deadline = time.monotonic() + within_s
    while True:
        try:
            return await _hold(assertion, deadline)
        except AssertionError:
            if time.monotonic() >= deadline:
                raise
        await asyncio.sleep(POLL_S)


async def _hold(assertion: Callable[[], ResultT | Awaitable[ResultT]], deadline: float) -> ResultT:
    pending = assertion()
    if inspect.isawaitable(pending):
        try:
            async with asyncio.timeout(max(POLL_S, deadline - time.monotonic())):
                result = cast("ResultT", await pending)
        except TimeoutError:
            raise AssertionError("the awaited condition did not answer in time") from None
    else:
        result = cast("ResultT", pending)
    assert result is not False, "the condition did not become true in time"  # noqa: S101 - its purpose
    return result
