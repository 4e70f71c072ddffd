"""What a tool's server said of it when it was pinned, to be shown beside what it says later."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    # Not jsonb, which cannot hold every text that JSON can: servers say what they like.
    op.execute("ALTER TABLE tool_pins ADD COLUMN definition json")


def downgrade() -> None:
    op.execute("ALTER TABLE tool_pins DROP COLUMN definition")
