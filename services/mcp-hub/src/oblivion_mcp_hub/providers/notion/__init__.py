"""Notion: tasks in a data source, pages, search."""

from oblivion_mcp_hub.providers.notion.session import SETTINGS_SCHEMA, check, open_notion
from oblivion_mcp_hub.providers.notion.tools import TOOLS
from oblivion_mcp_hub.providers.provider import Provider

NOTION = Provider(
    name="notion",
    title="Notion",
    auth="api_key",
    settings_schema=SETTINGS_SCHEMA,
    tools=TOOLS,
    open=open_notion,
    check=check,
)
