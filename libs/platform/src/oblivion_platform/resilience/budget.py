"""Rate budgets shared by all replicas: how often a channel may be written to, a token may be used.

    wait_s = await budget.acquire(tenant_id, f"clickup:{token_id}", Rate(100, per_s=60))

Counted in Redis over a moving window. Redis away: each process counts for itself until it is back; that is
too generous by the number of replicas, and what the other side then refuses comes back through `pause`.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from oblivion_platform.logging import get_logger

ResultT = TypeVar("ResultT")

REDIS_TIMEOUT_S = 1.0
ASK_REDIS_AGAIN_AFTER_S = 2.0
SHORTEST_WAIT_S = 0.01
_KEY_PREFIX = "t"  # Every key of a tenant begins with t:{tenant}:

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `amount` in any `per_s` seconds."""

    amount: int
    per_s: int = 1

    def of_tenant(self, tenant_id: UUID) -> RateLimitItem:
        return RateLimitItemPerSecond(self.amount, self.per_s, namespace=f"{tenant_id}:budget")


class Budget:
    """Takes from budgets by key; one per process."""

    def __init__(self, redis_url: str) -> None:
        self._redis = Redis.from_url(  # pyright: ignore[reportUnknownMemberType]
            redis_url,
            socket_timeout=REDIS_TIMEOUT_S,
            socket_connect_timeout=REDIS_TIMEOUT_S,
            # One more try finds a restarted Redis behind a dead connection; more would make callers wait.
            retry=Retry(NoBackoff(), 1),
        )
        options: dict[str, Any] = {"connection_pool": self._redis.connection_pool}
        storage = RedisStorage(
            f"async+{redis_url}", implementation="redispy", key_prefix=_KEY_PREFIX, **options
        )
        self._shared = MovingWindowRateLimiter(storage)
        self._own = MovingWindowRateLimiter(MemoryStorage())
        self._paused_until: dict[str, float] = {}
        self._ask_redis_from = 0.0

    async def acquire(
        self, tenant_id: UUID, key: str, rate: Rate, *, cost: int = 1, headroom: int = 0
    ) -> float:
        """Take `cost` and return 0; or take nothing and return the seconds after which to ask again.

        `headroom` is left for others: less urgent work asks with a higher one.
        """
        paused_s = await self.paused_for_s(tenant_id, key)
        if paused_s > 0:
            return paused_s
        item = rate.of_tenant(tenant_id)
        return await self._either(
            lambda: _take(self._shared, item, key, cost, headroom),
            lambda: _take(self._own, item, key, cost, headroom),
        )

    async def pause(self, tenant_id: UUID, key: str, for_s: float) -> None:
        """Grant nothing to anybody for `for_s`: the other side has said so (`Retry-After`)."""
        name = _pause_key(tenant_id, key)
        self._paused_until[name] = max(time.monotonic() + for_s, self._paused_until.get(name, 0.0))

        async def tell_all() -> None:
            await self._redis.set(name, 1, px=max(1, int(for_s * 1000)))

        await self._either(tell_all, _nothing)

    async def paused_for_s(self, tenant_id: UUID, key: str) -> float:
        """How long `pause` still binds; 0: not at all. For what has no budget of its own."""
        name = _pause_key(tenant_id, key)
        own_s = self._paused_until.get(name, 0.0) - time.monotonic()
        if own_s > 0:
            return own_s
        self._paused_until.pop(name, None)

        async def ask() -> float:
            return max(0, await self._redis.pttl(name)) / 1000

        return await self._either(ask, _zero)

    async def close(self) -> None:
        await self._redis.aclose()

    async def _either(
        self, shared: Callable[[], Awaitable[ResultT]], own: Callable[[], Awaitable[ResultT]]
    ) -> ResultT:
        """Ask Redis, and ourselves while it is away; an absent Redis is asked every few seconds only."""
        if time.monotonic() >= self._ask_redis_from:
            try:
                return await shared()
            except (RedisError, OSError, TimeoutError) as error:
                self._ask_redis_from = time.monotonic() + ASK_REDIS_AGAIN_AFTER_S
                _log.warning("budgets are counted here alone", cause=type(error).__name__)
        return await own()


def _pause_key(tenant_id: UUID, key: str) -> str:
    return f"{_KEY_PREFIX}:{tenant_id}:budget-pause/{key}"


async def _take(
    limiter: MovingWindowRateLimiter, item: RateLimitItem, key: str, cost: int, headroom: int
) -> float:
    allowed = headroom == 0 or await limiter.test(item, key, cost=cost + headroom)
    if allowed and await limiter.hit(item, key, cost=cost):
        return 0.0
    reset_at = (await limiter.get_window_stats(item, key)).reset_time
    return max(SHORTEST_WAIT_S, reset_at - time.time())


async def _nothing() -> None:
    return None


async def _zero() -> float:
    return 0.0
