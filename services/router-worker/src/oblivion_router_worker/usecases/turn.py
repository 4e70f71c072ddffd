"""One event's turn: the transaction it is decided in, and what it decides."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from oblivion_contracts.jobs import EventPriority
from oblivion_router_worker.domain.effects import (
    Body,
    CreateComment,
    DeleteComment,
    Effect,
    PostReply,
    PostTask,
    UpdateComment,
    clickup_destination,
    slack_destination,
)
from oblivion_router_worker.domain.records import InboundEvent, Link, ShownTask, Streaming, WaitingEvent
from oblivion_router_worker.ports.deciding import Decision
from oblivion_router_worker.ports.delivery import Sending
from oblivion_router_worker.ports.running import Aftermath
from oblivion_router_worker.usecases.showing import Showing

_CREATIONS = (PostTask, PostReply, CreateComment)
_TO_CLICKUP = (CreateComment, UpdateComment, DeleteComment)


@dataclass(slots=True)
class Turn:
    """Nobody else decides about the event's subject while this lasts."""

    decision: Decision
    event: InboundEvent
    waiting: Sequence[WaitingEvent]
    """Other events of the subject that came before the turn began."""
    covered: list[UUID] = field(default_factory=list[UUID])
    """Those of them that need no turn of their own any more."""
    destinations: dict[str, Sending | None] = field(default_factory=dict[str, Sending | None])
    """Where something leaves for, and what of it is leased to us already."""
    effects: int = 0
    traceparent: str | None = None
    streaming: Streaming = "off"
    """Where the tenant's own settings say nothing."""
    aftermath: Aftermath = field(default_factory=Aftermath)
    """What of runs is to be told once it is committed."""
    showing: Showing = field(init=False)

    def __post_init__(self) -> None:
        self.showing = Showing(
            self.decision.outbox, self.event.tenant_id, self.event.id, destinations=self.destinations
        )

    async def send(self, body: Body, link: Link, shown: ShownTask, copy_id: UUID | None = None) -> None:
        """Decide that `body` shall leave, for this message (and this copy of a comment)."""
        to_clickup = isinstance(body, _TO_CLICKUP)
        effect = Effect(
            tenant_id=self.event.tenant_id,
            integration_id=link.clickup_integration_id if to_clickup else link.slack_integration_id,
            destination=(
                clickup_destination(link.clickup_integration_id, shown.task_id)
                if to_clickup
                else slack_destination(link.slack_integration_id, shown.channel)
            ),
            body=body,
            task_mapping_id=shown.id,
            priority=self._priority(body),
            mirror_event_id=copy_id,
            event_id=self.event.id,
        )
        leased = await self.decision.outbox.add(effect)
        self.destinations.setdefault(effect.destination, leased)
        self.effects += 1

    def cover(self, event_types: frozenset[str]) -> None:
        """Note that waiting events of these types are answered by what was fetched in this turn."""
        self.cover_where(lambda other: other.event_type in event_types)

    def cover_where(self, is_answered: Callable[[WaitingEvent], bool]) -> None:
        """Note that such waiting events are answered by what was fetched in this turn."""
        self.covered += [other.id for other in self.waiting if is_answered(other)]

    def _priority(self, body: Body) -> int:
        if self.event.is_gap_filling:
            return EventPriority.GAP_FILLING
        return EventPriority.CREATION if isinstance(body, _CREATIONS) else EventPriority.CHANGE
