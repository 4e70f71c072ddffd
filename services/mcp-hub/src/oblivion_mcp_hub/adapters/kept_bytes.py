"""How much of a tenant's answers is kept in Redis, where the queues of all tenants are: bounded, by count.

What nobody has taken yet counts for as long as it is kept; what was delivered, for the minute that it is kept
on. Both are counted in windows, so up to twice as much is there for a moment.
"""

from uuid import UUID

from redis.asyncio import Redis

UNDELIVERED_MAX = 64 * 1024 * 1024
A_MINUTE_MAX = 64 * 1024 * 1024


class KeptBytes:
    """Of all tenants. Raises, wherever: what Redis does when it is away."""

    def __init__(self, redis: Redis, kept_s: int) -> None:
        self._redis = redis
        self._kept_s = kept_s

    async def has_room(self, tenant_id: UUID) -> bool:
        undelivered, of_minute = await self._redis.mget(_undelivered(tenant_id), _of_minute(tenant_id))
        return int(undelivered or 0) < UNDELIVERED_MAX and int(of_minute or 0) < A_MINUTE_MAX

    async def take(self, tenant_id: UUID, size: int) -> bool:
        """Count it, unless it is too much."""
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.incrby(_undelivered(tenant_id), size)
            pipe.expire(_undelivered(tenant_id), self._kept_s, nx=True)
            pipe.incrby(_of_minute(tenant_id), size)
            pipe.expire(_of_minute(tenant_id), 60, nx=True)
            undelivered, _, of_minute, _ = await pipe.execute()
        if undelivered <= UNDELIVERED_MAX and of_minute <= A_MINUTE_MAX:
            return True
        await self.give_back(tenant_id, size)
        return False

    async def give_back(self, tenant_id: UUID, size: int) -> None:
        """Somebody has it, or it was not kept. A window that has ended meanwhile counts it no more."""
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.decrby(_undelivered(tenant_id), size)
            pipe.expire(_undelivered(tenant_id), self._kept_s, nx=True)
            await pipe.execute()


def _undelivered(tenant_id: UUID) -> str:
    return f"t:{tenant_id}:mcp:kept:undelivered"


def _of_minute(tenant_id: UUID) -> str:
    return f"t:{tenant_id}:mcp:kept:minute"
