import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oblivion_platform.safe_json import MalformedBody
from oblivion_router_worker.domain.events import (
    AppUninstalled,
    ChannelArchived,
    ChannelRenamed,
    ChannelUnarchived,
    ChosenAction,
    Interaction,
    MemberJoined,
    MemberLeft,
    MessageDeleted,
    MessageEdited,
    MessagePosted,
    SlackEvent,
    SlashCommand,
    TokensRevoked,
    Unhandled,
)
from oblivion_router_worker.domain.slack_events import parse_slack

BOT = "U0BOT"


def envelope(event: Mapping[str, Any] | None, **changes: Any) -> bytes:
    body: dict[str, Any] = {
        "token": "not-used",
        "team_id": "T1",
        "api_app_id": "A1",
        "event": event,
        "type": "event_callback",
        "event_id": "Ev1",
        "event_time": 1718031600,
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": "T1",
                "user_id": BOT,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": False,
        "context_team_id": "T1",
    }
    body.update(changes)
    return json.dumps({key: value for key, value in body.items() if value is not ...}).encode()


def message(**changes: Any) -> dict[str, Any]:
    event: dict[str, Any] = {
        "client_msg_id": "0f3c",
        "type": "message",
        "text": "hello",
        "user": "U1",
        "ts": "1718031600.000100",
        "team": "T1",
        "channel": "C1",
        "event_ts": "1718031600.000100",
        "channel_type": "channel",
    }
    event.update(changes)
    return {key: value for key, value in event.items() if value is not ...}


def posted(event: Mapping[str, Any], **changes: Any) -> MessagePosted:
    parsed = parse_slack(envelope(event, **changes))
    assert isinstance(parsed, MessagePosted)
    return parsed


@pytest.mark.parametrize("kind", ["channel", "group", "mpim", "im", None])
def test_a_message_says_what_kind_of_channel_it_is_in(kind: str | None) -> None:
    assert posted(message(channel_type=kind if kind else ...)).channel_type == kind


def parse(event: Mapping[str, Any]) -> SlackEvent:
    return parse_slack(envelope(event))


def test_a_message_in_a_channel() -> None:
    parsed = posted(message(text="a &amp; b"))
    assert (parsed.workspace_id, parsed.channel, parsed.ts) == ("T1", "C1", "1718031600.000100")
    assert parsed.text == "a &amp; b"
    assert parsed.author.user_id == "U1"
    assert not parsed.is_reply
    assert not parsed.mentions_bot
    assert not parsed.author.is_bot
    assert not parsed.author.is_us
    assert not parsed.author.is_foreign


def test_a_reply_names_its_thread_and_a_root_is_no_reply() -> None:
    reply = posted(message(thread_ts="1718031500.000100", parent_user_id="U2"))
    assert reply.thread_ts == "1718031500.000100"
    assert reply.is_reply
    assert not posted(message(thread_ts="1718031600.000100")).is_reply


def test_a_broadcast_reply_is_a_reply_of_its_own_author_not_of_the_roots() -> None:
    root = {
        "type": "message",
        "user": BOT,
        "bot_id": "B1",
        "app_id": "A1",
        "ts": "1718031500.000100",
        "text": "task",
    }
    parsed = posted(message(subtype="thread_broadcast", thread_ts="1718031500.000100", root=root))
    assert parsed.is_broadcast
    assert parsed.is_reply
    assert parsed.author.bot_id is None
    assert not parsed.author.is_us


def test_a_shared_file_is_a_message_even_without_words() -> None:
    parsed = posted(message(subtype="file_share", text=..., files=[{"id": "F1", "name": "a.png"}]))
    assert parsed.text == ""
    assert parsed.file_count == 1


def test_a_me_message_is_a_message() -> None:
    assert posted(message(subtype="me_message", text="waves")).text == "waves"


def test_a_bot_posts_with_a_subtype_or_without() -> None:
    classic = posted(message(subtype="bot_message", bot_id="B7", user=..., username="deploys"))
    assert (classic.author.is_bot, classic.author.user_id, classic.author.name) == (True, None, "deploys")
    modern = posted(
        message(bot_id="B7", app_id="A7", user="U7", bot_profile={"name": "deploys", "app_id": "A7"})
    )
    assert (modern.author.is_bot, modern.author.user_id, modern.author.is_us) == (True, "U7", False)


@pytest.mark.parametrize(
    "author",
    [
        {"user": BOT, "bot_id": "B1", "app_id": "A1"},
        {"user": ..., "bot_id": "B1", "subtype": "bot_message", "app_id": "A1"},
        {"user": ..., "bot_id": "B1", "bot_profile": {"app_id": "A1"}},
        {"user": BOT},
    ],
)
def test_our_own_messages_are_known_as_ours(author: dict[str, Any]) -> None:
    assert posted(message(**author)).author.is_us


