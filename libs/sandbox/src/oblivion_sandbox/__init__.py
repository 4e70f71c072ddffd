"""Stand-ins for Slack and ClickUp: one process, real HTTP, durable state, faults on command."""
