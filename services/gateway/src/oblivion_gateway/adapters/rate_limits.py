"""How often somebody may ask: counted in Redis over a moving minute; Redis away, in this process alone."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from oblivion_gateway.domain.allowances import Allowance, Limit
from oblivion_platform.logging import get_logger

TIMEOUT_S = 0.5
ASK_REDIS_AGAIN_AFTER_S = 2.0

ResultT = TypeVar("ResultT")
_log = get_logger(__name__)


class RedisRateLimits:
    """Implements `usecases.limit_requests.Counters`."""

    def __init__(self, redis_url: str) -> None:
        self._redis = Redis.from_url(  # pyright: ignore[reportUnknownMemberType]
            redis_url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, retry=Retry(NoBackoff(), 1)
        )
        options: dict[str, Any] = {"connection_pool": self._redis.connection_pool}
        storage = RedisStorage(f"async+{redis_url}", implementation="redispy", key_prefix="t", **options)
        self._shared = MovingWindowRateLimiter(storage)
        self._own = MovingWindowRateLimiter(MemoryStorage())
        self._ask_redis_from = 0.0

    async def take(self, limits: Sequence[Limit]) -> list[Allowance]:
        """One of each, and what is left of it."""
        return list(await asyncio.gather(*(self._take(limit) for limit in limits)))

    async def close(self) -> None:
        await self._redis.aclose()

    async def _take(self, limit: Limit) -> Allowance:
        item = RateLimitItemPerMinute(limit.per_minute, namespace=f"{limit.space}:requests")
        return await self._either(
            lambda: _hit(self._shared, item, limit), lambda: _hit(self._own, item, limit)
        )

    async def _either(
        self, shared: Callable[[], Awaitable[ResultT]], own: Callable[[], Awaitable[ResultT]]
    ) -> ResultT:
        if time.monotonic() >= self._ask_redis_from:
            try:
                return await shared()
            except (RedisError, OSError, TimeoutError) as error:
                self._ask_redis_from = time.monotonic() + ASK_REDIS_AGAIN_AFTER_S
                _log.warning("requests are counted here alone", cause=type(error).__name__)
        return await own()


async def _hit(limiter: MovingWindowRateLimiter, item: RateLimitItem, limit: Limit) -> Allowance:
    granted = await limiter.hit(item, limit.key)
    window = await limiter.get_window_stats(item, limit.key)
    return Allowance(limit, granted, window.remaining, max(0.0, window.reset_time - time.time()))
