"""Agents as a whole: from what people say in Slack, ClickUp and a terminal to what they read there."""
