"""Who has opened their App Home lately: in Redis, because forgetting it costs one visit's freshness."""

import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from oblivion_platform.logging import get_logger
from oblivion_router_worker.domain.identifiers import uuid_or_none
from oblivion_router_worker.ports.running import OpenHome

TIMEOUT_S = 0.5
OPEN_FOR_S = 3600
MOST = 50

_log = get_logger(__name__)


class RedisOpenHomes:
    """Implements `ports.running.OpenHomes`; with Redis away nobody's home counts as open."""

    def __init__(self, redis_url: str) -> None:
        self._redis: Any = Redis.from_url(  # pyright: ignore[reportUnknownMemberType]
            redis_url,
            decode_responses=True,
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            retry=Retry(NoBackoff(), 1),
        )

    async def opened(self, tenant_id: UUID, home: OpenHome) -> None:
        now, key = time.time(), _key(tenant_id)
        try:
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.zremrangebyscore(key, "-inf", now - OPEN_FOR_S)
                pipe.zadd(key, {f"{home.integration_id}:{home.team}:{home.user}": now})
                pipe.expire(key, OPEN_FOR_S)
                await pipe.execute()
        except (RedisError, OSError, TimeoutError) as error:
            _log.info("open home not noted", cause=type(error).__name__)

    async def now(self, tenant_id: UUID) -> Sequence[OpenHome]:
        try:
            members = await self._redis.zrange(
                _key(tenant_id), "+inf", time.time() - OPEN_FOR_S, byscore=True, desc=True, offset=0, num=MOST
            )
        except (RedisError, OSError, TimeoutError) as error:
            _log.info("open homes not known", cause=type(error).__name__)
            return ()
        return [home for member in members if (home := _home(str(member))) is not None]

    async def close(self) -> None:
        await self._redis.aclose()


def _key(tenant_id: UUID) -> str:
    return f"t:{tenant_id}:open-homes"


def _home(member: str) -> OpenHome | None:
    integration, _, rest = member.partition(":")
    team, _, user = rest.partition(":")
    integration_id = uuid_or_none(integration)
    return OpenHome(integration_id, team, user) if integration_id and user else None
