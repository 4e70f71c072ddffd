"""What the sweeps see of all tenants: overdue events through the relay's door, bodies tenant by tenant."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import text

from oblivion_contracts.jobs import EventPriority
from oblivion_platform.database.engine import Database
from oblivion_router_worker.ports.watching import OverdueEvent

ECHO_YOUNGER_S = 30.0
"""What is older has its job from ingestion's sweeper; so a backlog is not read again and again."""


class PostgresOverdueEvents:
    """Implements `ports.watching.OverdueEvents`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def after(
        self, older_than: timedelta, last: OverdueEvent | None, most: int
    ) -> Sequence[OverdueEvent]:
        values = {
            "older_s": older_than.total_seconds(),
            "at": last and last.received_at,
            "id": last and last.id,
            "most": most,
        }
        async with self._database.relay() as tx:
            rows = await tx.execute(_OVERDUE, values)
            return [OverdueEvent(row.id, row.tenant_id, row.priority, row.received_at) for row in rows]


class PostgresEchoes:
    """Implements `ports.watching.WaitingEchoes`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __call__(self, most: int) -> Sequence[OverdueEvent]:
        values = {"echo": EventPriority.ECHO, "younger_s": ECHO_YOUNGER_S, "most": most}
        async with self._database.relay() as tx:
            rows = await tx.execute(_ECHOES, values)
            return [OverdueEvent(row.id, row.tenant_id, row.priority, row.received_at) for row in rows]


class PostgresBodies:
    """Implements `ports.watching.Bodies`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def purge(self, most: int) -> int:
        async with self._database.shared() as tx:
            tenants = (await tx.execute(_TENANTS)).all()
        purged = 0
        for tenant in tenants:
            async with self._database.tenant(tenant.id) as tx:
                values = {"days": tenant.retention_days, "most": most}
                purged += (await tx.execute(_PURGE_EVENTS, values)).rowcount
                purged += (await tx.execute(_PURGE_EFFECTS, values)).rowcount
        return purged


_OVERDUE = text("""
    SELECT id, tenant_id, priority, received_at FROM inbound_events
    WHERE state = 'received' AND received_at < clock_timestamp() - make_interval(secs => :older_s)
      AND (CAST(:at AS timestamptz) IS NULL
           OR (received_at, id) > (CAST(:at AS timestamptz), CAST(:id AS uuid)))
    ORDER BY received_at, id LIMIT :most
""")
_ECHOES = text("""
    SELECT id, tenant_id, priority, received_at FROM inbound_events
    WHERE state = 'received' AND received_at > clock_timestamp() - make_interval(secs => :younger_s)
      AND priority = :echo
    ORDER BY received_at LIMIT :most
""")
_TENANTS = text("SELECT id, retention_days FROM tenants")
_PURGE_EVENTS = text("""
    UPDATE inbound_events SET body = NULL WHERE id IN (
        SELECT id FROM inbound_events
        WHERE tenant_id = oblivion_tenant() AND body IS NOT NULL AND state <> 'received'
          AND received_at < now() - make_interval(days => :days)
        LIMIT :most)
""")
# What is settled is never read again; what waits or is dead may yet be sent.
_PURGE_EFFECTS = text("""
    UPDATE outbox SET payload = '{}' WHERE id IN (
        SELECT id FROM outbox
        WHERE tenant_id = oblivion_tenant() AND payload <> '{}'
          AND state IN ('sent', 'superseded', 'discarded')
          AND created_at < now() - make_interval(days => :days)
        LIMIT :most)
""")
