"""Tenants, people, integrations, secrets, mappings, inbox, outbox and audit, behind row-level security."""

from pathlib import Path
from typing import Any

from alembic import op

revision = "0001"
down_revision = None

SQL = Path(__file__).with_suffix(".sql")

TABLES = (
    "audit_log",
    "outbox",
    "mirror_events",
    "task_mappings",
    "project_mappings",
    "inbound_events",
    "credentials",
    "signing_secrets",
    "integrations",
    "user_identities",
    "users",
    "tenant_keys",
    "tenants",
)


def upgrade() -> None:
    # The driver's own execute: without parameters psycopg takes many statements at once.
    driver_connection: Any = op.get_bind().connection.dbapi_connection
    driver_connection.execute(SQL.read_text())


def downgrade() -> None:
    for table in TABLES:
        op.execute(f"DROP TABLE {table}")
    op.execute("DROP FUNCTION oblivion_tenant()")
    op.execute("DROP FUNCTION oblivion_announce_signing_secret()")