def test_metadata_is_carried() -> None:
    parsed = posted(message(metadata={"event_type": "incident", "event_payload": {"severity": 1}}))
    assert parsed.metadata is not None
    assert parsed.metadata.event_type == "incident"
    assert parsed.metadata.payload == {"severity": 1}
    assert posted(message(metadata={"event_payload": {}})).metadata is None


@pytest.mark.parametrize(
    ("text", "mentioned"),
    [
        (f"<@{BOT}> please", True),
        (f"<@{BOT}|oblivion> please", True),
        (f"&lt;@{BOT}&gt; typed by hand", False),
        ("<@U1> please", False),
        (f"<@{BOT}X> please", False),
        (BOT, False),
    ],
)
def test_a_real_mention_of_the_bot_is_seen(text: str, mentioned: bool) -> None:
    assert posted(message(text=text)).mentions_bot is mentioned


def test_without_authorizations_the_known_bot_user_tells_what_is_a_mention() -> None:
    body = envelope(message(text=f"<@{BOT}> hi"), authorizations=...)
    without, known = parse_slack(body), parse_slack(body, bot_user_id=BOT)
    assert isinstance(without, MessagePosted)
    assert isinstance(known, MessagePosted)
    assert (without.mentions_bot, known.mentions_bot) == (False, True)


def test_an_app_mention_is_the_same_message_with_a_mention() -> None:
    mention = posted(message(type="app_mention", text=f"<@{BOT}> hi", channel_type=...))
    plain = posted(message(text=f"<@{BOT}> hi"))
    assert mention == replace(plain, channel_type=None)
    assert mention.mentions_bot


def test_an_app_mention_of_an_edited_message_is_an_edit() -> None:
    parsed = parse(message(type="app_mention", edited={"user": "U1", "ts": "1718031700.000000"}))
    assert isinstance(parsed, MessageEdited)
    assert parsed.mentions_bot
    assert parsed.ts == "1718031600.000100"
    assert parsed.edited_ts == "1718031700.000000"


def changed(new: dict[str, Any], previous: dict[str, Any] | None) -> dict[str, Any]:
    event = {
        "type": "message",
        "subtype": "message_changed",
        "hidden": True,
        "channel": "C1",
        "ts": "1718031700.000200",
        "event_ts": "1718031700.000200",
        "channel_type": "channel",
        "message": new,
    }
    return event | ({"previous_message": previous} if previous is not None else {})


def nested(**changes: Any) -> dict[str, Any]:
    return message(channel=..., channel_type=..., event_ts=..., **changes)


def test_an_edit_names_the_nested_author_text_and_ts() -> None:
    new = nested(text="new", thread_ts="1718031500.000100", edited={"user": "U1", "ts": "1718031700.000000"})
    parsed = parse(changed(new, nested(text="old")))
    assert isinstance(parsed, MessageEdited)
    assert (parsed.channel, parsed.ts, parsed.thread_ts) == ("C1", "1718031600.000100", "1718031500.000100")
    assert (parsed.text, parsed.author.user_id) == ("new", "U1")
    assert parsed.is_reply


def test_two_edits_within_one_second_are_told_apart_by_the_events_own_ts() -> None:
    edited = {"user": "U1", "ts": "1718031700.000000"}
    first = parse(changed(nested(text="first", edited=edited), nested(text="old")))
    second = parse(
        changed(nested(text="second", edited=edited), nested(text="first"))
        | {"event_ts": "1718031700.000900"}
    )
    assert isinstance(first, MessageEdited)
    assert isinstance(second, MessageEdited)
    assert (first.edited_ts, second.edited_ts) == ("1718031700.000200", "1718031700.000900")


def test_a_link_preview_is_no_edit() -> None:
    text = "see <https://a.example>"
    preview = nested(text=text, attachments=[{"from_url": "https://a.example", "title": "A"}])
    assert parse(changed(preview, nested(text=text))) == Unhandled(
        "message.message_changed", "text_unchanged"
    )


def test_an_edit_without_the_former_message_counts_as_one() -> None:
    assert isinstance(parse(changed(nested(text="new"), None)), MessageEdited)


def test_the_edit_of_a_notice_is_no_edit() -> None:
    parsed = parse(changed(nested(subtype="channel_topic", text="b"), nested(text="a")))
    assert isinstance(parsed, Unhandled)


