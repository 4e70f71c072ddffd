"""Sign-ins: connections by OAuth, identities that the hub signs, and keys that are sealed anew."""

from pathlib import Path
from typing import Any

from alembic import op

revision = "0005"
down_revision = "0004"

SQL = Path(__file__).with_suffix(".sql")


def upgrade() -> None:
    # The driver's own execute: without parameters psycopg takes many statements at once.
    driver_connection: Any = op.get_bind().connection.dbapi_connection
    driver_connection.execute(SQL.read_text())


def downgrade() -> None:
    op.execute("REVOKE SELECT (tenant_id, body) ON idempotency_keys FROM oblivion_cli")
    op.execute("REVOKE DELETE ON tenant_keys FROM oblivion_cli")
    op.execute("REVOKE INSERT, UPDATE (state, rotated_at) ON signing_keys FROM oblivion_mcp_hub")
    op.execute("REVOKE SELECT ON signing_keys FROM oblivion_mcp_hub")
    op.execute("GRANT SELECT (id, tenant_id, public_jwk, state) ON signing_keys TO oblivion_mcp_hub")
    op.execute("DROP POLICY hub_signs_identities ON signing_keys")
    op.execute("DROP TABLE oauth_flows")
    # Of every tenant: forced, row-level security would hide them from the owner.
    for table in ("signing_keys", "credentials"):
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute("DELETE FROM signing_keys WHERE purpose = 'identity'")
    op.execute("DELETE FROM credentials WHERE kind IN ('oauth_client', 'oauth_tokens')")
    for table in ("signing_keys", "credentials"):
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute("DROP INDEX signing_keys_one_current")
    op.execute("ALTER TABLE signing_keys DROP COLUMN purpose")
    op.execute(
        "CREATE UNIQUE INDEX signing_keys_one_current ON signing_keys (tenant_id) WHERE state = 'current'"
    )
    op.execute("REVOKE UPDATE (ciphertext, expires_at) ON credentials FROM oblivion_mcp_hub")
    op.execute("DROP INDEX credentials_one_per_connection")
    op.execute(
        "CREATE UNIQUE INDEX credentials_one_per_connection ON credentials (tenant_id, connection_id)"
        " WHERE state = 'live' AND connection_id IS NOT NULL"
    )
    op.execute("ALTER TABLE credentials DROP CONSTRAINT credentials_kind_check")
    op.execute(
        "ALTER TABLE credentials ADD CONSTRAINT credentials_kind_check CHECK ("
        " kind IN ('slack_bot_token', 'clickup_token', 'connection_secret')"
        " AND (kind = 'connection_secret') = (connection_id IS NOT NULL))"
    )
    op.execute("ALTER TABLE mcp_connections DROP COLUMN sign_in, DROP COLUMN auth")
