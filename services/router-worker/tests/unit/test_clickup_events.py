import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oblivion_platform.safe_json import MalformedBody
from oblivion_router_worker.domain.clickup_events import parse_clickup
from oblivion_router_worker.domain.clickup_values import clickup_id, is_clickup_id, unix_ms
from oblivion_router_worker.domain.events import (
    ClickUpEvent,
    ClickUpUser,
    CommentEdited,
    CommentPosted,
    TaskChanged,
    TaskCreated,
    TaskDeleted,
    TaskMoved,
    Unhandled,
)

JOHN: dict[str, Any] = {
    "id": 183,
    "username": "John",
    "email": "john@company.example",
    "color": "#7b68ee",
    "initials": "J",
    "profilePicture": None,
}
HOOK = "7fa3ec74-69a8-4530-a251-8a13730bd204"


def item(field: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": "2800763136717140857",
        "type": 1,
        "date": "1642734631523",
        "field": field,
        "parent_id": "162641062",
        "data": {},
        "source": None,
        "user": JOHN,
        "before": None,
        "after": None,
        **changes,
    }


def webhook(event: str, items: Any = ..., task_id: Any = "1vj37mc") -> bytes:
    body = {"event": event, "history_items": items, "task_id": task_id, "webhook_id": HOOK}
    return json.dumps({key: value for key, value in body.items() if value is not ...}).encode()


STATUS = item(
    "status",
    data={"status_type": "open"},
    before={"status": None, "color": "#000000", "type": "removed", "orderindex": -1},
    after={"status": "to do", "color": "#f9d900", "orderindex": 0, "type": "open"},
)


def test_a_task_was_created() -> None:
    items = [STATUS, item("task_creation", id="2800763136700363640")]
    assert parse_clickup(webhook("taskCreated", items)) == TaskCreated(
        HOOK, "1vj37mc", ClickUpUser("183", "John")
    )


def test_the_order_of_the_history_means_nothing() -> None:
    items = [item("task_creation", user=None), STATUS]
    assert parse_clickup(webhook("taskCreated", items)) == parse_clickup(webhook("taskCreated", items[::-1]))


@pytest.mark.parametrize("items", [..., None, [], {}, "x", [None, 1, "x"]])
def test_without_history_the_task_is_still_known(items: Any) -> None:
    assert parse_clickup(webhook("taskCreated", items)) == TaskCreated(HOOK, "1vj37mc", None)
    assert parse_clickup(webhook("taskUpdated", items)) == TaskChanged(HOOK, "1vj37mc", frozenset(), None)
    assert parse_clickup(webhook("taskMoved", items)) == TaskMoved(HOOK, "1vj37mc", None, None)
    assert isinstance(parse_clickup(webhook("taskCommentPosted", items)), Unhandled)


@pytest.mark.parametrize(
    ("event", "changed"),
    [
        ("taskStatusUpdated", STATUS),
        ("taskAssigneeUpdated", item("assignee_add", after=JOHN)),
        ("taskPriorityUpdated", item("priority", after={"id": "2", "priority": "high", "color": "#ffcc00"})),
        ("taskDueDateUpdated", item("due_date", before="1642701600000", after="1643608800000")),
        ("taskTagUpdated", item("tag", after=[{"name": "design"}])),
        ("taskUpdated", item("content", after='{"ops":[{"insert":"words\\n"}]}')),
        ("taskUpdated", item("name", before="old", after="new")),
    ],
)
def test_a_change_names_its_fields_whatever_shape_before_and_after_have(
    event: str, changed: dict[str, Any]
) -> None:
    parsed = parse_clickup(webhook(event, [changed]))
    assert parsed == TaskChanged(HOOK, "1vj37mc", frozenset({changed["field"]}), ClickUpUser("183", "John"))


def test_a_deleted_task_comes_without_history() -> None:
    assert parse_clickup(webhook("taskDeleted")) == TaskDeleted(HOOK, "1vj37mc")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"id": "162641062", "name": "Webhooks"}, {"id": "162641063", "name": "Other"}),
        ("162641062", "162641063"),
        (162641062, 162641063),
    ],
)
def test_a_moved_task_tells_from_where_to_where(before: object, after: object) -> None:
    items = [item("status"), item("section_moved", before=before, after=after)]
    assert parse_clickup(webhook("taskMoved", items)) == TaskMoved(HOOK, "1vj37mc", "162641062", "162641063")


COMMENT = {
    "id": "648893191",
    "date": "1642736652800",
    "parent": "1vj38vv",
    "type": 1,
    "comment": [
        {"text": "see ", "attributes": {}},
        {"text": "this", "attributes": {"bold": True}},
        {"text": "\n", "attributes": {"block-id": "block-4c8fe54f"}},
    ],
    "text_content": "see this\n",
    "user": {"id": 9, "username": "Ana"},
    "resolved": False,
}


