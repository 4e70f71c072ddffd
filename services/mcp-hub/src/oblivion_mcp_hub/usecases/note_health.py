"""What people read of a connection's health, as listings and calls find it: written when it turns.

Whether it turns Postgres tells, for other replicas note too. A test's own words stay for as long as they are
true: they say more than that something works. Best effort: what cannot be noted changes nothing else.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

from cachetools import TTLCache

from oblivion_contracts.connections import ConnectionHealth
from oblivion_mcp_hub.ports import Registry
from oblivion_platform.connections import Connection
from oblivion_platform.errors import OblivionFailure
from oblivion_platform.logging import get_logger

REMEMBERED = 10_000
SAID_EVERY_S = 5.0
"""The same of the same connection, at most."""
_log = get_logger(__name__)


class NoteHealth:
    """Remembers what it said last of each connection, so that not each call says it again."""

    def __init__(self, registry: Registry, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._registry = registry
        self._now = now
        self._said: TTLCache[UUID, tuple[bool, datetime]] = TTLCache(REMEMBERED, SAID_EVERY_S)

    async def fails(self, connection: Connection, why: str) -> None:
        await self._note(connection, ok=False, detail=why)

    async def works(self, connection: Connection, tools: int) -> None:
        await self._note(connection, ok=True, detail=f"{tools} tool{'' if tools == 1 else 's'}.")

    async def _note(self, connection: Connection, *, ok: bool, detail: str) -> None:
        said = (ok, connection.updated_at)
        if self._said.get(connection.id) == said:
            return
        self._said[connection.id] = said
        health = ConnectionHealth(ok=ok, detail=detail, at=self._now())
        try:
            await self._registry.note_health(connection, health)
        except OblivionFailure as failure:
            _log.warning("health not noted", connection=connection.name, code=failure.code)
