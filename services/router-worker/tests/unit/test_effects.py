"""Effects survive the row that stores them, and know what they replace."""

import json
from uuid import uuid4

import pytest

from oblivion_platform.operations.dead_letters import MISSING
from oblivion_router_worker.domain.effects import (
    KINDS,
    CreateComment,
    DeleteComment,
    DeleteReply,
    Effect,
    PostReply,
    PostTask,
    UpdateComment,
    UpdateReply,
    UpdateTask,
    body_from_payload,
)

BLOCKS = [{"type": "divider"}]
BODIES = [
    PostTask("C1", "text", BLOCKS),
    UpdateTask("text", BLOCKS),
    PostReply("text", BLOCKS),
    UpdateReply("text", BLOCKS),
    DeleteReply("1.000001"),
    CreateComment("t1", [{"text": "words"}], "https://acme.slack.com/archives/C1/p1"),
    UpdateComment([{"text": "words"}]),
    DeleteComment(),
]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.kind)
def test_a_body_is_the_same_after_it_was_stored(body):
    assert body_from_payload(body.kind, json.loads(json.dumps(body.to_payload()))) == body


def test_of_each_kind_it_is_known_what_people_miss_without_it():
    assert set(MISSING) == set(KINDS)


def test_kinds_are_distinct():
    assert len({body.kind for body in BODIES}) == len(BODIES)


@pytest.mark.parametrize(
    ("kind", "payload"),
    [("slack.sing", {}), ("slack.post_task", {"text": "t"}), ("slack.delete_reply", {"text": "t"})],
)
def test_a_row_that_this_version_does_not_know_is_refused_without_its_values(kind, payload):
    with pytest.raises(ValueError, match=r"unknown kind|other fields"):
        body_from_payload(kind, payload)


def _effect(body):
    return Effect(uuid4(), uuid4(), "d", body, uuid4(), 1, mirror_event_id=uuid4())


def test_only_updates_replace_each_other():
    keyed = [body.kind for body in BODIES if _effect(body).coalesce_key is not None]
    assert keyed == ["slack.update_task", "slack.update_reply", "clickup.update_comment"]


def test_updates_of_one_task_share_a_key():
    one = _effect(UpdateTask("a", []))
    assert one.coalesce_key == f"task:{one.task_mapping_id}"
