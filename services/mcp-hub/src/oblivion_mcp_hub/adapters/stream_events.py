"""What was sent on the answer of a request of the session era, kept in Redis for an hour: a client whose
connection broke hears the rest on any replica, with `Last-Event-ID`.

Bounded in events and bytes of a stream, streams of a session, bytes of a tenant, and time: what was delivered
is kept for a minute more. Redis away, or too much kept: events have no ids of their own, so that nobody
relies on them.
Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#resumability-and-redelivery
"""

import asyncio
import json
import re
import time
from collections.abc import AsyncGenerator
from typing import Any
from uuid import UUID, uuid4

from mcp.server.streamable_http import EventCallback, EventId, EventStore, StreamId
from mcp_types import JSONRPCError, JSONRPCMessage, JSONRPCResponse
from redis.asyncio import Redis

from oblivion_mcp_hub.adapters.kept_bytes import KeptBytes
from oblivion_mcp_hub.adapters.redis_client import AWAY, few_at_once, short_lived
from oblivion_mcp_hub.domain.callers import Caller
from oblivion_platform.logging import get_logger

TTL_S = 3_600
EVENTS_MAX = 256
"""Of one stream; the newest stay, and the answer is the newest."""
EVENT_BYTES_MAX = 256 * 1024
"""Of all events of a stream but the answer."""
STREAMS_MAX = 16
"""Of one session."""
DELIVERED_TTL_S = 60
"""Of a stream whose answer was sent to a client that is still there, as far as anybody can tell."""
WAITING_MAX = 64
"""Connections to Redis on which rests of streams are waited for, in this process."""
WAIT_MS = 2_000
_ID = re.compile(r"([0-9a-f]{32})-([0-9]{1,20}-[0-9]{1,20})")

_log = get_logger(__name__)


class RedisStreamEvents:
    """The streams of all sessions."""

    def __init__(self, redis_url: str) -> None:
        self._redis = short_lived(redis_url)
        self._waiting = few_at_once(
            redis_url, timeout_s=2 * WAIT_MS / 1000, most=WAITING_MAX, wait_s=5 * WAIT_MS / 1000
        )
        self._kept = KeptBytes(self._redis, TTL_S)

    async def open(self, caller: Caller, session_id: str) -> "RequestEvents | None":
        """For one request; None when nothing can be kept."""
        stream = uuid4().hex
        key, streams = _key(caller, session_id, stream), _streams_key(caller, session_id)
        try:
            if not await self._kept.has_room(caller.tenant_id):
                _log.warning("stream not kept", cause="the tenant keeps too much")
                return None
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.xadd(key, {"m": ""})
                pipe.expire(key, TTL_S)
                pipe.lpush(streams, key)
                pipe.lrange(streams, STREAMS_MAX, -1)  # pyright: ignore[reportUnknownMemberType]
                pipe.ltrim(streams, 0, STREAMS_MAX - 1)
                pipe.expire(streams, TTL_S)
                first, _, _, old, *_ = await pipe.execute()
            if old:
                await self._redis.delete(*old)
        except AWAY as error:
            _log.warning("stream not kept", cause=type(error).__name__)
            return None
        return RequestEvents(self._redis, self._kept, caller.tenant_id, key, first)

    async def after(
        self, caller: Caller, session_id: str, event_id: str, within_s: float
    ) -> AsyncGenerator[tuple[str, str]]:
        """Event id and message of what was sent later on that stream, as it comes, up to the answer."""
        named = _ID.fullmatch(event_id)
        if named is None:
            return
        stream, last = named[1], named[2]
        key, until = _key(caller, session_id, stream), time.monotonic() + within_s
        while time.monotonic() < until:
            try:
                found: Any = await self._waiting.xread({key: last}, count=EVENTS_MAX, block=WAIT_MS)
                if not found and await self._is_over(key):
                    return
            except AWAY as error:
                _log.warning("stream not read", cause=type(error).__name__)
                return
            for _, events in found:
                for last, fields in events:
                    yield f"{stream}-{last}", fields["m"]
                    if _is_answer(fields["m"]):
                        return

    async def _is_over(self, key: str) -> bool:
        """It is not kept any more, or its answer is what the client has."""
        newest: Any = await self._redis.xrevrange(key, count=1)
        return not newest or _is_answer(newest[0][1]["m"])

    async def close(self) -> None:
        await self._redis.aclose()
        await self._waiting.aclose()


class RequestEvents(EventStore):
    """What is sent on the answer of one request."""

    def __init__(self, redis: Redis, kept: KeptBytes, tenant_id: UUID, key: str, first: str) -> None:
        self._redis = redis
        self._kept = kept
        self._tenant_id = tenant_id
        self._key = key
        self._last = f"{key.rpartition(':')[2]}-{first}"
        self._size = 0
        self._is_begun = False
        self.answered = asyncio.Event()

    async def store_event(
        self,
        stream_id: StreamId,  # noqa: ARG002 - there is one
        message: JSONRPCMessage | None,
    ) -> EventId:
        """Its id; of what is not kept, that of the last one that is."""
        if message is None and not self._is_begun:
            self._is_begun = True
            return self._last
        said = "" if message is None else message.model_dump_json(by_alias=True, exclude_unset=True)
        is_answer = isinstance(message, JSONRPCResponse | JSONRPCError)
        if is_answer or self._size + len(said) <= EVENT_BYTES_MAX:
            await self._store(said)
        if is_answer:
            self.answered.set()
        return self._last

    async def delivered(self) -> None:
        """The answer was sent, and the client was there: it asks again soon, or never."""
        try:
            await self._redis.expire(self._key, DELIVERED_TTL_S)
            await self._kept.give_back(self._tenant_id, self._size)
        except AWAY as error:
            _log.warning("stream kept for longer", cause=type(error).__name__)

    async def replay_events_after(
        self,
        last_event_id: EventId,  # noqa: ARG002 - the SDK's interface
        send_callback: EventCallback,  # noqa: ARG002 - the same
    ) -> StreamId | None:
        """Nothing: a stream is resumed from Redis itself, on whichever replica."""
        return None

    async def _store(self, message: str) -> None:
        try:
            if not await self._kept.take(self._tenant_id, len(message)):
                _log.warning("event not kept", cause="the tenant keeps too much")
                return
            self._size += len(message)
            added = await self._redis.xadd(self._key, {"m": message}, maxlen=EVENTS_MAX, approximate=False)
            self._last = f"{self._last.partition('-')[0]}-{added}"
        except AWAY as error:
            _log.warning("event not kept", cause=type(error).__name__)


def _is_answer(message: str) -> bool:
    return bool(message) and "method" not in json.loads(message)


def _key(caller: Caller, session_id: str, stream: str) -> str:
    return f"t:{caller.tenant_id}:mcp:events:{session_id}:{stream}"


def _streams_key(caller: Caller, session_id: str) -> str:
    return f"t:{caller.tenant_id}:mcp:streams:{session_id}"
