"""Redis as the hub uses it: nobody waits for long, and who cannot be answered goes on without."""

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

TIMEOUT_S = 0.5
AWAY = (RedisError, OSError, TimeoutError)


def few_at_once(redis_url: str, timeout_s: float, most: int, wait_s: float) -> Redis:
    """A client of at most so many connections; who finds none within `wait_s` goes on without."""
    pool = BlockingConnectionPool.from_url(  # pyright: ignore[reportUnknownMemberType]
        redis_url,
        max_connections=most,
        timeout=wait_s,
        socket_timeout=timeout_s,
        socket_connect_timeout=TIMEOUT_S,
        retry=Retry(NoBackoff(), 1),
        decode_responses=True,
    )
    return Redis.from_pool(pool)


def short_lived(redis_url: str, timeout_s: float = TIMEOUT_S) -> Redis:
    """A client whose requests end within `timeout_s`."""
    return Redis.from_url(  # pyright: ignore[reportUnknownMemberType]
        redis_url,
        socket_timeout=timeout_s,
        socket_connect_timeout=TIMEOUT_S,
        # One more try finds a restarted Redis behind a dead connection.
        retry=Retry(NoBackoff(), 1),
        decode_responses=True,
    )
