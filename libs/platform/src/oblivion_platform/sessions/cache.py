"""Copies of sessions in Redis, for an hour, under their version. Everything here is best effort."""

from typing import Any
from uuid import UUID

from pydantic import ValidationError
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from oblivion_contracts.sessions import SessionSnapshot
from oblivion_platform.logging import get_logger

KEPT_S = 3_600
REDIS_TIMEOUT_S = 0.5

_log = get_logger(__name__)


class SessionCache:
    """One per process. A Redis that is away is a miss."""

    def __init__(self, redis_url: str, *, kept_s: int = KEPT_S) -> None:
        self._redis: Any = Redis.from_url(  # pyright: ignore[reportUnknownMemberType]
            redis_url,
            socket_timeout=REDIS_TIMEOUT_S,
            socket_connect_timeout=REDIS_TIMEOUT_S,
            retry=Retry(NoBackoff(), 1),
        )
        self._kept_s = kept_s
        self._put = self._redis.register_script(_PUT)
        self._outdate = self._redis.register_script(_OUTDATE)

    async def get(self, tenant_id: UUID, session_id: UUID, *, at_least: int = 0) -> SessionSnapshot | None:
        """The copy, unless a newer version is known to exist."""
        try:
            body, version, known = await self._redis.hmget(
                _key(tenant_id, session_id), ["body", "version", "known"]
            )
        except (RedisError, OSError, TimeoutError) as error:
            _log.info("session copy was not read", cause=type(error).__name__)
            return None
        if body is None or int(version) < max(at_least, int(known or 0)):
            return None
        try:
            return SessionSnapshot.model_validate_json(body)
        except ValidationError:  # Of another release: its rows are read again.
            return None

    async def put(self, tenant_id: UUID, snapshot: SessionSnapshot) -> None:
        """Leave a copy, unless there is one as new."""
        await self._run(
            self._put, tenant_id, snapshot.id, [snapshot.version, snapshot.model_dump_json(), self._kept_s]
        )

    async def outdate(self, tenant_id: UUID, session_id: UUID, version: int) -> None:
        """There is, or is about to be, this version: older copies do not count any more.

        Best called before the commit: then no crash in between leaves an old copy in use.
        """
        await self._run(self._outdate, tenant_id, session_id, [version, self._kept_s])

    async def close(self) -> None:
        await self._redis.aclose()

    async def _run(self, script: Any, tenant_id: UUID, session_id: UUID, values: list[Any]) -> None:
        try:
            await script(keys=[_key(tenant_id, session_id)], args=values)
        except (RedisError, OSError, TimeoutError) as error:
            _log.info("session copy was not written", cause=type(error).__name__)


def _key(tenant_id: UUID, session_id: UUID) -> str:
    return f"t:{tenant_id}:session:{session_id}"


_PUT = """
local version = tonumber(redis.call('HGET', KEYS[1], 'version') or '0')
if version < tonumber(ARGV[1]) then
    redis.call('HSET', KEYS[1], 'version', ARGV[1], 'body', ARGV[2])
end
redis.call('EXPIRE', KEYS[1], ARGV[3])
"""
_OUTDATE = """
local known = tonumber(redis.call('HGET', KEYS[1], 'known') or '0')
if known < tonumber(ARGV[1]) then
    redis.call('HSET', KEYS[1], 'known', ARGV[1])
end
redis.call('EXPIRE', KEYS[1], ARGV[2])
"""
