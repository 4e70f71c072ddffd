"""`/oblivion link LIST_ID`: the channel follows a ClickUp list from now on."""

from typing import Protocol

from oblivion_platform.errors import OblivionFailure
from oblivion_platform.operations.audit import Actor, note
from oblivion_router_worker.domain.records import Integration
from oblivion_router_worker.domain.text import text_to_mrkdwn
from oblivion_router_worker.ports.running import Person
from oblivion_router_worker.usecases.turn import Turn


class Lists(Protocol):
    async def list_name(self, integration: Integration, list_id: str) -> str | None:
        """None: ClickUp has no such list, or does not show it to us."""
        ...


class LinkList:
    def __init__(self, lists: Lists) -> None:
        self._lists = lists

    async def __call__(self, turn: Turn, person: Person, channel: str, list_id: str) -> str:
        """Link, and say in words how it went."""
        if not (list_id.isascii() and list_id.isdigit()):
            return (
                "Say which list: `/oblivion link`, and then the list's address in ClickUp, or the number at "
                "its end."
            )
        for integration in await turn.decision.desk.clickup_integrations():
            try:
                name = await self._lists.list_name(integration, list_id)
            except OblivionFailure as failure:
                return f"ClickUp could not be asked: {failure.message}."
            if name is not None:
                slack = turn.event.integration
                await turn.decision.desk.link_list(integration.id, list_id, name, slack.id, channel)
                tx, actor = turn.decision.tx, Actor(f"user:{person.user_id}")
                linked = {"clickup_list": list_id, "slack_channel": channel}
                await note(tx, turn.event.tenant_id, actor, "mapping.linked", list_id, **linked)
                shown = text_to_mrkdwn(name)
                return (
                    f"Linked: tasks of the list *{shown}* appear in this channel from now on. Invite me with "
                    "`/invite @oblivion` if I am not here yet."
                )
        return "ClickUp has no such list, or does not show it to Oblivion. Is the id right?"
