"""Listening to Redis pub/sub so that it cannot die silently.

    async for message in Subscription(redis_url, "oblivion:runs").messages():
        ...

redis-py's own loop can end, or wait for ever on a connection that is dead. Here each second without a
message is a turn of ours; the server must answer a PING on the very connection every few seconds, and must
itself count us among the channel's listeners; else we connect anew. What was published meanwhile is lost, as
with any pub/sub: whoever listens is told by `None` that it should look at the rows once.
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from oblivion_platform.logging import get_logger

TURN_S = 1.0
CHECK_EVERY_S = 3.0
TIMEOUT_S = 3.0
RECONNECT_S = 0.3

_log = get_logger(__name__)


class Subscription:
    """One channel."""

    def __init__(self, redis_url: str, channel: str) -> None:
        self._url = redis_url
        self._channel = channel
        self.listening = False

    async def messages(self) -> AsyncGenerator[bytes | None]:
        """Every message heard, for ever; None whenever listening begins (again)."""
        while True:
            redis: Any = Redis.from_url(  # pyright: ignore[reportUnknownMemberType]
                self._url,
                socket_timeout=TIMEOUT_S,
                socket_connect_timeout=TIMEOUT_S,
                retry=Retry(NoBackoff(), 0),
            )
            try:
                async for message in self._listen(redis):
                    yield message
            except (RedisError, OSError, TimeoutError) as error:
                if self.listening:
                    _log.warning("channel unheard", channel=self._channel, cause=type(error).__name__)
            finally:
                self.listening = False
                await redis.aclose()
            await asyncio.sleep(RECONNECT_S)

    async def _listen(self, redis: Any) -> AsyncGenerator[bytes | None]:
        pubsub = redis.pubsub()
        try:
            await pubsub.subscribe(self._channel)
            checked_at = answered_at = time.monotonic()
            while True:
                message: dict[str, Any] | None = await pubsub.get_message(timeout=TURN_S)
                kind = None if message is None else message["type"]
                if kind == "subscribe":
                    self.listening = True
                    yield None
                elif kind == "message" and message is not None:
                    yield message["data"]
                elif kind == "pong":
                    answered_at = time.monotonic()
                now = time.monotonic()
                if now - checked_at >= CHECK_EVERY_S:
                    if checked_at > answered_at + CHECK_EVERY_S:
                        raise TimeoutError
                    checked_at = now
                    await self._prove(redis, pubsub)
        finally:
            await pubsub.aclose()

    async def _prove(self, redis: Any, pubsub: Any) -> None:
        await pubsub.ping()
        [(_, listeners)] = await redis.pubsub_numsub(self._channel)
        if listeners < 1:
            raise TimeoutError