def test_a_deleted_message_names_what_is_gone() -> None:
    event = {
        "type": "message",
        "subtype": "message_deleted",
        "hidden": True,
        "channel": "C1",
        "ts": "1718031700.000200",
        "deleted_ts": "1718031600.000100",
        "previous_message": nested(thread_ts="1718031500.000100"),
    }
    parsed = parse(event)
    assert isinstance(parsed, MessageDeleted)
    assert (parsed.ts, parsed.thread_ts, parsed.author.user_id) == (
        "1718031600.000100",
        "1718031500.000100",
        "U1",
    )
    without_previous = parse({key: value for key, value in event.items() if key != "previous_message"})
    assert isinstance(without_previous, MessageDeleted)
    assert without_previous.author.user_id is None


def test_a_thread_root_that_becomes_a_tombstone_is_deleted() -> None:
    tombstone = nested(subtype="tombstone", text="This message was deleted.", user="USLACKBOT")
    parsed = parse(changed(tombstone, nested(text="root", thread_ts="1718031600.000100")))
    assert isinstance(parsed, MessageDeleted)
    assert (parsed.ts, parsed.author.user_id) == ("1718031600.000100", "U1")


@pytest.mark.parametrize(
    "subtype",
    [
        "channel_join",
        "channel_leave",
        "channel_topic",
        "bot_add",
        "pinned_item",
        "message_replied",
        "reminder_add",
    ],
)
def test_notices_are_no_messages_even_when_they_mention_us(subtype: str) -> None:
    text = f"<@{BOT}> has joined the channel"
    assert parse(message(subtype=subtype, text=text, user=BOT)) == Unhandled(f"message.{subtype}")


def test_the_workspace_is_ours_not_the_slack_connect_partners() -> None:
    parsed = posted(
        message(team="TPARTNER", user_team="TPARTNER", source_team="TPARTNER"), team_id="TPARTNER"
    )
    assert parsed.workspace_id == "T1"
    assert parsed.author.team_id == "TPARTNER"
    assert parsed.author.is_foreign


def test_an_envelope_without_team_or_authorizations_still_parses() -> None:
    parsed = posted(message(team=...), team_id=..., authorizations=...)
    assert parsed.workspace_id is None
    assert not parsed.author.is_foreign
    assert posted(message(), team_id=...).workspace_id == "T1"
    assert posted(message(), authorizations=[]).workspace_id == "T1"


@pytest.mark.parametrize("event", [..., None, [], "text", {}])
def test_an_envelope_without_an_event_is_unhandled(event: Any) -> None:
    assert isinstance(parse_slack(envelope(event)), Unhandled)


@pytest.mark.parametrize(
    "changes",
    [
        {"ts": ...},
        {"ts": 1718031600.0001},
        {"ts": "nan"},
        {"ts": "\u0661\u0667.\u0660\u0660\u0660\u0661\u0660\u0660"},
        {"ts": "1718031600"},
        {"channel": ...},
        {"channel": ""},
        {"channel": "C1/../x"},
    ],
)
def test_a_message_without_a_usable_channel_or_ts_is_unhandled(changes: dict[str, Any]) -> None:
    assert parse(message(**changes)) == Unhandled("message", "channel_or_ts_missing")


def test_what_happens_to_channels() -> None:
    renamed = {"type": "channel_rename", "channel": {"id": "C1", "name": "launch-2", "created": 1}}
    assert parse(renamed) == ChannelRenamed("T1", "C1", "launch-2")
    assert parse({"type": "channel_archive", "channel": "C1", "user": "U1"}) == ChannelArchived("T1", "C1")
    assert parse({"type": "channel_deleted", "channel": "C1"}) == ChannelArchived("T1", "C1")
    assert parse({"type": "channel_unarchive", "channel": "C1"}) == ChannelUnarchived("T1", "C1")


def test_who_comes_and_goes() -> None:
    joined = {"type": "member_joined_channel", "user": BOT, "channel": "C1", "team": "T1", "inviter": "U1"}
    assert parse(joined) == MemberJoined("T1", "C1", BOT, is_us=True, inviter_id="U1")
    assert parse(joined | {"user": "U2"}) == MemberJoined("T1", "C1", "U2", is_us=False, inviter_id="U1")
    assert parse({"type": "member_left_channel", "user": BOT, "channel": "C1"}) == MemberLeft(
        "T1", "C1", BOT, is_us=True
    )
    assert parse({"type": "channel_left", "channel": "C1"}) == MemberLeft("T1", "C1", BOT, is_us=True)


def test_the_end_of_the_installation() -> None:
    assert parse({"type": "app_uninstalled"}) == AppUninstalled("T1")
    revoked = parse({"type": "tokens_revoked", "tokens": {"oauth": ["U1"], "bot": [BOT]}})
    assert revoked == TokensRevoked("T1", bot_user_ids=(BOT,), user_ids=("U1",))


