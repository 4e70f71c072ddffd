"""Alembic's environment: runs on the connection that `oblivion_platform.database.migrate` holds locked."""

from alembic import context

connection = context.config.attributes["connection"]
context.configure(connection=connection, transaction_per_migration=True)
with context.begin_transaction():
    context.run_migrations()
