"""A browser's cookie is renewed: for a while the next one and the one before open the door too."""

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    # Given to the browser, and not seen from it yet.
    op.execute("ALTER TABLE web_sessions ADD COLUMN next_hash bytea, ADD COLUMN offered_at timestamptz")
    # Of requests that were under way when the next one was first seen.
    op.execute(
        "ALTER TABLE web_sessions ADD COLUMN previous_hash bytea, ADD COLUMN previous_until timestamptz"
    )
    op.execute("ALTER TABLE web_sessions ADD COLUMN renewed_at timestamptz NOT NULL DEFAULT now()")
    for name in ("next_hash", "previous_hash"):
        op.execute(
            f"CREATE UNIQUE INDEX web_sessions_{name} ON web_sessions (tenant_id, {name})"
            f" WHERE {name} IS NOT NULL"
        )


def downgrade() -> None:
    for name in ("next_hash", "offered_at", "previous_hash", "previous_until", "renewed_at"):
        op.execute(f"ALTER TABLE web_sessions DROP COLUMN {name}")
