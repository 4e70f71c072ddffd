"""python-socketio's rooms across gateways, on a listener of ours: its own can stop for a minute, or for good.

Only what concerns several gateways goes this way (an agent is muted, its tools have changed); whatever a run
says goes to its one socket and never through Redis.
"""

# python-socketio ships no types.
# pyright: basic

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from socketio.async_pubsub_manager import AsyncPubSubManager

from oblivion_platform.logging import get_logger
from oblivion_platform.subscription import Subscription
from oblivion_platform.tasks import end

CHANNEL = "oblivion:socketio"
TIMEOUT_S = 1.0

_log = get_logger(__name__)


class RedisRooms(AsyncPubSubManager):
    """Tells other gateways; an absent Redis is logged and never waited for."""

    name = "oblivion"

    def __init__(self, redis_url: str, logger: Any) -> None:
        super().__init__(channel=CHANNEL, logger=logger)
        self.subscription = Subscription(redis_url, CHANNEL)
        self._redis = Redis.from_url(
            redis_url,
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            retry=Retry(NoBackoff(), 1),
        )
        self.thread: asyncio.Task[None] | None = None

    async def close(self) -> None:
        if self.thread is not None:
            await end(self.thread)
        await self._redis.aclose()

    async def connect(self, sid: str, namespace: str) -> None:
        """Confirm a connection; one that ended just before, of which nobody was told, ends here."""
        await super().connect(sid, namespace)
        if not self.is_open(sid, namespace):
            server: Any = self.server
            await server.disconnect(sid, namespace=namespace, ignore_queue=True)

    def is_open(self, sid: str, namespace: str) -> bool:
        """Whether a connection is still there: of one that ends while it is let in nobody is told."""
        server: Any = self.server
        socket = server.eio.sockets.get(self.eio_sid_from_sid(sid, namespace))
        return socket is not None and not socket.closing

    async def _publish(self, data: dict[str, Any]) -> None:
        try:
            await self._redis.publish(self.channel, self.json.dumps(data))
        except (RedisError, OSError, TimeoutError) as error:
            _log.info("other gateways were not told", cause=type(error).__name__)

    async def _listen(self) -> AsyncGenerator[bytes]:
        async for message in self.subscription.messages():
            if message is not None:
                yield message
