"""What the live feed says of events and effects."""

from uuid import uuid4

import pytest

from oblivion_contracts.jobs import EventOutcome, ProcessEvent
from oblivion_platform.testing.feed import HeardLines
from oblivion_router_worker.adapters.delivery_metrics import DeliveryMetrics
from oblivion_router_worker.adapters.event_metrics import EventMetrics
from oblivion_router_worker.adapters.feed_lines import EffectsTold, EventsTold
from oblivion_router_worker.domain.effects import Effect, PostReply
from oblivion_router_worker.domain.retry import Dead, Failed, Postponed, Sent
from oblivion_router_worker.ports.delivery import Sending

PRIVATE = "a word of somebody"


@pytest.fixture
def command() -> ProcessEvent:
    return ProcessEvent(event_id=uuid4(), tenant_id=uuid4())


def test_an_event_is_a_line_with_its_outcome_and_what_it_led_to(command: ProcessEvent) -> None:
    heard = HeardLines()
    told = EventsTold(EventMetrics(), heard)
    told.handled(command, EventOutcome(outcome="ignored:echo"), 0.1, 0.2)
    told.handled(command, EventOutcome(outcome="mirrored", effects=2), 0.1, 0.2)
    assert heard.words == [
        ("event.handled", "info", "An event was handled: ignored, echo"),
        ("event.handled", "info", "An event was handled: mirrored, 2 to be sent"),
    ]
    assert {(tenant, line.event_id) for tenant, line in heard.told} == {(command.tenant_id, command.event_id)}


def test_an_event_that_was_handled_before_or_waits_for_another_is_no_news(command: ProcessEvent) -> None:
    heard = HeardLines()
    told = EventsTold(EventMetrics(), heard)
    told.handled(command, EventOutcome(outcome="handled_before"), 0.1, 0.2)
    told.failed(command, "not_our_turn", "park")
    assert heard.words == []


@pytest.mark.parametrize(
    ("verdict", "line"),
    [
        ("park", ("event.failed", "warning", "An event could not be handled (away): again later")),
        ("retry", ("event.failed", "warning", "An event could not be handled (away): again later")),
        (
            "give_up",
            ("event.dead", "error", "An event could not be handled (away) and is a dead letter"),
        ),
    ],
)
def test_an_event_that_failed_says_what_follows(
    command: ProcessEvent, verdict: str, line: tuple[str, str, str]
) -> None:
    heard = HeardLines()
    EventsTold(EventMetrics(), heard).failed(command, "away", verdict)
    assert heard.words == [line]


@pytest.mark.parametrize(
    ("settlement", "line"),
    [
        (Sent(made_id="1.2"), ("effect.sent", "info", "slack, post reply: sent")),
        (Sent(skipped="gone"), ("effect.sent", "info", "slack, post reply: not needed (gone)")),
        (
            Postponed(1.0, "ratelimited"),
            ("effect.postponed", "info", "slack, post reply: waits (ratelimited)"),
        ),
        (
            Failed(1.0, "slack_timeout", PRIVATE, unanswered=True),
            ("effect.failed", "warning", "slack, post reply: failed (slack_timeout), again later"),
        ),
        (
            Dead("channel_not_found", PRIVATE),
            ("effect.dead", "error", "slack, post reply: given up (channel_not_found), a dead letter"),
        ),
    ],
)
def test_a_try_of_an_effect_is_a_line_without_what_is_sent(
    settlement: Sent | Postponed | Failed | Dead, line: tuple[str, str, str]
) -> None:
    effect = Effect(
        uuid4(), uuid4(), "slack:T:C", PostReply(PRIVATE, []), None, 0, event_id=uuid4(), run_id=uuid4()
    )
    sending = Sending(effect, 1, unanswered=False, created_at=0.0, age_s=0.0, lease_ends_at=0.0)
    heard = HeardLines()
    EffectsTold(DeliveryMetrics(), heard).tried(sending, settlement, 0.1)
    assert heard.words == [line]
    assert (heard.told[0][0], heard.told[0][1].run_id) == (effect.tenant_id, effect.run_id)
    assert PRIVATE not in str(heard.told)
