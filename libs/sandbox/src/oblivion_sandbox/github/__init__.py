"""The GitHub stand-in: one small repository to read through the REST API, under a token."""
