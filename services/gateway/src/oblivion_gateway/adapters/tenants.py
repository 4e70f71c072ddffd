"""Tenants by their slugs, and the Slack workspaces that are connected to one."""

from uuid import UUID

from sqlalchemy import text

from oblivion_platform.database.engine import Database, Tx

_BY_SLUG = text("SELECT id FROM tenants WHERE slug = :slug AND state = 'active'")
_HAS_TEAM = text("""
    SELECT EXISTS (SELECT FROM integrations
                   WHERE source = 'slack' AND external_id = :team AND state = 'active')
""")


class PostgresTenants:
    """Implements `usecases.sign_in.Tenants`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def by_slug(self, slug: str) -> UUID | None:
        async with self._database.shared() as tx:
            return (await tx.execute(_BY_SLUG, {"slug": slug})).scalar_one_or_none()

    async def has_slack_team(self, tx: Tx, team: str) -> bool:
        return bool((await tx.execute(_HAS_TEAM, {"team": team})).scalar_one())
