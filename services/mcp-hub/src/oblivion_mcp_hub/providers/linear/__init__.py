"""Linear: issues and comments."""

from oblivion_mcp_hub.providers.linear.session import SETTINGS_SCHEMA, check, open_linear
from oblivion_mcp_hub.providers.linear.tools import TOOLS
from oblivion_mcp_hub.providers.provider import Provider

LINEAR = Provider(
    name="linear",
    title="Linear",
    auth="api_key",
    settings_schema=SETTINGS_SCHEMA,
    tools=TOOLS,
    open=open_linear,
    check=check,
)
