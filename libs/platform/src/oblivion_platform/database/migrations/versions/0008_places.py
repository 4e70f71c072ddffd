"""Lists and channels as the router-worker last saw them, for those who link them."""

from alembic import op

revision = "0008"
down_revision = "0007"

# No id of its own: a place is what its integration calls it. What a reading came to stands in
# `integrations.health`, under `places`.
TABLE = """
    CREATE TABLE places (
        tenant_id uuid NOT NULL REFERENCES tenants,
        integration_id uuid NOT NULL,
        external_id text NOT NULL,
        kind text NOT NULL CHECK (kind IN ('list', 'channel')),
        name text NOT NULL,
        path text NOT NULL DEFAULT '',
        is_private boolean NOT NULL DEFAULT false,
        is_member boolean NOT NULL DEFAULT true,
        seen_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (tenant_id, integration_id, external_id),
        FOREIGN KEY (tenant_id, integration_id) REFERENCES integrations (tenant_id, id)
    )
"""


def upgrade() -> None:
    op.execute(TABLE)
    op.execute("ALTER TABLE places ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE places FORCE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY tenant_isolation ON places USING (tenant_id = oblivion_tenant())"
        " WITH CHECK (tenant_id = oblivion_tenant())"
    )
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON places TO oblivion_router_worker")
    op.execute("GRANT SELECT ON places TO oblivion_gateway")


def downgrade() -> None:
    op.execute("DROP TABLE places")
