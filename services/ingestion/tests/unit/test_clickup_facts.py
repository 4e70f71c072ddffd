"""One happening in ClickUp has one dedupe key."""

import hashlib
import json
from typing import Any

import pytest

from oblivion_contracts.jobs import EventPriority
from oblivion_ingestion.domain.clickup import webhook_facts
from oblivion_ingestion.domain.deliveries import EventFacts
from oblivion_ingestion.errors import DeliveryMalformed

NOON_S = 1_800_000_000


def facts_of(**payload: Any) -> EventFacts:
    whole = {"webhook_id": "wh", "event": "taskUpdated", "task_id": "abc", **payload}
    return webhook_facts(whole, json.dumps(whole).encode(), NOON_S)


def test_creating_a_task_sends_two_events_of_one_history_item_and_both_count() -> None:
    created = facts_of(event="taskCreated", history_items=[{"id": "7"}])
    status = facts_of(event="taskStatusUpdated", history_items=[{"id": "7"}])
    assert created.dedupe_key == "wh:taskCreated:7"
    assert status.dedupe_key == "wh:taskStatusUpdated:7"


def test_the_order_of_history_items_does_not_matter() -> None:
    assert facts_of(history_items=[{"id": "2"}, {"id": "1"}]) == facts_of(
        history_items=[{"id": "1"}, {"id": "2"}]
    )


def test_two_webhooks_tell_two_events() -> None:
    one, two = (facts_of(webhook_id=name, history_items=[{"id": "7"}]) for name in ("a", "b"))
    assert one.dedupe_key != two.dedupe_key


@pytest.mark.parametrize(
    "items", [{}, {"history_items": []}, {"history_items": None}, {"history_items": [{}]}]
)
def test_without_history_items_a_repeat_is_the_same_bytes(items: dict[str, Any]) -> None:
    payload = {"webhook_id": "wh", "event": "taskDeleted", "task_id": "abc", **items}
    body = json.dumps(payload).encode()
    repeats = [webhook_facts(payload, body, NOON_S + later_s).dedupe_key for later_s in (0, 3599)]
    assert repeats == [f"wh:taskDeleted:{hashlib.sha256(body).hexdigest()}:{NOON_S // 3600}"] * 2


def test_a_task_deleted_again_after_it_was_restored_is_new() -> None:
    payload = {"webhook_id": "wh", "event": "taskDeleted", "task_id": "abc"}
    first, second = (webhook_facts(payload, b"same", NOON_S + later_s) for later_s in (0, 3600))
    assert first.dedupe_key != second.dedupe_key


@pytest.mark.parametrize(
    ("event", "priority"),
    [
        ("taskCreated", EventPriority.CREATION),
        ("taskCommentPosted", EventPriority.CREATION),
        ("taskUpdated", EventPriority.CHANGE),
        ("brandNewEvent", EventPriority.CHANGE),
    ],
)
def test_creations_go_before_changes(event: str, priority: EventPriority) -> None:
    assert facts_of(event=event).priority == priority


@pytest.mark.parametrize(
    ("payload", "subject"),
    [
        ({}, "task:abc"),
        ({"task_id": None, "list_id": 901}, "list:901"),
        ({"task_id": None, "folder_id": "5"}, "folder:5"),
        ({"task_id": None}, "webhook:wh"),
    ],
)
def test_events_of_one_task_or_place_have_one_subject(payload: dict[str, Any], subject: str) -> None:
    assert facts_of(**payload).subject == subject


def test_numeric_item_ids_are_the_same_as_their_text() -> None:
    assert facts_of(history_items=[{"id": 7}]) == facts_of(history_items=[{"id": "7"}])


@pytest.mark.parametrize(
    "wrong",
    [
        {"task_id": 5},
        {"event": []},
        {"history_items": {}},
        {"history_items": ["x"]},
        {"history_items": [{"id": True}]},
        {"history_items": [{"id": {}}]},
    ],
)
def test_a_field_of_the_wrong_type_is_malformed(wrong: dict[str, Any]) -> None:
    with pytest.raises(DeliveryMalformed):
        facts_of(**wrong)


def test_a_hostile_task_id_is_bounded() -> None:
    facts = facts_of(task_id="../" * 1000, history_items=[{"id": "9" * 1000}])
    assert len(facts.subject) <= 200
    assert len(facts.dedupe_key) <= 200
