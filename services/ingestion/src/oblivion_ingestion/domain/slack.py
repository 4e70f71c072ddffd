"""What a Slack payload is, as far as storing it once needs: type, subject, dedupe key, priority.

One mention comes as `app_mention` and as `message`, with different event ids, and may come again, `edited`,
under its old ts; so posts and edits are known by team, channel and ts. `message_changed` also comes for mere
link previews; those have no edit of their own and are known by their event id, like everything else.
Source: https://docs.slack.dev/apis/events-api/ and https://docs.slack.dev/reference/events/message.
"""

import hashlib

from oblivion_contracts.jobs import EventPriority
from oblivion_ingestion.domain.deliveries import (
    EVENT_TYPE_MAX_CHARS,
    SUBJECT_MAX_CHARS,
    EventFacts,
    storable,
)
from oblivion_ingestion.domain.shape import JsonObject, object_at, objects_at, text_at
from oblivion_platform.event_id import bounded_key, slack_deletion_key, slack_edit_key, slack_message_key

POST_SUBTYPES = frozenset({"", "bot_message", "file_share", "me_message", "thread_broadcast"})
"""Subtypes of `message` that somebody wrote; the others are notices and changes."""

SLASH_COMMAND = "slash_command"

ECHOED = frozenset({"message", "reaction_added", "reaction_removed"})
"""What comes back of whatever our own bot posts, edits and marks."""


def event_facts(envelope: JsonObject, body: bytes, team: str) -> EventFacts:
    """Facts of an Events API envelope. `team` is the team in which the app is installed."""
    event = object_at(envelope, "event")
    kind = text_at(event, "type") or text_at(envelope, "type")
    subtype = text_at(event, "subtype")
    otherwise = text_at(envelope, "event_id") or _hash_of(body)
    if kind == "app_mention" or (kind == "message" and subtype in POST_SUBTYPES):
        found = _post(event, team)
    elif kind == "message" and subtype == "message_changed":
        found = _change(event, team)
    elif kind == "message" and subtype == "message_deleted":
        found = _deletion(event, team)
    else:
        found = (_other_subject(event), "", EventPriority.CHANGE)
    subject, key, priority = found
    key = key or bounded_key(otherwise)
    deed = object_at(event, "message") if subtype == "message_changed" else event
    if kind in ECHOED and _is_ours(envelope, deed):
        priority = EventPriority.ECHO
    return _facts(kind, subject or f"event:{key}", key, priority)


def interaction_facts(payload: JsonObject, body: bytes, _team: str) -> EventFacts:
    """Facts of a click, a submitted view or a shortcut. Its trigger id is unique."""
    key = bounded_key(text_at(payload, "trigger_id") or _hash_of(body))
    message = object_at(payload, "message")
    subject = _thread(text_at(object_at(payload, "channel"), "id"), message)
    return _facts(text_at(payload, "type"), subject or f"event:{key}", key, EventPriority.CHANGE)


def slash_command_facts(fields: JsonObject, body: bytes, _team: str) -> EventFacts:
    """Facts of a slash command. Its trigger id is unique."""
    key = bounded_key(text_at(fields, "trigger_id") or _hash_of(body))
    return _facts(SLASH_COMMAND, f"event:{key}", key, EventPriority.CHANGE)


Found = tuple[str, str, EventPriority]
"""Subject, dedupe key and priority; subject and key are "" where the event does not tell."""


def _post(event: JsonObject, team: str) -> Found:
    channel, ts = text_at(event, "channel"), text_at(event, "ts")
    edited_ts = text_at(object_at(event, "edited"), "ts")
    subject = _thread(channel, event)
    if not (channel and ts):
        return subject, "", EventPriority.CREATION
    if edited_ts:
        return subject, slack_edit_key(team, channel, ts, edited_ts), EventPriority.CHANGE
    return subject, slack_message_key(team, channel, ts), EventPriority.CREATION


def _change(event: JsonObject, team: str) -> Found:
    channel, message = text_at(event, "channel"), object_at(event, "message")
    ts, edited_ts = text_at(message, "ts"), text_at(object_at(message, "edited"), "ts")
    before = text_at(object_at(object_at(event, "previous_message"), "edited"), "ts")
    subject = _thread(channel, message)
    if channel and ts and edited_ts and edited_ts != before:
        return subject, slack_edit_key(team, channel, ts, edited_ts), EventPriority.CHANGE
    return subject, "", EventPriority.CHANGE


def _deletion(event: JsonObject, team: str) -> Found:
    channel, deleted_ts = text_at(event, "channel"), text_at(event, "deleted_ts")
    subject = _thread(channel, {"ts": deleted_ts, **object_at(event, "previous_message")})
    key = slack_deletion_key(team, channel, deleted_ts) if channel and deleted_ts else ""
    return subject, key, EventPriority.CHANGE


def _is_ours(envelope: JsonObject, deed: JsonObject) -> bool:
    """Whether our bot did it, as the installation tells that the event is sent for."""
    user = text_at(deed, "user")
    return bool(user) and any(
        item.get("is_bot") is True and text_at(item, "user_id") == user
        for item in objects_at(envelope, "authorizations")
    )


def _thread(channel: str, message: JsonObject) -> str:
    root_ts = text_at(message, "thread_ts") or text_at(message, "ts")
    return f"thread:{channel}:{root_ts}" if channel and root_ts else ""


def _other_subject(event: JsonObject) -> str:
    """Reactions belong to the message they hang on, the rest to its channel if it has one."""
    item = event.get("item")
    if isinstance(item, dict):
        return _thread(text_at(object_at(event, "item"), "channel"), object_at(event, "item"))
    channel = event.get("channel")
    if isinstance(channel, dict):
        channel = text_at(object_at(event, "channel"), "id")
    return f"channel:{channel}" if isinstance(channel, str) and channel else ""


def _facts(kind: str, subject: str, key: str, priority: EventPriority) -> EventFacts:
    return EventFacts(
        storable(kind, EVENT_TYPE_MAX_CHARS) or "unknown",
        storable(subject, SUBJECT_MAX_CHARS),
        storable(key, SUBJECT_MAX_CHARS),
        priority,
    )


def _hash_of(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"
