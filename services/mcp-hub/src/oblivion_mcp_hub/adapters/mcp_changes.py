"""What an MCP server says of changes of its lists, in both generations of the protocol."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from mcp.client.client import Client
from mcp.client.subscriptions import SubscriptionLost
from mcp.shared.exceptions import MCPError
from mcp.shared.subscriptions import PromptsListChanged, ResourcesListChanged, ToolsListChanged
from mcp_types import (
    PromptListChangedNotification,
    ResourceListChangedNotification,
    ServerNotification,
    ToolListChangedNotification,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from oblivion_mcp_hub.ports import LIST_KINDS, ListKind

LISTEN_AGAIN_S = 5.0

Tell = Callable[[ListKind], None]


def kind_of(notification: ServerNotification) -> ListKind | None:
    """Which list has changed, in the session era."""
    if isinstance(notification, ToolListChangedNotification):
        return "tools"
    if isinstance(notification, ResourceListChangedNotification):
        return "resources"
    return "prompts" if isinstance(notification, PromptListChangedNotification) else None


async def hear_changes(client: Client, tell: Tell) -> None:
    """Listen for as long as the server lets us; where it never says such things, return."""
    capabilities = client.server_capabilities
    parts = (capabilities.tools, capabilities.resources, capabilities.prompts)
    says_any = any(part is not None and part.list_changed for part in parts)
    if client.protocol_version not in MODERN_PROTOCOL_VERSIONS or not says_any:
        return
    while True:
        with suppress(MCPError, SubscriptionLost, TimeoutError):
            await _listen(client, tell)
        await asyncio.sleep(LISTEN_AGAIN_S)
        for kind in LIST_KINDS:  # Nobody heard what was said meanwhile.
            tell(kind)


async def _listen(client: Client, tell: Tell) -> None:
    async with client.listen(
        tools_list_changed=True, resources_list_changed=True, prompts_list_changed=True
    ) as events:
        async for event in events:
            if isinstance(event, ToolsListChanged):
                tell("tools")
            elif isinstance(event, ResourcesListChanged):
                tell("resources")
            elif isinstance(event, PromptsListChanged):
                tell("prompts")
