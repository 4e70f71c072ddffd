"""The command line, too, passes on what others asked a run that it stops."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("GRANT UPDATE (run_id) ON session_messages TO oblivion_cli")


def downgrade() -> None:
    op.execute("REVOKE UPDATE (run_id) ON session_messages FROM oblivion_cli")
