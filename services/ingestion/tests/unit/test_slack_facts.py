"""One happening in Slack has one dedupe key, however it is told."""

import hashlib
import json
from typing import Any

import pytest

from oblivion_contracts.jobs import EventPriority
from oblivion_ingestion.domain.deliveries import EventFacts
from oblivion_ingestion.domain.slack import event_facts, interaction_facts, slash_command_facts
from oblivion_ingestion.errors import DeliveryMalformed

TS = "1700000000.000100"


def facts_of(event: dict[str, Any], *, event_id: str = "Ev1", **envelope: Any) -> EventFacts:
    whole = {"type": "event_callback", "event_id": event_id, "event": event, **envelope}
    return event_facts(whole, json.dumps(whole).encode(), "T1")


def posted(**more: Any) -> dict[str, Any]:
    return {"type": "message", "channel": "C1", "user": "U1", "text": "hi", "ts": TS, **more}


def test_a_mention_told_as_message_and_as_app_mention_is_one_event() -> None:
    as_message = facts_of(posted(text="<@UBOT> hi"), event_id="Ev1")
    as_mention = facts_of(posted(type="app_mention", text="<@UBOT> hi"), event_id="Ev2")
    assert as_message.dedupe_key == as_mention.dedupe_key == f"T1:C1:{TS}"
    assert as_message.subject == as_mention.subject


@pytest.mark.parametrize("subtype", ["bot_message", "file_share", "me_message", "thread_broadcast"])
def test_a_post_of_any_kind_is_known_by_its_ts(subtype: str) -> None:
    facts = facts_of(posted(subtype=subtype))
    assert facts.dedupe_key == f"T1:C1:{TS}"
    assert facts.priority == EventPriority.CREATION


def test_a_bots_post_without_subtype_is_known_by_its_ts() -> None:
    assert facts_of(posted(bot_id="B1")).dedupe_key == f"T1:C1:{TS}"


def test_the_same_ts_in_another_channel_is_another_event() -> None:
    assert facts_of(posted()).dedupe_key != facts_of(posted(channel="C2")).dedupe_key


@pytest.mark.parametrize("subtype", ["channel_join", "channel_topic", "bot_add", "pinned_item"])
def test_a_notice_is_known_by_its_event_id_even_when_it_contains_a_mention(subtype: str) -> None:
    facts = facts_of(posted(subtype=subtype, text="<@UBOT> has joined"), event_id="Ev7")
    assert facts.dedupe_key == "Ev7"
    assert facts.priority == EventPriority.CHANGE


def test_an_edited_mention_and_its_message_changed_are_one_edit_apart_from_the_post() -> None:
    edited = {"user": "U1", "ts": "1700000001.000000"}
    mention = facts_of(posted(type="app_mention", edited=edited), event_id="Ev2")
    change = facts_of(
        {
            "type": "message",
            "subtype": "message_changed",
            "channel": "C1",
            "ts": "1700000001.000200",
            "message": posted(edited=edited),
            "previous_message": posted(),
        },
        event_id="Ev3",
    )
    assert mention.dedupe_key == change.dedupe_key == f"T1:C1:{TS}:edit:1700000001.000000"
    assert mention.priority == change.priority == EventPriority.CHANGE


def changed(message: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "message",
        "subtype": "message_changed",
        "channel": "C1",
        "message": message,
        "previous_message": before,
    }


def test_a_link_preview_is_no_edit() -> None:
    facts = facts_of(changed(posted(attachments=[{}]), posted()), event_id="Ev4")
    assert facts.dedupe_key == "Ev4"


def test_a_link_preview_of_an_edited_message_does_not_hide_behind_its_edit() -> None:
    edited = {"user": "U1", "ts": "1700000001.000000"}
    facts = facts_of(changed(posted(edited=edited, attachments=[{}]), posted(edited=edited)), event_id="Ev4")
    assert facts.dedupe_key == "Ev4"


def test_two_edits_of_one_message_are_two_events() -> None:
    first, second = {"user": "U1", "ts": "1.1"}, {"user": "U1", "ts": "1.2"}
    one = facts_of(changed(posted(edited=first), posted()))
    two = facts_of(changed(posted(edited=second), posted(edited=first)))
    assert one.dedupe_key != two.dedupe_key


def test_a_deletion_is_known_by_the_ts_it_deletes() -> None:
    facts = facts_of({"type": "message", "subtype": "message_deleted", "channel": "C1", "deleted_ts": TS})
    assert facts.dedupe_key == f"T1:C1:{TS}:deleted"
    assert facts.subject == f"thread:C1:{TS}"


def test_root_replies_edits_and_deletions_of_one_thread_have_one_subject() -> None:
    root = facts_of(posted())
    reply = facts_of(posted(ts="1700000002.000000", thread_ts=TS))
    broadcast = facts_of(posted(ts="1700000003.000000", thread_ts=TS, subtype="thread_broadcast"))
    edit = facts_of(changed(posted(ts="1700000002.000000", thread_ts=TS), posted()))
    deletion = facts_of(
        {
            "type": "message",
            "subtype": "message_deleted",
            "channel": "C1",
            "deleted_ts": "1700000002.000000",
            "previous_message": posted(ts="1700000002.000000", thread_ts=TS),
        }
    )
    subjects = {facts.subject for facts in (root, reply, broadcast, edit, deletion)}
    assert subjects == {f"thread:C1:{TS}"}


