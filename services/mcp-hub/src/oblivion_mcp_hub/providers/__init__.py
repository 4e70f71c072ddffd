"""The built-in providers: tools for what teams use most, over one small interface.

    provider = PROVIDERS["notion"]
    async with provider.open(token, settings, api_url) as session:
        tool = next(tool for tool in provider.tools if tool.name == "createTask")
        page = await tool.call(session, tool.input_model(title="buy milk"))

Every tool raises the failures of `oblivion_platform.errors`, each with one sentence that names the fix. The
texts in its results were written by others, and are to be treated so.
"""

from collections.abc import Mapping

from oblivion_mcp_hub.providers.clickup import CLICKUP
from oblivion_mcp_hub.providers.google_calendar import GOOGLE_CALENDAR
from oblivion_mcp_hub.providers.jira import JIRA
from oblivion_mcp_hub.providers.linear import LINEAR
from oblivion_mcp_hub.providers.notion import NOTION
from oblivion_mcp_hub.providers.provider import Annotations, Checked, Provider, ProviderTool
from oblivion_mcp_hub.providers.slack import SLACK

PROVIDERS: Mapping[str, Provider] = {
    provider.name: provider for provider in (NOTION, SLACK, LINEAR, JIRA, CLICKUP, GOOGLE_CALENDAR)
}

__all__ = ["PROVIDERS", "Annotations", "Checked", "Provider", "ProviderTool"]
