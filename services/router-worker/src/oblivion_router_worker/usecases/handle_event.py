"""One stored event in; what it shall change at Slack and ClickUp decided.

All of a decision is one transaction: the event is marked as handled together with the outbox rows it led
to. Run again for the same event it changes nothing, so the queue may deliver a job more than once.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from oblivion_contracts.jobs import EventOutcome, ProcessEvent
from oblivion_platform.errors import OblivionFailure, PermanentFailure, RateLimited, TransientFailure
from oblivion_platform.safe_json import MalformedBody
from oblivion_router_worker.domain.clickup_events import parse_clickup
from oblivion_router_worker.domain.events import ClickUpEvent, SlackEvent
from oblivion_router_worker.domain.records import InboundEvent, Streaming
from oblivion_router_worker.domain.slack_events import parse_slack
from oblivion_router_worker.ports.deciding import Decision, Store
from oblivion_router_worker.ports.delivery import Sending
from oblivion_router_worker.ports.kicking import Kick
from oblivion_router_worker.ports.running import Aftermath, Follow
from oblivion_router_worker.usecases.turn import Turn
from oblivion_router_worker.usecases.turns_here import TurnHere, TurnsHere

Fact = SlackEvent | ClickUpEvent
HANDLED_BEFORE = "handled_before"
_TURN_RETRY_S = 0.075
_SUSPENDED_RETRY_S = 60.0


class NotOurTurn(TransientFailure):
    """Another event of the same task or thread is being decided right now."""

    def __init__(self) -> None:
        super().__init__("not_our_turn", "another event of the same subject is being handled", _TURN_RETRY_S)


class TenantSuspended(RateLimited):
    """Nothing is done for the event's tenant at present; its events wait, however long that takes."""

    def __init__(self) -> None:
        super().__init__(
            "tenant_suspended", "the tenant is suspended; its events wait for it", _SUSPENDED_RETRY_S
        )


Begin = Callable[[Decision, UUID, Aftermath], Awaitable[None]]
"""Brings runs that begin in the transaction as far as they go in it."""


class Decide(Protocol):
    """Knows what follows from what."""

    def at_once(self, fact: Fact) -> str | None:
        """The outcome if nothing can follow, whatever else is known: then no turn is needed."""
        ...

    async def __call__(self, turn: Turn, fact: Fact) -> str:
        """Decide what follows from a fact, write it, and return the outcome's code."""
        ...


@dataclass(frozen=True, slots=True)
class _Handled:
    outcome: str
    effects: int = 0
    destinations: Mapping[str, Sending | None] = field(default_factory=dict[str, Sending | None])
    aftermath: Aftermath | None = None
    covered: Collection[UUID] = ()
    """Other events that are handled with it."""


class HandleEvent:
    """Gives each event its turn; `decide` knows what to do with it."""

    def __init__(
        self,
        store: Store,
        decide: Decide,
        kick: Kick,
        follow: Follow | None = None,
        begin: Begin | None = None,
        *,
        streaming: Streaming = "off",
    ) -> None:
        self._streaming: Streaming = streaming
        self._store = store
        self._decide = decide
        self._kick = kick
        self._follow = follow
        self._begin = begin or _later
        self._turns = TurnsHere()

    async def __call__(self, command: ProcessEvent) -> EventOutcome:
        """Decide about the event, and tell the sender after the commit.

        Raises:
            NotOurTurn: try again in a moment.
            TenantSuspended: try again later.
            PermanentFailure: the event can never be handled.
            TransientFailure: Postgres, Slack or ClickUp is away or asks to wait.
        """
        handled = await self._decided(command)
        while isinstance(handled, TurnHere):
            await handled.over.wait()
            is_settled = command.event_id in handled.settled
            handled = _Handled(HANDLED_BEFORE) if is_settled else await self._decided(command)
        if isinstance(handled, OblivionFailure):
            # Not raised inside: a rollback makes the connection forget the statements it has prepared.
            raise handled
        # First what an agent waits for.
        if self._follow is not None and handled.aftermath is not None:
            self._follow(command.tenant_id, handled.aftermath)
        for destination, first in handled.destinations.items():
            self._kick(command.tenant_id, destination, first)
        return EventOutcome(outcome=handled.outcome, effects=handled.effects)

    async def _decided(self, command: ProcessEvent) -> _Handled | OblivionFailure | TurnHere:
        """In one transaction; or the turn to wait for."""
        with self._turns.possible() as turn:
            async with self._store.tenant(command.tenant_id) as decision:
                handled = await self._handle(decision, command, turn)
            if isinstance(handled, _Handled):
                turn.settled = handled.covered
        return handled

    async def _handle(
        self, decision: Decision, command: ProcessEvent, ours: TurnHere
    ) -> _Handled | OblivionFailure | TurnHere:
        event = await decision.inbox.waiting(command.event_id)
        if event is None:
            return _Handled(HANDLED_BEFORE)
        if event.is_suspended:
            return TenantSuspended()
        fact = parse(event)
        outcome = self._decide.at_once(fact)
        if outcome is not None:
            await decision.inbox.finish(event.id, outcome)
            return _Handled(outcome)
        subject = (command.tenant_id, event.subject)
        if not event.is_our_turn:
            return self._turns.to_wait_for(subject) or NotOurTurn()
        self._turns.begin(ours, subject)
        return await self._take_turn(decision, event, fact, command.traceparent)

    async def _take_turn(
        self, decision: Decision, event: InboundEvent, fact: Fact, traceparent: str | None
    ) -> _Handled:
        waiting = await decision.inbox.waiting_for(event.subject)
        # Whoever had the turn before may have handled this event along with its own.
        if all(other.id != event.id for other in waiting):
            return _Handled(HANDLED_BEFORE)
        others = [other for other in waiting if other.id != event.id]
        turn = Turn(decision, event, others, traceparent=traceparent, streaming=self._streaming)
        outcome = await self._decide(turn, fact)
        if turn.aftermath.begun:
            await self._begin(decision, event.tenant_id, turn.aftermath)
        await decision.inbox.finish(event.id, outcome, turn.covered)
        effects = turn.effects + turn.showing.effects
        aftermath = None if turn.aftermath.is_empty else turn.aftermath
        return _Handled(outcome, effects, turn.destinations, aftermath, turn.covered)


async def _later(_decision: Decision, _tenant_id: UUID, aftermath: Aftermath) -> None:
    aftermath.forward += aftermath.begun


def parse(event: InboundEvent) -> Fact:
    """What the event tells.

    Raises:
        PermanentFailure: its body was purged, cannot be read, or is of no source that we know.
    """
    if event.body is None:
        raise PermanentFailure("body_purged", "the event's body is past its retention; it cannot be replayed")
    try:
        if event.source == "slack":
            return parse_slack(event.body, bot_user_id=event.integration.config_text("bot_user_id"))
        if event.source == "clickup":
            return parse_clickup(event.body)
    except MalformedBody as malformed:
        raise PermanentFailure("malformed_body", f"the body cannot be read ({malformed.code})") from None
    raise PermanentFailure("unknown_source", "no part of this version handles events of that source")
