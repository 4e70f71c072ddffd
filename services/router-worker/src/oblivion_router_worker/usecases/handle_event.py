"""One stored event in; what it shall change at Slack and ClickUp decided.

All of a decision is one transaction: the event is marked as handled together with the outbox rows it led
to. Run again for the same event it changes nothing, so the queue may deliver a job more than once.
"""

from collections.abc import Awaitable, Callable

from oblivion_contracts.jobs import EventOutcome, ProcessEvent
from oblivion_platform.errors import PermanentFailure, TransientFailure
from oblivion_platform.safe_json import MalformedBody
from oblivion_router_worker.domain.clickup_events import parse_clickup
from oblivion_router_worker.domain.events import ClickUpEvent, SlackEvent
from oblivion_router_worker.domain.records import InboundEvent
from oblivion_router_worker.domain.slack_events import parse_slack
from oblivion_router_worker.ports.deciding import Decision, Store
from oblivion_router_worker.ports.kicking import Kick
from oblivion_router_worker.usecases.turn import Turn

Fact = SlackEvent | ClickUpEvent
Decide = Callable[[Turn, Fact], Awaitable[str]]
"""Decides what follows from a fact, writes it, and returns the outcome's code."""

HANDLED_BEFORE = EventOutcome(outcome="handled_before")
_TURN_RETRY_S = 0.075


class NotOurTurn(TransientFailure):
    """Another event of the same task or thread is being decided right now."""

    def __init__(self) -> None:
        super().__init__("not_our_turn", "another event of the same subject is being handled", _TURN_RETRY_S)


class HandleEvent:
    """Gives each event its turn; `decide` knows what to do with it."""

    def __init__(self, store: Store, decide: Decide, kick: Kick) -> None:
        self._store = store
        self._decide = decide
        self._kick = kick

    async def __call__(self, command: ProcessEvent) -> EventOutcome:
        """Decide about the event, and tell the sender after the commit.

        Raises:
            NotOurTurn: try again in a moment.
            PermanentFailure: the event can never be handled.
            TransientFailure: Postgres, Slack or ClickUp is away or asks to wait.
        """
        async with self._store.tenant(command.tenant_id) as decision:
            turn = await _turn(decision, command)
            if turn is None:
                return HANDLED_BEFORE
            outcome = await self._decide(turn, parse(turn.event))
            await decision.inbox.finish(turn.event.id, outcome, turn.covered)
        for destination in turn.destinations:
            self._kick(command.tenant_id, destination)
        return EventOutcome(outcome=outcome, effects=turn.effects)


async def _turn(decision: Decision, command: ProcessEvent) -> Turn | None:
    event = await decision.inbox.waiting(command.event_id)
    if event is None:
        return None
    if not event.is_our_turn:
        raise NotOurTurn
    waiting = await decision.inbox.waiting_for(event.subject)
    # Whoever had the turn before may have handled this event along with its own.
    if all(other.id != event.id for other in waiting):
        return None
    return Turn(decision, event, [other for other in waiting if other.id != event.id])


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
