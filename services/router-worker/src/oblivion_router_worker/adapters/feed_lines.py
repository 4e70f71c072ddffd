"""What becomes of events and effects, as metrics and as lines of the live feed."""

from collections.abc import Sequence

from oblivion_contracts.feed import FeedKind, FeedLevel
from oblivion_contracts.jobs import EventOutcome, ProcessEvent
from oblivion_platform.feed import Line, Teller
from oblivion_router_worker.adapters.delivery_metrics import DeliveryMetrics
from oblivion_router_worker.adapters.event_metrics import EventMetrics
from oblivion_router_worker.domain.retry import Dead, Failed, Postponed, Sent, Settlement
from oblivion_router_worker.ports.delivery import DueDestination, Sending
from oblivion_router_worker.usecases.handle_event import HANDLED_BEFORE

NO_NEWS = frozenset({"not_our_turn"})
"""Events of one subject wait for each other all the time."""


class EventsTold:
    """Implements `processors.webhook_events.Watch`."""

    def __init__(self, metrics: EventMetrics, feed: Teller) -> None:
        self._metrics = metrics
        self._feed = feed

    def handled(
        self, command: ProcessEvent, outcome: EventOutcome, processing_s: float, total_s: float
    ) -> None:
        self._metrics.handled(outcome.outcome, processing_s, total_s)
        if outcome.outcome == HANDLED_BEFORE:
            return
        led_to = f", {outcome.effects} to be sent" if outcome.effects else ""
        words = f"An event was handled: {_plain(outcome.outcome)}{led_to}"
        self._feed.tell(command.tenant_id, Line("event.handled", words, event_id=command.event_id))

    def failed(self, command: ProcessEvent, code: str, verdict: str) -> None:
        self._metrics.failed(code, verdict)
        if code in NO_NEWS:
            return
        words = f"An event could not be handled ({code})"
        if verdict == "give_up":
            line = Line("event.dead", f"{words} and is a dead letter", "error", event_id=command.event_id)
        else:
            line = Line("event.failed", f"{words}: again later", "warning", event_id=command.event_id)
        self._feed.tell(command.tenant_id, line)


class EffectsTold:
    """Implements `ports.delivery_watch.DeliveryWatch`."""

    def __init__(self, metrics: DeliveryMetrics, feed: Teller) -> None:
        self._metrics = metrics
        self._feed = feed

    def tried(self, sending: Sending, settlement: Settlement, took_s: float) -> None:
        self._metrics.tried(sending, settlement, took_s)
        self._feed.tell(sending.effect.tenant_id, line_of_try(sending, settlement))

    def swept(self, due: Sequence[DueDestination]) -> None:
        self._metrics.swept(due)


def line_of_try(sending: Sending, settlement: Settlement) -> Line:
    """What the feed says of one try of an effect."""
    effect = sending.effect
    kind, level, came = _came_of(settlement)
    words = f"{_plain(effect.kind)}: {came}"
    return Line(kind, words, level, event_id=effect.event_id, run_id=effect.run_id)


def _came_of(settlement: Settlement) -> tuple[FeedKind, FeedLevel, str]:
    match settlement:
        case Sent(skipped=None):
            return "effect.sent", "info", "sent"
        case Sent(skipped=why):
            return "effect.sent", "info", f"not needed ({why})"
        case Postponed(code=code):
            return "effect.postponed", "info", f"waits ({code})"
        case Failed(code=code):
            return "effect.failed", "warning", f"failed ({code}), again later"
        case Dead(code=code):
            return "effect.dead", "error", f"given up ({code}), a dead letter"


def _plain(code: str) -> str:
    """`slack.post_task` → "slack, post task"."""
    return code.replace(".", ", ").replace(":", ", ").replace("_", " ")
