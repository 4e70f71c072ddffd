"""ClickUp: tasks, comments, lists."""

from oblivion_mcp_hub.providers.clickup.session import SETTINGS_SCHEMA, check, open_clickup
from oblivion_mcp_hub.providers.clickup.tools import TOOLS
from oblivion_mcp_hub.providers.provider import Provider

CLICKUP = Provider(
    name="clickup",
    title="ClickUp",
    auth="api_key",
    settings_schema=SETTINGS_SCHEMA,
    tools=TOOLS,
    open=open_clickup,
    check=check,
)
