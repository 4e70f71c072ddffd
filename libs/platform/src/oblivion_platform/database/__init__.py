"""Postgres, the one truth: roles, migrations, and transactions that belong to one tenant."""
