"""Agents, sessions, runs, routing, sign-in."""

from pathlib import Path
from typing import Any

from alembic import op

revision = "0002"
down_revision = "0001"

SQL = Path(__file__).with_suffix(".sql")

TABLES = (
    "stats_minutely",
    "idempotency_keys",
    "route_labels",
    "route_decisions",
    "approvals",
    "run_events",
    "runs",
    "workflows",
    "session_messages",
    "sessions",
    "route_rules",
    "client_secrets",
    "agent_aliases",
    "agents",
    "signing_keys",
    "web_sessions",
)


def upgrade() -> None:
    # The driver's own execute: without parameters psycopg takes many statements at once.
    driver_connection: Any = op.get_bind().connection.dbapi_connection
    driver_connection.execute(SQL.read_text())


def downgrade() -> None:
    op.execute("ALTER TABLE outbox DROP COLUMN run_id")
    for table in TABLES:
        op.execute(f"DROP TABLE {table}")
    op.execute("DROP TRIGGER tenant_suspended ON tenants")
    for function in ("agents", "mute", "tenant", "signing_keys"):
        op.execute(f"DROP FUNCTION oblivion_announce_{function}()")
    for table in ("inbound_events", "outbox"):
        op.execute(f"DROP POLICY relay_serves_active ON {table}")
    op.execute("REVOKE SELECT (id, state) ON tenants FROM oblivion_relay")
    op.execute("ALTER TABLE users DROP COLUMN is_operator, DROP COLUMN preferences")
    op.execute("ALTER TABLE tenants DROP COLUMN settings")
    op.execute("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM oblivion_gateway")
    op.execute("REVOKE ALL ON SCHEMA public FROM oblivion_gateway")
