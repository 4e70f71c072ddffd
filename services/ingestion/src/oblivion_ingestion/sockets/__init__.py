"""The other way in: connections that ingestion opens itself."""
