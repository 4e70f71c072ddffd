"""Who speaks: a user of the tenant, a guest made just in time, or nobody."""

from typing import Literal

from oblivion_router_worker.domain.events import SlackAuthor
from oblivion_router_worker.ports.reading import SlackReads
from oblivion_router_worker.ports.running import Person
from oblivion_router_worker.usecases.turn import Turn


class Identify:
    """`unknown_users`: what becomes of strangers where the tenant's settings say nothing."""

    def __init__(self, slack: SlackReads, unknown_users: Literal["guest", "refuse"]) -> None:
        self._slack = slack
        self._unknown_users = unknown_users

    async def __call__(self, turn: Turn, author: SlackAuthor) -> Person | None:
        """None: a stranger who is not let in, or somebody who was disabled."""
        if author.user_id is None:
            return None
        subject = f"{author.team_id or turn.event.integration.external_id}:{author.user_id}"
        people = turn.decision.people
        person = await people.known("slack", subject)
        if person is not None:
            return person if person.is_active else None
        if (await people.unknown_users() or self._unknown_users) == "refuse":
            return None
        name = await self._slack.user_name(turn.event.integration, author.user_id)
        return await people.admit("slack", subject, name)
