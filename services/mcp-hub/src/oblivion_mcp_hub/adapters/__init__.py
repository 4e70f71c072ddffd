"""One class per port: Postgres, Redis, tool servers."""
