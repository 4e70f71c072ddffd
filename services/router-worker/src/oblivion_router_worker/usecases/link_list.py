"""`/oblivion link LIST_ID`: the channel follows a ClickUp list from now on."""

from typing import Protocol

from oblivion_platform.errors import OblivionFailure
from oblivion_router_worker.domain.records import Integration
from oblivion_router_worker.domain.text import text_to_mrkdwn
from oblivion_router_worker.usecases.turn import Turn


class Lists(Protocol):
    async def list_name(self, integration: Integration, list_id: str) -> str | None:
        """None: ClickUp has no such list, or does not show it to us."""
        ...


class LinkList:
    def __init__(self, lists: Lists) -> None:
        self._lists = lists

    async def __call__(self, turn: Turn, channel: str, list_id: str) -> str:
        """Link, and say in words how it went."""
        if not list_id:
            return "Say which list: `/oblivion link LIST_ID`. The id is the number in the list's address."
        for integration in await turn.decision.desk.clickup_integrations():
            try:
                name = await self._lists.list_name(integration, list_id)
            except OblivionFailure as failure:
                return f"ClickUp could not be asked: {failure.message}."
            if name is not None:
                slack = turn.event.integration
                await turn.decision.desk.link_list(integration.id, list_id, name, slack.id, channel)
                shown = text_to_mrkdwn(name)
                return (
                    f"Linked: tasks of the list *{shown}* appear in this channel from now on. Invite me with "
                    "`/invite @oblivion` if I am not here yet."
                )
        return "ClickUp has no such list, or does not show it to Oblivion. Is the id right?"
