"""Rate limits as the two services keep them, in memory: a restart forgives, as theirs may."""

import math
import time
from dataclasses import dataclass


@dataclass
class _Bucket:
    tokens: float
    seen_s: float


class TokenBuckets:
    """Refilling allowances by key: `burst` at once, `per_s` in the long run."""

    def __init__(self) -> None:
        self._buckets: dict[str, _Bucket] = {}

    def take(self, key: str, per_s: float, burst: float) -> int:
        """Use one token; returns 0, or the whole seconds after which one will be there."""
        now_s = time.monotonic()
        bucket = self._buckets.setdefault(key, _Bucket(burst, now_s))
        bucket.tokens = min(burst, bucket.tokens + (now_s - bucket.seen_s) * per_s)
        bucket.seen_s = now_s
        if bucket.tokens >= 1:
            bucket.tokens -= 1
            return 0
        return max(1, math.ceil((1 - bucket.tokens) / per_s))

    def clear(self) -> None:
        self._buckets.clear()


@dataclass(frozen=True)
class Allowance:
    """What is left of a fixed window, as ClickUp's X-RateLimit headers tell it."""

    limit: int
    remaining: int
    reset_s: int
    exceeded: bool


class MinuteWindows:
    """A fixed number of requests a minute by key, counted from the first request of the window."""

    def __init__(self) -> None:
        self._windows: dict[str, tuple[int, int]] = {}

    def take(self, key: str, limit: int) -> Allowance:
        now_s = int(time.time())
        reset_s, used = self._windows.get(key, (0, 0))
        if now_s >= reset_s:
            reset_s, used = now_s + 60, 0
        exceeded = used >= limit
        used = min(limit, used + 1)
        self._windows[key] = (reset_s, used)
        return Allowance(limit, limit - used, reset_s, exceeded)

    def clear(self) -> None:
        self._windows.clear()
