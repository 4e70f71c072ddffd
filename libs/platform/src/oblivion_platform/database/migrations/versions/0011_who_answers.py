"""Of the tenants that share one Slack app in one team, one answers the people who speak to it."""

from alembic import op

revision = "0011"
down_revision = "0010"

# Whoever was there first goes on answering; the others go on mirroring.
OLDEST_ANSWERS = """
    UPDATE integrations SET answers = false
    FROM (
        SELECT id, row_number() OVER (PARTITION BY app_id, external_id ORDER BY created_at, id) AS place
        FROM integrations WHERE source = 'slack' AND state = 'active' AND app_id IS NOT NULL
    ) AS shared
    WHERE shared.id = integrations.id AND shared.place > 1
"""


def upgrade() -> None:
    # Of Slack: people who speak to the app there are answered by this tenant's agents.
    op.execute("ALTER TABLE integrations ADD COLUMN answers boolean NOT NULL DEFAULT true")
    # Of every tenant: forced, row-level security would hide them from the owner.
    op.execute("ALTER TABLE integrations NO FORCE ROW LEVEL SECURITY")
    op.execute(OLDEST_ANSWERS)
    op.execute("ALTER TABLE integrations FORCE ROW LEVEL SECURITY")
    # Over all tenants, so that nobody has to look at another's rows.
    op.execute(
        "CREATE UNIQUE INDEX integrations_one_answers ON integrations (app_id, external_id)"
        " WHERE source = 'slack' AND state = 'active' AND answers"
    )


def downgrade() -> None:
    op.execute("DROP INDEX integrations_one_answers")
    op.execute("ALTER TABLE integrations DROP COLUMN answers")