def test_a_reaction_belongs_to_the_message_it_hangs_on() -> None:
    facts = facts_of({"type": "reaction_added", "item": {"type": "message", "channel": "C1", "ts": TS}})
    assert (facts.subject, facts.dedupe_key) == (f"thread:C1:{TS}", "Ev1")


@pytest.mark.parametrize("channel", ["C1", {"id": "C1", "name": "new"}])
def test_an_event_of_a_channel_has_it_as_subject(channel: object) -> None:
    assert facts_of({"type": "channel_rename", "channel": channel}).subject == "channel:C1"


def test_an_unknown_event_type_is_known_by_its_event_id() -> None:
    facts = facts_of({"type": "brand_new_event"}, event_id="Ev9")
    assert facts == EventFacts("brand_new_event", "event:Ev9", "Ev9", EventPriority.CHANGE)


def test_an_envelope_without_event_and_id_is_known_by_its_bytes() -> None:
    envelope = {"type": "app_rate_limited", "minute_rate_limited": 1}
    body = json.dumps(envelope).encode()
    facts = event_facts(envelope, body, "T1")
    assert facts.event_type == "app_rate_limited"
    assert facts.dedupe_key == f"sha256:{hashlib.sha256(body).hexdigest()}"


@pytest.mark.parametrize(
    "wrong",
    [{"ts": 5}, {"channel": ["C1"]}, {"edited": "yes"}, {"subtype": {}}, {"type": 1}, {"thread_ts": True}],
)
def test_a_field_of_the_wrong_type_is_malformed(wrong: dict[str, Any]) -> None:
    with pytest.raises(DeliveryMalformed):
        facts_of(posted(**wrong))


def test_a_post_without_ts_falls_back_to_its_event_id() -> None:
    assert facts_of({"type": "message", "channel": "C1"}).dedupe_key == "Ev1"


def test_what_a_sender_makes_long_is_bounded_without_merging_two_events() -> None:
    one, two = facts_of(posted(ts="1" * 5000)), facts_of(posted(ts="1" * 5001))
    assert len(one.dedupe_key) <= 200
    assert len(one.subject) <= 200
    assert one.dedupe_key != two.dedupe_key


def test_a_click_is_known_by_its_trigger_and_belongs_to_its_thread() -> None:
    payload = {
        "type": "block_actions",
        "trigger_id": "1.2.abc",
        "channel": {"id": "C1"},
        "message": {"ts": "1700000005.0", "thread_ts": TS},
    }
    facts = interaction_facts(payload, b"", "T1")
    assert facts == EventFacts("block_actions", f"thread:C1:{TS}", "1.2.abc", EventPriority.CHANGE)


def test_an_interaction_without_trigger_is_known_by_its_bytes() -> None:
    facts = interaction_facts({"type": "view_closed"}, b"payload", "T1")
    assert facts.dedupe_key == f"sha256:{hashlib.sha256(b'payload').hexdigest()}"


def test_a_slash_command_is_known_by_its_trigger() -> None:
    facts = slash_command_facts({"command": "/o", "trigger_id": "1.2"}, b"", "T1")
    assert facts == EventFacts("slash_command", "event:1.2", "1.2", EventPriority.CHANGE)


OURS = {"authorizations": [{"team_id": "T1", "user_id": "UBOT", "is_bot": True}]}


@pytest.mark.parametrize(
    "event",
    [
        posted(user="UBOT", bot_id="B1"),
        changed(posted(user="UBOT", text="new"), posted(user="UBOT")),
        {"type": "reaction_added", "user": "UBOT", "item": {"channel": "C1", "ts": TS}},
        {"type": "reaction_removed", "user": "UBOT", "item": {"channel": "C1", "ts": TS}},
    ],
)
def test_what_our_own_bot_did_is_an_echo(event: dict[str, Any]) -> None:
    assert facts_of(event, **OURS).priority == EventPriority.ECHO


@pytest.mark.parametrize(
    ("event", "envelope"),
    [
        (posted(user="UBOT2", bot_id="B2"), OURS),
        (changed(posted(text="new"), posted()), OURS),
        ({"type": "member_joined_channel", "user": "UBOT", "channel": "C1"}, OURS),
        (posted(type="app_mention", user="UBOT"), OURS),
        (posted(user="UBOT"), {}),
        (posted(user="UBOT"), {"authorizations": [{"user_id": "UBOT", "is_bot": False}]}),
    ],
)
def test_what_others_did_or_what_may_matter_is_none(event: dict[str, Any], envelope: dict[str, Any]) -> None:
    assert facts_of(event, **envelope).priority != EventPriority.ECHO
