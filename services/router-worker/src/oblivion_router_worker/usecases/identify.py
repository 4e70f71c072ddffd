"""Who speaks: a user of the tenant, a guest made just in time, or nobody."""

from collections.abc import Mapping
from typing import Any, Literal

from oblivion_router_worker.domain.events import ClickUpUser, SlackAuthor
from oblivion_router_worker.ports.deciding import Decision
from oblivion_router_worker.ports.reading import SlackReads
from oblivion_router_worker.ports.running import Person
from oblivion_router_worker.usecases.turn import Turn


class Identify:
    """`unknown_users`: what becomes of strangers where the tenant's settings say nothing."""

    def __init__(
        self, slack: SlackReads, unknown_users: Literal["guest", "refuse"], signs_in_at: str | None = None
    ) -> None:
        self._slack = slack
        self._unknown_users = unknown_users
        self._signs_in_at = signs_in_at

    async def __call__(self, turn: Turn, author: SlackAuthor) -> Person | None:
        """None: a stranger who is not let in, or somebody who was disabled."""
        if author.user_id is None:
            return None
        subject = f"{author.team_id or turn.event.integration.external_id}:{author.user_id}"
        person = await turn.decision.people.known("slack", subject)
        if person is not None or not await self.admits_strangers(turn):
            return _active(person)
        name = await self._slack.user_name(turn.event.integration, author.user_id)
        return await turn.decision.people.admit("slack", subject, name)

    async def of_message(self, turn: Turn, message: Mapping[str, Any]) -> Person | None:
        """Of whoever wrote a message that we fetched, if they are known: having written lets nobody in."""
        user = message.get("user")
        if not isinstance(user, str):
            return None
        team = message.get("user_team") or message.get("team") or turn.event.integration.external_id
        return _active(await turn.decision.people.known("slack", f"{team}:{user}"))

    async def of_clickup(self, turn: Turn, user: ClickUpUser) -> Person | None:
        """The same of a member of ClickUp."""
        person = await turn.decision.people.known("clickup", user.id)
        if person is not None or not await self.admits_strangers(turn):
            return _active(person)
        return await turn.decision.people.admit("clickup", user.id, user.name)

    async def sign_in_address(self, decision: Decision) -> str | None:
        """Where people sign in as who they are in Slack; None: they cannot."""
        return self._signs_in_at and self._signs_in_at + await decision.people.sign_in_path()

    async def admits_strangers(self, turn: Turn) -> bool:
        return (await turn.decision.people.unknown_users() or self._unknown_users) == "guest"


def _active(person: Person | None) -> Person | None:
    return person if person is not None and person.is_active else None
