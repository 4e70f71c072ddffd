"""Tools: connections to tool servers, what was pinned of their tools, and every use of a credential."""

from pathlib import Path
from typing import Any

from alembic import op

revision = "0004"
down_revision = "0003"

SQL = Path(__file__).with_suffix(".sql")

TABLES = ("tool_calls", "tool_pins", "mcp_connections")


def upgrade() -> None:
    # The driver's own execute: without parameters psycopg takes many statements at once.
    driver_connection: Any = op.get_bind().connection.dbapi_connection
    driver_connection.execute(SQL.read_text())


def downgrade() -> None:
    op.execute("DROP POLICY hub_opens_its_own ON credentials")
    # Of every tenant: forced, row-level security would hide them from the owner.
    op.execute("ALTER TABLE credentials NO FORCE ROW LEVEL SECURITY")
    op.execute("DELETE FROM credentials WHERE connection_id IS NOT NULL")
    op.execute("ALTER TABLE credentials FORCE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE credentials DROP CONSTRAINT credentials_kind_check")
    op.execute("ALTER TABLE credentials DROP COLUMN connection_id")
    op.execute("ALTER TABLE credentials ALTER COLUMN integration_id SET NOT NULL")
    op.execute(
        "ALTER TABLE credentials ADD CONSTRAINT credentials_kind_check "
        "CHECK (kind IN ('slack_bot_token', 'clickup_token'))"
    )
    for table in TABLES:
        op.execute(f"DROP TABLE {table}")
    op.execute("DROP FUNCTION oblivion_announce_connections()")
    op.execute("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM oblivion_mcp_hub")
    op.execute("REVOKE ALL ON SCHEMA public FROM oblivion_mcp_hub")
