"""What ingestion does, in terms of its ports."""
