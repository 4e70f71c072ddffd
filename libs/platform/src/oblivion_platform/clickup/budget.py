"""How many requests a token has left in ClickUp's current minute, as its own headers tell.

Every answer carries X-RateLimit-Limit, -Remaining and -Reset (Unix time).
Source: https://developer.clickup.com/docs/rate-limits
"""

import time
from collections.abc import Callable, Mapping
from enum import Enum

from oblivion_platform.errors import RateLimited

ASSUMED_LIMIT = 100
"""Requests a minute on the common plans; used until the first answer tells."""
WINDOW_S = 60.0


class Use(Enum):
    """What a request is for; the value is the share of the limit that it must leave to more urgent ones."""

    CREATION = 0.0
    CHANGE = 0.1
    GAP_FILLING = 0.5


class TokenBudget:
    """The window of one token. Counts what is on its way, so that a burst does not overdraw it."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._limit = ASSUMED_LIMIT
        self._remaining = ASSUMED_LIMIT
        self._reset_at = 0.0
        self._on_their_way = 0

    @property
    def remaining(self) -> int:
        return self._remaining

    def spend(self, use: Use) -> None:
        """Take one request out of the window; to be followed by `learn` when it has ended.

        Raises:
            RateLimited: what is left is for more urgent uses, until the window ends.
        """
        now = self._clock()
        if now >= self._reset_at:
            self._remaining = self._limit - self._on_their_way
            self._reset_at = now + WINDOW_S
        if self._remaining <= int(self._limit * use.value):
            raise RateLimited(
                "clickup_budget_spent",
                "the ClickUp token's requests of this minute are used up; it goes on when the minute is over",
                retry_after_s=max(0.05, self._reset_at - now),
            )
        self._remaining -= 1
        self._on_their_way += 1

    def learn(self, headers: Mapping[str, str]) -> None:
        """Note that a request ended, and what its answer told; no headers (no answer) tell nothing."""
        self._on_their_way -= 1
        limit, remaining, reset_at = (
            _number(headers.get(f"X-RateLimit-{name}")) for name in ("Limit", "Remaining", "Reset")
        )
        if limit is None or remaining is None or reset_at is None or limit < 1:
            return
        self._limit = limit
        self._remaining = remaining - self._on_their_way
        # A clock that runs apart from ClickUp's must not stop us for longer than a window.
        self._reset_at = min(float(reset_at), self._clock() + WINDOW_S)


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 16 else None