def test_an_unknown_event_is_unhandled_under_its_name() -> None:
    assert parse({"type": "emoji_changed", "user": "U1"}) == Unhandled("emoji_changed")
    assert parse_slack(b'{"type": "url_verification", "challenge": "x"}') == Unhandled("url_verification")
    assert parse_slack(b'{"type": "app_rate_limited"}') == Unhandled("app_rate_limited")


BUTTON: dict[str, Any] = {
    "type": "block_actions",
    "user": {"id": "U1", "username": "ana", "team_id": "T1"},
    "api_app_id": "A1",
    "container": {"type": "message", "message_ts": "1718031600.000100", "channel_id": "C1"},
    "trigger_id": "1.2.abc",
    "team": {"id": "T1", "domain": "acme"},
    "channel": {"id": "C1", "name": "launch"},
    "message": {"ts": "1718031600.000100", "thread_ts": "1718031500.000100", "type": "message"},
    "response_url": "https://hooks.slack.com/actions/T1/1/x",
    "actions": [
        {"action_id": "done", "block_id": "b1", "value": "yes", "type": "button"},
        {"action_id": "pick", "selected_option": {"value": "v2"}, "type": "static_select"},
    ],
}


def test_a_button_is_read_from_a_form_and_from_socket_mode_alike() -> None:
    form = urlencode({"payload": json.dumps(BUTTON)}).encode()
    parsed = parse_slack(form)
    assert parsed == parse_slack(json.dumps(BUTTON).encode())
    assert isinstance(parsed, Interaction)
    assert (parsed.kind, parsed.user_id, parsed.channel) == ("block_actions", "U1", "C1")
    assert (parsed.message_ts, parsed.thread_ts) == ("1718031600.000100", "1718031500.000100")
    assert parsed.actions == (ChosenAction("done", "b1", "yes"), ChosenAction("pick", None, "v2"))


def test_a_response_url_and_trigger_stay_out_of_repr() -> None:
    shown = repr(parse_slack(json.dumps(BUTTON).encode()))
    assert "hooks.slack.com" not in shown
    assert "1.2.abc" not in shown


def test_an_organisation_wide_interaction_has_no_team_of_its_own() -> None:
    parsed = parse_slack(json.dumps(BUTTON | {"team": None}).encode())
    assert isinstance(parsed, Interaction)
    assert parsed.workspace_id == "T1"


def test_a_slash_command_is_read() -> None:
    form = {
        "command": "/oblivion",
        "text": "link #launch",
        "user_id": "U1",
        "channel_id": "C1",
        "team_id": "T1",
    }
    parsed = parse_slack(urlencode(form).encode())
    assert parsed == SlashCommand("T1", "/oblivion", "link #launch", "U1", "C1")
    without_text = {key: value for key, value in form.items() if key != "text"}
    assert parse_slack(urlencode(without_text).encode()) == SlashCommand("T1", "/oblivion", "", "U1", "C1")


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"payload=%7B", b"payload=[]", b"a=\xff", b"command=%00"])
def test_a_body_that_is_neither_json_nor_a_form_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        parse_slack(body)


TEXT = st.text(st.characters(codec="utf-8", min_codepoint=1), max_size=6)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
KEYS = [
    "type",
    "subtype",
    "channel",
    "ts",
    "text",
    "user",
    "thread_ts",
    "message",
    "previous_message",
    "metadata",
]
KEYS += ["edited", "bot_profile", "files", "deleted_ts", "tokens", "actions", "container", "view", "team"]
KINDS = [
    "message",
    "app_mention",
    "channel_rename",
    "tokens_revoked",
    "member_joined_channel",
    "block_actions",
]


@given(
    st.dictionaries(st.sampled_from(KEYS), JSON, max_size=8),
    st.sampled_from(KINDS),
    st.sampled_from([None, "message_changed", "message_deleted", "thread_broadcast", "bot_message"]),
)
def test_events_of_any_shape_are_read_without_failing(
    event: dict[str, Any], kind: str, subtype: str | None
) -> None:
    event["type"] = kind
    if subtype:
        event["subtype"] = subtype
    for body in (envelope(event), json.dumps(event).encode()):
        assert isinstance(parse_slack(body), SlackEvent)


@given(st.binary(max_size=200))
def test_any_bytes_give_an_event_or_the_one_error(body: bytes) -> None:
    try:
        event = parse_slack(body)
    except MalformedBody:
        return
    assert isinstance(event, SlackEvent)
