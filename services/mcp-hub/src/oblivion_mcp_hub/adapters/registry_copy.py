"""The connections of each tenant, copied into Redis for an hour: what a replica that starts, or lists again,
reads before it asks Postgres. No secret is in a connection's row.

A change counts the tenant's generation up, and a copy belongs to the generation that it was read under, so
one that was read before a change is never found after it, whoever wrote it when. Each replica counts up on
hearing of the change, and one that could not hear for a while believes no copy from before. Without Redis,
Postgres is read.
"""

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from cachetools import TTLCache
from mcp_types import Tool
from pydantic import TypeAdapter, ValidationError

from oblivion_contracts.connections import ConnectionHealth
from oblivion_mcp_hub.adapters.redis_client import AWAY, short_lived
from oblivion_mcp_hub.ports import Registry
from oblivion_platform.connections import Connection
from oblivion_platform.logging import get_logger
from oblivion_platform.tasks import end

TTL_S = 3_600
TENANTS_KEPT = 10_000
CLOCKS_APART_S = 60.0
"""Of replicas, at most."""
_CONNECTIONS = TypeAdapter(list[Connection])
_log = get_logger(__name__)


class CopiedRegistry:
    """Implements `ports.Registry` in front of another one."""

    def __init__(self, inner: Registry, redis_url: str, now_unix_s: Callable[[], float] = time.time) -> None:
        self._inner = inner
        self._redis = short_lived(redis_url)
        self._now_unix_s = now_unix_s
        self._believed_from_unix_s = 0.0
        self._of_tenant_from_unix_s: TTLCache[UUID, float] = TTLCache(TENANTS_KEPT, TTL_S)
        self._counting: set[asyncio.Task[None]] = set()

    async def active(self, tenant_id: UUID) -> Sequence[Connection]:
        generation = await self._generation(tenant_id)
        if generation is None:
            return await self._inner.active(tenant_id)
        copy = await self._copy(tenant_id, generation)
        if copy is not None:
            return copy
        read_at = self._now_unix_s()
        connections = await self._inner.active(tenant_id)
        await self._keep(tenant_id, generation, connections, read_at)
        return connections

    async def pinned(
        self, tenant_id: UUID, connection_id: UUID, hashes: Mapping[str, str], tools: Sequence[Tool]
    ) -> Mapping[str, str]:
        return await self._inner.pinned(tenant_id, connection_id, hashes, tools)

    async def note_health(self, connection: Connection, health: ConnectionHealth) -> None:
        await self._inner.note_health(connection, health)

    def drop(self, tenant_id: UUID) -> None:
        """A connection changed. Until Redis knows, this process reads Postgres."""
        task = asyncio.create_task(self._count_up(tenant_id), name="registry generation")
        self._counting.add(task)
        task.add_done_callback(self._counting.discard)
        self._of_tenant_from_unix_s[tenant_id] = self._now_unix_s()

    def drop_all(self) -> None:
        """Changes may have gone unheard."""
        self._believed_from_unix_s = self._now_unix_s() + CLOCKS_APART_S

    async def close(self) -> None:
        await end(*self._counting)
        await self._redis.aclose()

    async def _generation(self, tenant_id: UUID) -> str | None:
        try:
            return await self._redis.get(_generation_key(tenant_id)) or "0"
        except AWAY as error:
            _log.warning("registry copy not read", cause=type(error).__name__)
            return None

    async def _copy(self, tenant_id: UUID, generation: str) -> list[Connection] | None:
        try:
            text: str | None = await self._redis.get(_copy_key(tenant_id, generation))
        except AWAY:
            return None
        if text is None:
            return None
        try:
            copy: dict[str, Any] = json.loads(text)
            believed_from = self._of_tenant_from_unix_s.get(tenant_id, 0.0)
            if copy["read_at_unix_s"] <= max(believed_from, self._believed_from_unix_s):
                return None
            return _CONNECTIONS.validate_python(copy["connections"])
        except (ValueError, KeyError, TypeError, ValidationError):  # Another version's.
            return None

    async def _keep(
        self, tenant_id: UUID, generation: str, connections: Sequence[Connection], read_at: float
    ) -> None:
        rows = json.loads(_CONNECTIONS.dump_json([*connections]))
        copy = json.dumps({"read_at_unix_s": read_at, "connections": rows})
        try:
            await self._redis.set(_copy_key(tenant_id, generation), copy, ex=TTL_S)
        except AWAY as error:
            _log.warning("registry not copied", cause=type(error).__name__)

    async def _count_up(self, tenant_id: UUID) -> None:
        try:
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.incr(_generation_key(tenant_id))
                # Longer than any copy of an earlier generation.
                pipe.expire(_generation_key(tenant_id), 2 * TTL_S)
                await pipe.execute()
        except AWAY as error:
            _log.warning("registry generation not counted", cause=type(error).__name__)


def _generation_key(tenant_id: UUID) -> str:
    return f"t:{tenant_id}:mcp:connections:generation"


def _copy_key(tenant_id: UUID, generation: str) -> str:
    return f"t:{tenant_id}:mcp:connections:{generation}"
