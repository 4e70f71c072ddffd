"""Admins change the tenant's settings from Slack too."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute("GRANT UPDATE (settings) ON tenants TO oblivion_router_worker")


def downgrade() -> None:
    op.execute("REVOKE UPDATE (settings) ON tenants FROM oblivion_router_worker")
