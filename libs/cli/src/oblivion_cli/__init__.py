"""The `oblivion` command: up, demo, doctor and the admin verbs."""
