"""Waits where a budget says so: a fill that began again each minute would never end."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from oblivion_platform.errors import RateLimited

MOST_WAITS = 10
"""For one request, after which the next look begins anew; what was found is stored by then."""
WAIT_S = 60.0
LONGEST_WAIT_S = 120.0

_Answer = TypeVar("_Answer")


async def patiently(
    ask: Callable[[], Awaitable[_Answer]], sleep: Callable[[float], Awaitable[None]]
) -> _Answer:
    """The answer, once there is room for the question.

    Raises:
        RateLimited: there was none at any of the tries; and what `ask` raises.
    """
    for _ in range(MOST_WAITS):
        try:
            return await ask()
        except RateLimited as limited:
            wanted_s = WAIT_S if limited.retry_after_s is None else limited.retry_after_s
            await sleep(min(wanted_s, LONGEST_WAIT_S))
    return await ask()
