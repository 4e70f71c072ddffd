"""Jira Cloud: issues and comments."""

from oblivion_mcp_hub.providers.jira.session import SETTINGS_SCHEMA, check, open_jira
from oblivion_mcp_hub.providers.jira.tools import TOOLS
from oblivion_mcp_hub.providers.provider import Provider

JIRA = Provider(
    name="jira",
    title="Jira",
    auth="api_key",
    settings_schema=SETTINGS_SCHEMA,
    tools=TOOLS,
    open=open_jira,
    check=check,
)
