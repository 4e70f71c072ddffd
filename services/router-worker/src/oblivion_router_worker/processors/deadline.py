"""An end to waiting for what does not even notice that it is cancelled.

A stopped Postgres keeps its connections open and answers nothing: the driver, cancelled, waits for it all the
same. So the call is left behind, not waited for; it ends, rolled back, once the other side moves again.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from oblivion_platform.errors import DependencyUnavailable

_ResultT = TypeVar("_ResultT")
_left_behind: set[asyncio.Task[Any]] = set()


async def within(call: Coroutine[Any, Any, _ResultT], limit_s: float) -> _ResultT:
    """Return what `call` returns.

    Raises:
        DependencyUnavailable: it took longer, and is cancelled.
    """
    task = asyncio.create_task(call)
    try:
        done, _ = await asyncio.wait({task}, timeout=limit_s)
    finally:
        if not task.done():
            _leave(task)
    if not done:
        raise DependencyUnavailable("handling_timed_out", f"nothing came of it within {limit_s:g} s")
    return task.result()


def _leave(task: asyncio.Task[Any]) -> None:
    _left_behind.add(task)
    task.add_done_callback(_forget)
    task.cancel()


def _forget(task: asyncio.Task[Any]) -> None:
    _left_behind.discard(task)
    if not task.cancelled():
        task.exception()  # Asked for, or asyncio would print it with its values.
