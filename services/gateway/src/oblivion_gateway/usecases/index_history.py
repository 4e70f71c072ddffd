"""Finished runs → the history index. What it lacks is a row without `indexed_at`, so nothing is lost."""

import asyncio
from typing import Protocol

from oblivion_platform.errors import OblivionFailure
from oblivion_platform.logging import get_logger

EVERY_S = 2.0
LONGEST_PAUSE_S = 60.0

_log = get_logger(__name__)


class Unindexed(Protocol):
    """Runs that the index lacks."""

    async def index_some(self) -> int:
        """Put a few into the index; returns how many. Nothing while another gateway does so.

        Raises:
            DependencyUnavailable: the index, the embedder or Postgres is away.
        """
        ...


async def index_for_ever(unindexed: Unindexed, *, every_s: float = EVERY_S) -> None:
    """Go on for as long as the process lives; ever more slowly while the index is away."""
    pause_s = every_s
    while True:
        try:
            done = await unindexed.index_some()
            pause_s = 0.0 if done else every_s
        except OblivionFailure as failure:
            pause_s = min(LONGEST_PAUSE_S, max(every_s, 2 * pause_s))
            _log.info("history was not indexed", code=failure.code, why=failure.message, again_in_s=pause_s)
        except Exception as error:  # The top of a loop that must not end.
            pause_s = LONGEST_PAUSE_S
            _log.error("history was not indexed", error=type(error).__name__, exc_info=error)
        await asyncio.sleep(pause_s)
