"""Outbound: one class per port, the only modules that touch Postgres, Redis, Slack and ClickUp."""
