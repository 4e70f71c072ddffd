"""Slack: messages, channels, people."""

from oblivion_mcp_hub.providers.provider import Provider
from oblivion_mcp_hub.providers.slack.session import SETTINGS_SCHEMA, check, open_slack
from oblivion_mcp_hub.providers.slack.tools import TOOLS

SLACK = Provider(
    name="slack",
    title="Slack",
    auth="bot_token",
    settings_schema=SETTINGS_SCHEMA,
    tools=TOOLS,
    open=open_slack,
    check=check,
)
