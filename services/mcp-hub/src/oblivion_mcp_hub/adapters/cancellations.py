"""A client's wish to end a request of its own, heard by the replica that works on it.

Best effort, as the protocol has it: Redis away, only requests of the same replica are ended.
"""

import asyncio
import json
from collections.abc import Callable
from typing import Any, cast
from uuid import UUID

from oblivion_mcp_hub.adapters.redis_client import AWAY, short_lived
from oblivion_mcp_hub.domain.callers import Caller
from oblivion_platform.logging import get_logger
from oblivion_platform.tasks import end

CHANNEL = "mcp:cancelled"
WAIT_S = 2.0
AGAIN_S = 1.0

Heard = Callable[[str, str | int], object]
"""Session and id of the request."""

_log = get_logger(__name__)


class RedisCancellations:
    """Tells all replicas, and hears them."""

    def __init__(self, redis_url: str) -> None:
        self._redis = short_lived(redis_url)
        self._listening = short_lived(redis_url, timeout_s=2 * WAIT_S)
        self._task: asyncio.Task[None] | None = None
        self.heard_since_start = asyncio.Event()

    def start(self, heard: Heard) -> None:
        self._task = asyncio.create_task(self._hear_for_ever(heard), name="cancellations")

    async def tell(self, caller: Caller, session_id: str, request_id: str | int) -> None:
        try:
            await self._redis.publish(  # pyright: ignore[reportUnknownMemberType]
                _channel(caller.tenant_id), json.dumps({"session": session_id, "request": request_id})
            )
        except AWAY as error:
            _log.warning("cancellation not told", cause=type(error).__name__)

    async def close(self) -> None:
        if self._task is not None:
            await end(self._task)
        await self._redis.aclose()
        await self._listening.aclose()

    async def _hear_for_ever(self, heard: Heard) -> None:
        while True:
            try:
                await self._hear(heard)
            except AWAY as error:
                _log.debug("cancellations unheard", cause=type(error).__name__)
            await asyncio.sleep(AGAIN_S)

    async def _hear(self, heard: Heard) -> None:
        async with cast("Any", self._listening).pubsub() as messages:
            await messages.psubscribe(f"t:*:{CHANNEL}")
            self.heard_since_start.set()
            while True:
                message: Any = await messages.get_message(ignore_subscribe_messages=True, timeout=WAIT_S)
                if message is None:
                    await messages.ping()  # A connection that died silently says so.
                elif message["type"] == "pmessage":
                    told = json.loads(message["data"])
                    heard(told["session"], told["request"])


def _channel(tenant_id: UUID) -> str:
    return f"t:{tenant_id}:{CHANNEL}"
