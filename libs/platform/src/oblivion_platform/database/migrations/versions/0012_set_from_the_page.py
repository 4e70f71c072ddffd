"""Admins change the tenant's settings on the page too, and try a mapping with a task of their own."""

from alembic import op

revision = "0012"
down_revision = "0011"

# A sample is one effect like any other; what becomes of it is the router-worker's.
SAMPLE = "INSERT (id, tenant_id, integration_id, destination, kind, payload, coalesce_key, priority)"


def upgrade() -> None:
    op.execute("GRANT UPDATE (settings) ON tenants TO oblivion_gateway")
    op.execute(f"GRANT {SAMPLE} ON outbox TO oblivion_gateway")


def downgrade() -> None:
    op.execute("REVOKE UPDATE (settings) ON tenants FROM oblivion_gateway")
    op.execute(f"REVOKE {SAMPLE} ON outbox FROM oblivion_gateway")
