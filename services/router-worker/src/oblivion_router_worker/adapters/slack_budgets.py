"""How often we may call Slack: a message a second per channel with short bursts, and a tier per method.

Kept in the process: the destination of a channel is drained by one replica at a time, and what several
replicas overdraw together, Slack's 429 tells. Source: https://docs.slack.dev/apis/web-api/rate-limits
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from oblivion_platform.errors import RateLimited

MOST_BUCKETS = 20_000


@dataclass(frozen=True, slots=True)
class Allowance:
    """`per_s` in the long run, `burst` at once."""

    per_s: float
    burst: float


@dataclass(slots=True)
class _Bucket:
    tokens: float
    seen_at: float


class SlackBudgets:
    """Token buckets by key."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}

    def spend(self, key: str, allowance: Allowance) -> None:
        """Use one call.

        Raises:
            RateLimited: none is left now.
        """
        now = self._clock()
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = self._new(allowance, now)
        bucket.tokens = min(allowance.burst, bucket.tokens + (now - bucket.seen_at) * allowance.per_s)
        bucket.seen_at = now
        if bucket.tokens < 1:
            message = "our own budget for this Slack channel or method is used up; it goes on by itself"
            wait_s = (1 - bucket.tokens) / allowance.per_s
            raise RateLimited("slack_budget_spent", message, retry_after_s=wait_s)
        bucket.tokens -= 1

    def _new(self, allowance: Allowance, now: float) -> _Bucket:
        if len(self._buckets) >= MOST_BUCKETS:
            self._buckets.clear()  # Forgets who was slow; Slack reminds us.
        return _Bucket(allowance.burst, now)
