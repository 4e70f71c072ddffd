"""Google Calendar: events, and when people are busy."""

from oblivion_mcp_hub.providers.google_calendar.session import SETTINGS_SCHEMA, check, open_calendar
from oblivion_mcp_hub.providers.google_calendar.tools import TOOLS
from oblivion_mcp_hub.providers.provider import Provider

GOOGLE_CALENDAR = Provider(
    name="google_calendar",
    title="Google Calendar",
    auth="oauth",
    settings_schema=SETTINGS_SCHEMA,
    tools=TOOLS,
    open=open_calendar,
    check=check,
)
