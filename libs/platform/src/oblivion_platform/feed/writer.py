"""Lines of this process → the streams of their tenants, in the background.

`tell` appends to a list and returns. Ten times a second what has come together goes to Redis in one round
trip, at most `LINES_PER_FLUSH` of it, so that a burst costs little. Tenants take turns, and each has a room
of its own to wait in: one that floods its feed makes gaps in nobody else's. What does not fit, and what Redis
did not take, is counted and told as a gap before the tenant's next line. A process that is killed loses what
it has not written yet.
"""

import asyncio
import time
from collections import Counter, OrderedDict, defaultdict, deque
from contextvars import Context
from typing import Any, Protocol
from uuid import UUID, uuid4

from prometheus_client import Counter as Metric
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from oblivion_contracts.feed import FeedSource
from oblivion_platform.feed.lines import FIELD, Line, feed_key, gap, stored
from oblivion_platform.feed.open_breakers import HEARD_WITHIN_S, breaker_field, breakers_key
from oblivion_platform.logging import get_logger

LINES_KEPT = 10_000
"""Of one tenant, about; Redis cuts whole nodes of the stream."""
KEPT_S = 7 * 24 * 3600
FLUSH_EVERY_S = 0.1
AWAY_S = 1.0
"""Until Redis is tried again."""
LINES_PER_FLUSH = 200
LINES_WAITING_MAX = 2_000
"""Of one tenant."""
LINES_SHARED = 20_000
"""What the rooms of many tenants are cut from: the more of them wait, the less room each has."""
REDIS_TIMEOUT_S = 5.0
"""Nobody waits for it but the next flush."""

_DROPPED = Metric("oblivion_feed_lines_dropped", "Lines of the live feed that were not written.", ["why"])
_log = get_logger(__name__)


class Teller(Protocol):
    """Who is told what happens, and never holds anybody up."""

    def tell(self, tenant_id: UUID, line: Line) -> None: ...


class Feed:
    """Implements `Teller`; one per process."""

    def __init__(self, redis_url: str, source: FeedSource, *, lines_kept: int = LINES_KEPT) -> None:
        self._redis: Any = Redis.from_url(  # pyright: ignore[reportUnknownMemberType]
            redis_url,
            socket_timeout=REDIS_TIMEOUT_S,
            socket_connect_timeout=REDIS_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
        )
        self._source: FeedSource = source
        self._process = uuid4().hex[:12]
        self._lines_kept = lines_kept
        self._waiting: OrderedDict[UUID, deque[tuple[Line, float]]] = OrderedDict()
        self._dropped: Counter[UUID] = Counter()
        self._flushing: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    def tell(self, tenant_id: UUID, line: Line) -> None:
        waiting = self._waiting.setdefault(tenant_id, deque())
        if len(waiting) >= min(LINES_WAITING_MAX, max(1, LINES_SHARED // len(self._waiting))):
            self._dropped[tenant_id] += 1
            _DROPPED.labels("too_many").inc()
        else:
            waiting.append((line, time.time()))
        if self._flushing is None and not self._closing.is_set():
            # Of whoever happened to tell first, neither trace nor log context has to do with the others.
            self._flushing = asyncio.create_task(
                self._flush_while_there_are_lines(), name="live feed", context=Context()
            )

    @property
    def lines_dropped(self) -> int:
        """That were not told as a gap yet."""
        return self._dropped.total()

    async def close(self) -> None:
        """Write what waits, once, and disconnect."""
        self._closing.set()
        if self._flushing is not None:
            await self._flushing
        await self._redis.aclose()

    async def _flush_while_there_are_lines(self) -> None:
        try:
            while self._waiting or self._dropped:
                await self._closing_within(FLUSH_EVERY_S)
                if not await self._written(self._taken()):
                    if self._closing.is_set():
                        return
                    await self._closing_within(AWAY_S)
        finally:
            self._flushing = None

    def _taken(self) -> list[tuple[UUID, Line, float]]:
        """The next lines to write, of each tenant one in turn."""
        lines: list[tuple[UUID, Line, float]] = []
        while self._waiting and len(lines) < LINES_PER_FLUSH:
            tenant_id, waiting = self._waiting.popitem(last=False)
            lines.append((tenant_id, *waiting.popleft()))
            if waiting:
                self._waiting[tenant_id] = waiting
        return lines

    async def _closing_within(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._closing.wait()
        except TimeoutError:
            return

    async def _written(self, lines: list[tuple[UUID, Line, float]]) -> bool:
        dropped, self._dropped = self._dropped, Counter()
        now = time.time()
        of_tenant: dict[UUID, list[str]] = defaultdict(list)
        for tenant_id, count in dropped.items():
            of_tenant[tenant_id].append(stored(gap(count), self._source, now))
        for tenant_id, line, at in lines:
            of_tenant[tenant_id].append(stored(line, self._source, at))
        pipeline = self._redis.pipeline(transaction=False)
        for tenant_id, texts in of_tenant.items():
            # One command: packing one for each line would cost several times as much.
            pipeline.eval(_ADD, 1, feed_key(tenant_id), self._lines_kept, KEPT_S, *texts)
        for tenant_id, line, at in lines:
            if line.provider:
                self._keep_breaker(pipeline, tenant_id, line, at)
        try:
            await pipeline.execute()
        except (RedisError, OSError, TimeoutError) as error:
            # Some may have been written: sent again, they would show twice.
            self._dropped.update(dropped)
            self._dropped.update(tenant_id for tenant_id, _, _ in lines)
            _DROPPED.labels("redis_away").inc(len(lines))
            _log.info("lines of the feed were not written", lines=len(lines), cause=type(error).__name__)
            return False
        return True

    def _keep_breaker(self, pipeline: Any, tenant_id: UUID, line: Line, at_unix_s: float) -> None:
        """Whoever looks sees what is open now, without reading all that happened since."""
        key, field = breakers_key(tenant_id), breaker_field(self._source, self._process, line.provider)
        if line.kind == "breaker.opened":
            pipeline.hset(key, field, f"{at_unix_s:.3f}")
            pipeline.expire(key, HEARD_WITHIN_S)
        else:
            pipeline.hdel(key, field)


_ADD = f"""
for i = 3, #ARGV do
    redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', '{FIELD}', ARGV[i])
end
redis.call('EXPIRE', KEYS[1], ARGV[2])
"""
