"""Session ids of the protocol's session era: a record in Redis for an hour, good on any replica.

A session holds nothing but whose it is: each request proves by its own token who asks. So where Redis cannot
say whose an id is, going on without it gives nobody anything.
"""

import re
from uuid import uuid4

from cachetools import TTLCache
from mcp_types import LoggingLevel

from oblivion_mcp_hub.adapters.redis_client import AWAY, short_lived
from oblivion_mcp_hub.domain.callers import Caller
from oblivion_platform.logging import get_logger

TTL_S = 3_600
SESSIONS_MAX = 1_000
"""Of one caller; of more, the oldest end."""
KEPT_HERE = 10_000
CHECKED_AGAIN_S = 30.0
_ID = re.compile(r"mcp-session-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

_log = get_logger(__name__)


class RedisProtocolSessions:
    """Implements `ports.ProtocolSessions`."""

    def __init__(self, redis_url: str) -> None:
        self._redis = short_lived(redis_url)
        self._known: TTLCache[str, str] = TTLCache(KEPT_HERE, CHECKED_AGAIN_S)
        self._levels: TTLCache[str, LoggingLevel | None] = TTLCache(KEPT_HERE, CHECKED_AGAIN_S)

    async def open(self, caller: Caller) -> str | None:
        session_id = f"mcp-session-{uuid4()}"
        key, of_caller = _key(session_id, caller), f"t:{caller.tenant_id}:mcp:sessions:{caller.subject}"
        try:
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.set(key, caller.subject, ex=TTL_S)
                pipe.lpush(of_caller, key)
                pipe.lrange(of_caller, SESSIONS_MAX, -1)  # pyright: ignore[reportUnknownMemberType]
                pipe.ltrim(of_caller, 0, SESSIONS_MAX - 1)
                pipe.expire(of_caller, TTL_S)
                _, _, old, *_ = await pipe.execute()
            if old:
                await self._redis.delete(*old)
        except AWAY as error:
            _log.warning("session not kept", cause=type(error).__name__)
            return None
        self._known[_key(session_id, caller)] = caller.subject
        return session_id

    async def belongs_to(self, session_id: str, caller: Caller) -> bool:
        if _ID.fullmatch(session_id) is None:
            return False
        key = _key(session_id, caller)
        known = self._known.get(key)
        if known is None:
            try:
                known = await self._redis.getex(key, ex=TTL_S)
            except AWAY as error:
                _log.warning("session not looked up", cause=type(error).__name__)
                return True
            if known is not None:
                self._known[key] = known
        return known == caller.subject

    async def close(self, session_id: str, caller: Caller) -> None:
        self._known.pop(_key(session_id, caller), None)
        try:
            await self._redis.delete(_key(session_id, caller))
        except AWAY as error:
            _log.warning("session not closed", cause=type(error).__name__)

    async def log_level(self, session_id: str, caller: Caller) -> LoggingLevel | None:
        """What this session asked for, as far as it is known here; another replica's word is heard late."""
        key = _level_key(session_id, caller)
        if key not in self._levels:
            try:
                self._levels[key] = await self._redis.get(key)
            except AWAY as error:
                _log.warning("level not looked up", cause=type(error).__name__)
                return None
        return self._levels[key]

    async def set_log_level(self, session_id: str, caller: Caller, level: LoggingLevel) -> None:
        self._levels[_level_key(session_id, caller)] = level
        try:
            await self._redis.set(_level_key(session_id, caller), level, ex=TTL_S)
        except AWAY as error:
            _log.warning("level not kept", cause=type(error).__name__)

    async def check(self) -> str:
        """Raises: RedisError, OSError, TimeoutError."""
        await self._redis.ping()  # pyright: ignore[reportUnknownMemberType, reportGeneralTypeIssues]
        return "connected"

    async def aclose(self) -> None:
        await self._redis.aclose()


def _level_key(session_id: str, caller: Caller) -> str:
    return f"{_key(session_id, caller)}:level"


def _key(session_id: str, caller: Caller) -> str:
    return f"t:{caller.tenant_id}:mcp:session:{session_id}"
