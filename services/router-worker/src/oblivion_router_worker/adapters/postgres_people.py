"""`users` and `user_identities` for the deciding half."""

from typing import Any, Literal
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_platform.database.statements import fetch
from oblivion_router_worker.ports.running import Person


class PostgresPeople:
    """Implements `ports.running.People` in the transaction `tx`."""

    def __init__(self, tx: AsyncConnection, tenant_id: UUID) -> None:
        self._tx = tx
        self._tenant_id = tenant_id

    async def known(self, provider: str, subject: str) -> Person | None:
        values = {"tenant": self._tenant_id, "provider": provider, "subject": subject}
        rows = await fetch(self._tx, _KNOWN, values)
        return _person(rows[0]) if rows else None

    async def admit(self, provider: str, subject: str, name: str) -> Person:
        values = {
            "tenant": self._tenant_id,
            "provider": provider,
            "subject": subject,
            "name": name[:200] or subject,
            "user": uuid4(),
            "identity": uuid4(),
        }
        # Others who meet the same stranger at once wait here, and then find the guest.
        await fetch(self._tx, _LOCK, values)
        known = await self.known(provider, subject)
        if known is not None:
            return known
        (row,) = await fetch(self._tx, _ADMIT, values)
        return _person(row)

    async def slack_id(self, user_id: UUID, team: str) -> str | None:
        rows = await fetch(self._tx, _SLACK_ID, {"user": user_id, "team": f"{team}:%"})
        return str(rows[0].subject).partition(":")[2] if rows else None

    async def sign_in_path(self) -> str:
        (row,) = await fetch(self._tx, _SLUG, {"tenant": self._tenant_id})
        return f"/t/{row.slug}/login?provider=slack"

    async def unknown_users(self) -> Literal["guest", "refuse"] | None:
        (row,) = await fetch(self._tx, _SETTING, {"tenant": self._tenant_id})
        return row.unknown_users if row.unknown_users in ("guest", "refuse") else None


def _person(row: Any) -> Person:
    return Person(row.id, row.name, row.role, is_active=row.state == "active")


_KNOWN = """
    SELECT u.id, coalesce(nullif(i.display_name, ''), u.name) AS name, u.role, u.state
    FROM user_identities i JOIN users u ON u.id = i.user_id
    WHERE i.tenant_id = %(tenant)s AND i.provider = %(provider)s AND i.subject = %(subject)s
"""
_LOCK = """
    SELECT pg_advisory_xact_lock(hashtextextended(
        CAST(%(tenant)s AS text) || '|' || %(provider)s || '|' || %(subject)s, 1)) AS locked
"""
_ADMIT = """
    WITH admitted AS (
        INSERT INTO users (id, tenant_id, name, role) VALUES (%(user)s, %(tenant)s, %(name)s, 'guest')
        RETURNING id, tenant_id, name, role, state
    ), known AS (
        INSERT INTO user_identities (id, tenant_id, user_id, provider, subject, display_name)
        SELECT %(identity)s, tenant_id, id, %(provider)s, %(subject)s, name FROM admitted
    )
    SELECT id, name, role, state FROM admitted
"""
_SLACK_ID = """
    SELECT subject FROM user_identities
    WHERE user_id = %(user)s AND provider = 'slack' AND subject LIKE %(team)s LIMIT 1
"""
_SLUG = "SELECT slug FROM tenants WHERE id = %(tenant)s"
_SETTING = "SELECT settings ->> 'unknown_users' AS unknown_users FROM tenants WHERE id = %(tenant)s"
