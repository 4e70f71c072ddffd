"""What is old: sessions and runs are archived, signed-out browsers forgotten; some of each at a time."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import text

from oblivion_platform.database.engine import Database

AT_ONCE = 1_000
SIGNED_OUT_KEPT = timedelta(days=1)


class OldRows:
    """Doing it twice, or in several processes at once, changes nothing."""

    def __init__(self, database: Database, archive_after: timedelta) -> None:
        self._database = database
        self._archive_after = archive_after

    async def put_away(self) -> None:
        """Raises: DependencyUnavailable: the rest is done next time."""
        async with self._database.shared() as tx:
            tenants = (await tx.execute(_TENANTS)).scalars().all()
        for tenant_id in tenants:
            await self._of(tenant_id)

    async def _of(self, tenant_id: UUID) -> None:
        values = {"age": self._archive_after, "limit": AT_ONCE}
        async with self._database.tenant(tenant_id) as tx:
            await tx.execute(_ARCHIVE_SESSIONS, values)
            await tx.execute(_ARCHIVE_RUNS, values)
            await tx.execute(_FORGET_BROWSERS, {"age": SIGNED_OUT_KEPT, "limit": AT_ONCE})


_TENANTS = text("SELECT id FROM tenants ORDER BY id")
_ARCHIVE_SESSIONS = text("""
    UPDATE sessions SET archived_at = clock_timestamp() WHERE id IN (
        SELECT id FROM sessions WHERE archived_at IS NULL AND updated_at < now() - CAST(:age AS interval)
          AND NOT EXISTS (SELECT FROM runs WHERE session_id = sessions.id AND finished_at IS NULL)
        ORDER BY updated_at LIMIT :limit)
""")
_ARCHIVE_RUNS = text("""
    UPDATE runs SET archived_at = clock_timestamp() WHERE id IN (
        SELECT id FROM runs WHERE archived_at IS NULL AND finished_at < now() - CAST(:age AS interval)
        ORDER BY finished_at LIMIT :limit)
""")
_FORGET_BROWSERS = text("""
    DELETE FROM web_sessions WHERE id IN (
        SELECT id FROM web_sessions
        WHERE least(expires_at, revoked_at) < now() - CAST(:age AS interval) LIMIT :limit)
""")
