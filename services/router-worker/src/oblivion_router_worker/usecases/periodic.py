"""Runs something again and again, whatever happens to it."""

import asyncio
import random
from collections.abc import Awaitable, Callable

from oblivion_platform.errors import OblivionFailure
from oblivion_platform.logging import get_logger

_log = get_logger(__name__)


async def every(period_s: float, name: str, do: Callable[[], Awaitable[None]]) -> None:
    """Call `do` until cancelled, with a little jitter, so that replicas do not march in step."""
    while True:
        try:
            await do()
        except OblivionFailure as failure:
            _log.warning("periodic_waits", name=name, code=failure.code)
        except Exception:  # The top of a loop that must not end.
            _log.exception("periodic_failed", name=name)
        await asyncio.sleep(period_s * random.uniform(0.8, 1.2))  # noqa: S311 - spreads load