def test_a_comment_is_read_with_words_format_and_author() -> None:
    items = [item("something"), item("comment", after="648893191", comment=COMMENT)]
    parsed = parse_clickup(webhook("taskCommentPosted", items))
    assert parsed == CommentPosted(
        HOOK, "1vj37mc", "648893191", "see this\n", "see **this**", ClickUpUser("9", "Ana"), 1642736652800
    )


def test_an_edited_comment_is_read_alike() -> None:
    parsed = parse_clickup(webhook("taskCommentUpdated", [item("comment", comment=COMMENT)]))
    assert isinstance(parsed, CommentEdited)
    assert (parsed.comment_id, parsed.text, parsed.author) == (
        "648893191",
        "see this\n",
        ClickUpUser("9", "Ana"),
    )


def test_a_comment_without_parts_has_its_plain_text() -> None:
    comment = {"id": 648893191, "text_content": "*plain* words\n"}
    parsed = parse_clickup(webhook("taskCommentPosted", [item("comment", comment=comment)]))
    assert isinstance(parsed, CommentPosted)
    assert parsed.markdown == r"\*plain\* words"
    assert parsed.author == ClickUpUser("183", "John")
    only_parts = {"id": "1", "comment": [{"text": "parts"}]}
    parsed = parse_clickup(webhook("taskCommentPosted", [item("comment", comment=only_parts)]))
    assert isinstance(parsed, CommentPosted)
    assert parsed.text == "parts"


def test_a_comment_without_a_usable_id_is_unhandled() -> None:
    for comment in ({"text_content": "x"}, {"id": "../x", "text_content": "x"}):
        parsed = parse_clickup(webhook("taskCommentPosted", [item("comment", comment=comment)]))
        assert parsed == Unhandled("taskCommentPosted", "comment_missing")


@pytest.mark.parametrize(
    "task_id",
    [
        ...,
        None,
        "",
        "../../team/1",
        "a/b",
        "a?b=c",
        "a#b",
        "a%2fb",
        "a\nb",
        "a b",
        "é",
        "x" * 65,
        "abc\n",
        {},
        1.5,
        True,
    ],
)
def test_a_task_id_that_could_change_an_address_is_refused(task_id: object) -> None:
    parsed = parse_clickup(webhook("taskUpdated", [STATUS], task_id))
    assert parsed == Unhandled("taskUpdated", "task_id_missing_or_unsafe")


@given(st.text(max_size=70) | st.integers() | st.none())
def test_no_unsafe_id_passes(value: object) -> None:
    safe = clickup_id(value)
    if safe is not None:
        assert is_clickup_id(safe)
        assert set(safe) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
        assert 1 <= len(safe) <= 64


def test_an_automation_and_an_unknown_event_are_unhandled() -> None:
    automation = {
        "id": "b4ced072-ed72-4c70-b898-fea5dd142408:main",
        "trigger_id": "b4ced072-ed72-4c70-b898-fea5dd142408",
        "date": "2024-06-21T17:27:40.893Z",
        "payload": {"id": "867777777", "name": "Task", "lists": []},
    }
    assert parse_clickup(json.dumps(automation).encode()) == Unhandled(
        "body_without_event", "automation_or_unknown"
    )
    assert parse_clickup(webhook("goalCreated")) == Unhandled("goalCreated")
    assert parse_clickup(b'{"event": 7}') == Unhandled("body_without_event", "automation_or_unknown")


def test_a_body_that_is_no_object_is_malformed() -> None:
    with pytest.raises(MalformedBody):
        parse_clickup(b"[]")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1642734631523", 1642734631523),
        (1642734631523, 1642734631523),
        ("-5", -5),
        (None, None),
        ("", None),
        ("nan", None),
        ("1.5", None),
        (1.5, None),
        (True, None),
        ("9" * 16, None),
        ("\u0661\u0662", None),
        ({}, None),
    ],
)
def test_times_are_whole_milliseconds_or_nothing(value: object, expected: int | None) -> None:
    assert unix_ms(value) == expected


TEXT = st.text(st.characters(codec="utf-8", min_codepoint=1), max_size=6)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
ITEMS = st.dictionaries(
    st.sampled_from(["field", "user", "before", "after", "comment", "date"]), JSON, max_size=6
)
COMMENTS = st.dictionaries(
    st.sampled_from(["id", "comment", "text_content", "user", "date"]), JSON, max_size=5
)


@given(
    st.sampled_from(
        ["taskCreated", "taskUpdated", "taskMoved", "taskDeleted", "taskCommentPosted", "taskCommentUpdated"]
    ),
    st.lists(ITEMS | st.builds(lambda comment: {"comment": comment}, COMMENTS), max_size=3) | JSON,
)
def test_history_of_any_shape_is_read_without_failing(event: str, items: object) -> None:
    assert isinstance(parse_clickup(webhook(event, items)), ClickUpEvent)


@given(st.binary(max_size=200))
def test_any_bytes_give_an_event_or_the_one_error(body: bytes) -> None:
    try:
        event = parse_clickup(body)
    except MalformedBody:
        return
    assert isinstance(event, ClickUpEvent)
