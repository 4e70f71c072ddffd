"""Implements `ports.places.PlaceStore`; what a reading came to stands in `integrations.health`."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from oblivion_platform.database.engine import Database
from oblivion_router_worker.domain.places import Place
from oblivion_router_worker.domain.records import Integration


class PostgresPlaces:
    """Each call is a transaction of its own: none is open while Slack or ClickUp is asked."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, tenant_id: UUID, integration_id: UUID) -> tuple[Integration, datetime] | None:
        async with self._database.tenant(tenant_id) as tx:
            row = (await tx.execute(_BEGIN, {"id": integration_id})).one_or_none()
        if row is None:
            return None
        return Integration(row.id, row.tenant_id, row.source, row.external_id, row.config), row.now

    async def keep(self, integration: Integration, places: Sequence[Place]) -> None:
        if not places:
            return
        whose = {"tenant": integration.tenant_id, "integration": integration.id}
        async with self._database.tenant(integration.tenant_id) as tx:
            await tx.execute(_KEEP, [asdict(place) | whose for place in places])

    async def finish(self, integration: Integration, begun_at: datetime) -> None:
        values = {"integration": integration.id, "begun_at": begun_at}
        async with self._database.tenant(integration.tenant_id) as tx:
            await tx.execute(_REMOVE, values)
            await tx.execute(_NOTE_READ, {"id": integration.id})

    async def note_problem(self, tenant_id: UUID, integration_id: UUID, problem: str) -> None:
        async with self._database.tenant(tenant_id) as tx:
            await tx.execute(_NOTE_PROBLEM, {"id": integration_id, "problem": problem})


_BEGIN = text("""
    SELECT id, tenant_id, source, external_id, config, clock_timestamp() AS now
    FROM integrations WHERE id = :id AND state = 'active'
""")
_KEEP = text("""
    INSERT INTO places (tenant_id, integration_id, external_id, kind, name, path, is_private, is_member,
                        seen_at)
    VALUES (:tenant, :integration, :external_id, :kind, :name, :path, :is_private, :is_member,
            clock_timestamp())
    ON CONFLICT (tenant_id, integration_id, external_id) DO UPDATE SET
        name = excluded.name, path = excluded.path, is_private = excluded.is_private,
        is_member = excluded.is_member, seen_at = excluded.seen_at
""")
_REMOVE = text("DELETE FROM places WHERE integration_id = :integration AND seen_at < :begun_at")
_NOTE_READ = text("""
    UPDATE integrations SET health = health || jsonb_build_object('places', jsonb_build_object(
        'tried_at', clock_timestamp(), 'read_at', clock_timestamp()))
    WHERE id = :id
""")
_NOTE_PROBLEM = text("""
    UPDATE integrations SET health = health || jsonb_build_object('places',
        coalesce(health -> 'places', '{}') || jsonb_build_object(
            'tried_at', clock_timestamp(), 'problem', CAST(:problem AS text)))
    WHERE id = :id
""")
