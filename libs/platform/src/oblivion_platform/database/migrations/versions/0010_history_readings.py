"""What runs read of earlier ones, and whose words that was: it counts for their trust."""

from alembic import op

revision = "0010"
down_revision = "0009"

# Whose words, not how far they were trusted: who somebody is, and which connections are trusted, may change.
TABLE = """
    CREATE TABLE history_readings (
        tenant_id uuid NOT NULL REFERENCES tenants,
        -- The run that was given them.
        run_id uuid NOT NULL,
        -- The earlier one that they are of.
        found_run_id uuid NOT NULL,
        -- NULL among them: somebody whom nobody knows.
        speakers uuid[] NOT NULL,
        -- Whose tools' results are in it, too.
        connections uuid[] NOT NULL,
        at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (tenant_id, run_id, found_run_id),
        FOREIGN KEY (tenant_id, run_id) REFERENCES runs (tenant_id, id)
    )
"""


def upgrade() -> None:
    op.execute(TABLE)
    op.execute("ALTER TABLE history_readings ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE history_readings FORCE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY tenant_isolation ON history_readings USING (tenant_id = oblivion_tenant())"
        " WITH CHECK (tenant_id = oblivion_tenant())"
    )
    op.execute("GRANT SELECT, INSERT ON history_readings TO oblivion_gateway")
    op.execute("GRANT SELECT ON history_readings TO oblivion_mcp_hub")


def downgrade() -> None:
    op.execute("DROP TABLE history_readings")
