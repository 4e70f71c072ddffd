"""A tenant's stream → batches of lines after a cursor, with a word where lines are missing.

The line at the cursor is read again with those after it: if it is not there any more, neither may be what
followed it.
"""

import time
from typing import Any
from uuid import UUID

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from oblivion_contracts.feed import FEED_START, FeedBatch, FeedLine
from oblivion_contracts.queues import BreakerView
from oblivion_platform.errors import DependencyUnavailable
from oblivion_platform.feed.lines import FIELD, feed_key, restored
from oblivion_platform.feed.open_breakers import breakers_key, open_breakers
from oblivion_platform.logging import get_logger

LINES_AT_FIRST = 500
LINES_AT_ONCE = 500
REDIS_TIMEOUT_S = 5.0

_log = get_logger(__name__)


class FeedReader:
    """One per process."""

    def __init__(self, redis_url: str) -> None:
        self._redis: Any = Redis.from_url(  # pyright: ignore[reportUnknownMemberType]
            redis_url,
            socket_timeout=REDIS_TIMEOUT_S,
            socket_connect_timeout=REDIS_TIMEOUT_S,
            retry=Retry(NoBackoff(), 1),
        )

    async def newest(self, tenant_id: UUID) -> FeedBatch:
        """The last lines there are.

        Raises:
            DependencyUnavailable
        """
        entries = await self._asked("xrevrange", feed_key(tenant_id), "+", "-", count=LINES_AT_FIRST)
        entries.reverse()
        return _batch(entries, FEED_START)

    async def after(self, tenant_id: UUID, cursor: str) -> FeedBatch:
        """The next lines after that one; none, if nothing has happened since.

        Raises:
            DependencyUnavailable
        """
        entries = await self._asked("xrange", feed_key(tenant_id), cursor, "+", count=LINES_AT_ONCE + 1)
        if entries and entries[0][0].decode() == cursor:
            return _batch(entries[1:], cursor)
        if cursor == FEED_START:
            return _batch(entries[:LINES_AT_ONCE], cursor)
        if entries:
            return _batch(entries[:LINES_AT_ONCE], cursor, has_gap=True)
        # Redis has forgotten, or come back with what it knew earlier: go on from where it is now.
        last = await self._asked("xrevrange", feed_key(tenant_id), "+", "-", count=1)
        return FeedBatch(cursor=last[0][0].decode() if last else FEED_START, lines=[], has_gap=True)

    async def breakers(self, tenant_id: UUID) -> list[BreakerView]:
        """Those of all processes that are open now.

        Raises:
            DependencyUnavailable
        """
        found: dict[bytes, bytes] = await self._asked("hgetall", breakers_key(tenant_id))
        return open_breakers(((name.decode(), at.decode()) for name, at in found.items()), time.time())

    async def close(self) -> None:
        await self._redis.aclose()

    async def _asked(self, command: str, *arguments: Any, **options: Any) -> Any:
        try:
            return await getattr(self._redis, command)(*arguments, **options)
        except (RedisError, OSError, TimeoutError) as error:
            raise DependencyUnavailable(
                "redis_unavailable", f"Redis does not answer ({type(error).__name__})"
            ) from None


def _batch(entries: list[Any], cursor: str, *, has_gap: bool = False) -> FeedBatch:
    reached = entries[-1][0].decode() if entries else cursor
    lines = [line for entry in entries if (line := _line(*entry)) is not None]
    return FeedBatch(cursor=reached, lines=lines, has_gap=has_gap)


def _line(cursor: bytes, fields: dict[bytes, bytes]) -> FeedLine | None:
    try:
        return restored(cursor.decode(), fields[FIELD.encode()])
    except (ValueError, KeyError):
        _log.info("a line of the feed is of another version")
        return None
