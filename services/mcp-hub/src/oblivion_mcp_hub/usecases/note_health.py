"""What people read of a connection's health, as listings and calls find it: written when it turns.

A test's own words stay for as long as they are true: they say more than that something works.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

from cachetools import LRUCache

from oblivion_contracts.connections import ConnectionHealth
from oblivion_mcp_hub.ports import Registry
from oblivion_platform.connections import Connection
from oblivion_platform.errors import DependencyUnavailable
from oblivion_platform.logging import get_logger

REMEMBERED = 10_000
_log = get_logger(__name__)


class NoteHealth:
    """Compares with what is stored, as far as it was read or noted here."""

    def __init__(self, registry: Registry, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._registry = registry
        self._now = now
        self._noted: LRUCache[UUID, ConnectionHealth] = LRUCache(REMEMBERED)

    async def fails(self, connection: Connection, why: str) -> None:
        """Its first reason is kept, as long as the connection is what it was: later ones say less."""
        known = self._known(connection)
        if known is None or known.ok or known.at < connection.updated_at:
            await self._note(connection, ok=False, detail=why)

    async def works(self, connection: Connection, tools: int) -> None:
        known = self._known(connection)
        if known is None or not known.ok:
            await self._note(connection, ok=True, detail=f"{tools} tool{'' if tools == 1 else 's'}.")

    def _known(self, connection: Connection) -> ConnectionHealth | None:
        stored = ConnectionHealth.model_validate(connection.health) if connection.health else None
        noted = self._noted.get(connection.id)
        if stored is None or noted is None:
            return stored or noted
        return max(stored, noted, key=lambda each: each.at)

    async def _note(self, connection: Connection, *, ok: bool, detail: str) -> None:
        health = ConnectionHealth(ok=ok, detail=detail, at=self._now())
        try:
            await self._registry.note_health(connection, health)
        except DependencyUnavailable:
            _log.warning("health not noted", connection=connection.name)
        else:
            self._noted[connection.id] = health
