"""How often a person, and a tenant, may ask: the same counts as those of the REST API, in Redis.

Redis away: each process counts for itself.
"""

import asyncio
import time
from typing import Any
from uuid import UUID

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from oblivion_platform.logging import get_logger

TIMEOUT_S = 0.5
ASK_REDIS_AGAIN_AFTER_S = 2.0

_log = get_logger(__name__)


class MentionLimits:
    """Implements `ports.running.Allowances`."""

    def __init__(self, redis_url: str, *, user_per_minute: int, tenant_per_minute: int) -> None:
        self._redis = Redis.from_url(  # pyright: ignore[reportUnknownMemberType]
            redis_url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, retry=Retry(NoBackoff(), 1)
        )
        options: dict[str, Any] = {"connection_pool": self._redis.connection_pool}
        storage = RedisStorage(f"async+{redis_url}", implementation="redispy", key_prefix="t", **options)
        self._shared = MovingWindowRateLimiter(storage)
        self._own = MovingWindowRateLimiter(MemoryStorage())
        self._ask_redis_from = 0.0
        self._per_minute = (user_per_minute, tenant_per_minute)

    async def take(self, tenant_id: UUID, user_id: UUID) -> float:
        user, tenant = self._per_minute
        space = f"{tenant_id}:requests"
        return max(
            await asyncio.gather(
                self._hit(RateLimitItemPerMinute(user, namespace=space), f"user:{user_id}"),
                self._hit(RateLimitItemPerMinute(tenant, namespace=space), "all"),
            )
        )

    async def close(self) -> None:
        await self._redis.aclose()

    async def _hit(self, item: RateLimitItem, key: str) -> float:
        if time.monotonic() >= self._ask_redis_from:
            try:
                return await _taken(self._shared, item, key)
            except (RedisError, OSError, TimeoutError) as error:
                self._ask_redis_from = time.monotonic() + ASK_REDIS_AGAIN_AFTER_S
                _log.warning("mentions are counted here alone", cause=type(error).__name__)
        return await _taken(self._own, item, key)


async def _taken(limiter: MovingWindowRateLimiter, item: RateLimitItem, key: str) -> float:
    if await limiter.hit(item, key):
        return 0.0
    window = await limiter.get_window_stats(item, key)
    return max(1.0, window.reset_time - time.time())
