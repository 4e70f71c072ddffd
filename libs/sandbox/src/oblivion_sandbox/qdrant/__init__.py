"""The Qdrant stand-in: Qdrant's REST API on the client library's own local mode."""
