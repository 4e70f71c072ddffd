"""One class per port: Postgres, Redis, Qdrant."""
