"""Tenants by their slugs, and the Slack workspaces that are connected to one."""

from uuid import UUID

from sqlalchemy import text

from oblivion_contracts.agent_operator import TenantNamed
from oblivion_platform.database.engine import Database, Tx

_BY_SLUG = text("SELECT id FROM tenants WHERE slug = :slug AND state = 'active'")
_NAMED = text("""
    SELECT id, slug FROM tenants WHERE state = 'active' AND (slug = :name OR CAST(id AS text) = :name)
    ORDER BY slug = :name DESC LIMIT 1
""")
_ACTIVE = text("SELECT id FROM tenants WHERE state = 'active' ORDER BY id")
_COUNT = text("SELECT count(*) FROM tenants")
_HAS_TEAM = text("""
    SELECT EXISTS (SELECT FROM integrations
                   WHERE source = 'slack' AND external_id = :team AND state = 'active')
""")


class PostgresTenants:
    """Implements `usecases.sign_in.Tenants` and `usecases.serve_operator.ActiveTenants`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def by_slug(self, slug: str) -> UUID | None:
        async with self._database.shared() as tx:
            return (await tx.execute(_BY_SLUG, {"slug": slug})).scalar_one_or_none()

    async def named(self, slug_or_id: str) -> TenantNamed | None:
        async with self._database.shared() as tx:
            row = (await tx.execute(_NAMED, {"name": slug_or_id})).mappings().one_or_none()
        return None if row is None else TenantNamed(id=row["id"], slug=row["slug"])

    async def ids(self) -> list[UUID]:
        async with self._database.shared() as tx:
            return list((await tx.execute(_ACTIVE)).scalars())

    async def is_only(self, tx: Tx) -> bool:
        return (await tx.execute(_COUNT)).scalar_one() == 1

    async def has_slack_team(self, tx: Tx, team: str) -> bool:
        return bool((await tx.execute(_HAS_TEAM, {"team": team})).scalar_one())
