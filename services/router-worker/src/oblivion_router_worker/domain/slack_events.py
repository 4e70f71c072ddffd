"""A raw Slack request body -> one typed event.

Takes what comes by HTTP (JSON envelopes, form bodies) and by Socket Mode (the envelope's payload).
Nothing but the JSON itself can fail: whatever Slack sends that we do not know becomes `Unhandled`.
Sources: https://docs.slack.dev/reference/events/message and .../events/app_mention
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl

from oblivion_platform.safe_json import MalformedBody, MalformedReason, parse_json_object
from oblivion_router_worker.domain.events import (
    AppUninstalled,
    ChannelArchived,
    ChannelRenamed,
    ChannelUnarchived,
    HomeOpened,
    MemberJoined,
    MemberLeft,
    MessageDeleted,
    MessageEdited,
    MessagePosted,
    ReactionAdded,
    SessionStopped,
    SlackAuthor,
    SlackEvent,
    SlackMetadata,
    TokensRevoked,
    Unhandled,
)
from oblivion_router_worker.domain.json_fields import (
    JsonMapping,
    as_object,
    flag_at,
    list_at,
    object_at,
    objects_at,
    text_at,
)
from oblivion_router_worker.domain.slack_interactions import parse_interaction, parse_slash_command
from oblivion_router_worker.domain.slack_ts import is_channel_id, is_ts, ts_key

# Subtypes that are still something a person or app said. All others are notices of Slack's own
# ("joined the channel", which contains a mention; topic changes; reminders) and have no effect.
SPEAKING_SUBTYPES = frozenset({None, "thread_broadcast", "file_share", "me_message", "bot_message"})

_FORM_FIELDS_MAX = 200


@dataclass(frozen=True, slots=True)
class _Envelope:
    """What surrounds an event: which workspace and which installation of ours it is for."""

    workspace_id: str | None
    app_id: str | None
    bot_user_ids: frozenset[str]

    def is_us(self, user_id: str | None) -> bool:
        return user_id is not None and user_id in self.bot_user_ids


def parse_slack(body: bytes, *, bot_user_id: str | None = None) -> SlackEvent:
    """Tell what happened.

    `bot_user_id` is our bot in that workspace; without it only the envelope's `authorizations`
    tell which mentions and joins are ours.

    Raises:
        MalformedBody: not JSON that can be processed, now or later.
    """
    payload = _payload(body)
    if payload.get("type") == "event_callback":
        return _parse_event(payload, bot_user_id)
    if "command" in payload:
        return parse_slash_command(payload)
    return parse_interaction(payload)


def _payload(body: bytes) -> JsonMapping:
    if body.lstrip()[:1] in (b"{", b"["):
        return parse_json_object(body)
    try:
        form = dict(parse_qsl(body.decode("utf-8"), max_num_fields=_FORM_FIELDS_MAX, errors="strict"))
    except ValueError:
        raise MalformedBody(MalformedReason.NOT_UTF8) from None
    if any("\x00" in value for value in form.values()):
        raise MalformedBody(MalformedReason.NUL_CHARACTER)
    if "payload" in form:
        return parse_json_object(form["payload"].encode())
    if not form:
        raise MalformedBody(MalformedReason.NOT_AN_OBJECT)
    return form


def _parse_event(payload: JsonMapping, bot_user_id: str | None) -> SlackEvent:
    event = as_object(payload.get("event"))
    if event is None:
        return Unhandled("event_callback", "event_missing")
    kind = text_at(event, "type") or "event_without_type"
    parse = _PARSERS.get(kind)
    return parse(event, _envelope(payload, bot_user_id)) if parse else Unhandled(kind)


def _envelope(payload: JsonMapping, bot_user_id: str | None) -> _Envelope:
    authorizations = objects_at(payload, "authorizations")
    bots = {text_at(item, "user_id") for item in authorizations if flag_at(item, "is_bot")}
    # The event's own `team` is no answer: in Slack Connect it is the other company's.
    from_authorizations = text_at(authorizations[0], "team_id") if authorizations else None
    return _Envelope(
        workspace_id=from_authorizations or text_at(payload, "team_id"),
        app_id=text_at(payload, "api_app_id"),
        bot_user_ids=frozenset(bot for bot in (*bots, bot_user_id) if bot),
    )


def _parse_message(event: JsonMapping, envelope: _Envelope) -> SlackEvent:
    subtype = text_at(event, "subtype")
    if subtype == "message_changed":
        return _parse_changed(event, envelope)
    if subtype == "message_deleted":
        return _deleted(event, object_at(event, "previous_message"), envelope, event.get("deleted_ts"))
    if subtype not in SPEAKING_SUBTYPES:
        return Unhandled(f"message.{subtype}")
    return _parse_posted(event, envelope)


def _parse_posted(event: JsonMapping, envelope: _Envelope) -> SlackEvent:
    channel, ts = text_at(event, "channel"), text_at(event, "ts")
    if channel is None or ts is None or not is_channel_id(channel) or not is_ts(ts):
        return Unhandled("message", "channel_or_ts_missing")
    text = text_at(event, "text") or ""
    subtype = text_at(event, "subtype")
    return MessagePosted(
        workspace_id=envelope.workspace_id,
        channel=channel,
        ts=ts,
        thread_ts=_thread_ts(event),
        author=_author(event, envelope),
        text=text,
        mentions_bot=_mentions_us(text, envelope),
        is_broadcast=subtype == "thread_broadcast",
        subtype=subtype,
        metadata=_metadata(event),
        file_count=len(list_at(event, "files")),
        channel_type=text_at(event, "channel_type"),
    )


def _parse_app_mention(event: JsonMapping, envelope: _Envelope) -> SlackEvent:
    """The same message comes as `message` too, under another event id.

    An edited message that mentions us is announced again with its old ts: then it is an edit.
    """
    parsed = _parse_posted(event, envelope)
    if not isinstance(parsed, MessagePosted):
        return Unhandled("app_mention", "channel_or_ts_missing")
    if as_object(event.get("edited")) is None:
        return replace(parsed, mentions_bot=True)
    return MessageEdited(
        workspace_id=parsed.workspace_id,
        channel=parsed.channel,
        ts=parsed.ts,
        thread_ts=parsed.thread_ts,
        author=parsed.author,
        text=parsed.text,
        mentions_bot=True,
        metadata=parsed.metadata,
        edited_ts=_edited_ts(event, event),
        file_count=parsed.file_count,
    )


def _parse_changed(event: JsonMapping, envelope: _Envelope) -> SlackEvent:
    """`message_changed` nests the message and has no user or text of its own.

    It also comes for link previews, pins and reactions of Slack's own; those leave the text alone.
    The deleted root of a thread comes as a change into a `tombstone`.
    """
    message = object_at(event, "message")
    previous = as_object(event.get("previous_message"))
    if text_at(message, "subtype") == "tombstone":
        return _deleted(event, previous or message, envelope, message.get("ts"))
    channel, ts = text_at(event, "channel"), text_at(message, "ts")
    if channel is None or ts is None or not is_channel_id(channel) or not is_ts(ts):
        return Unhandled("message.message_changed", "channel_or_ts_missing")
    if text_at(message, "subtype") not in SPEAKING_SUBTYPES:
        return Unhandled("message.message_changed", "notice")
    text = text_at(message, "text") or ""
    if previous is not None and text == (text_at(previous, "text") or ""):
        return Unhandled("message.message_changed", "text_unchanged")
    return MessageEdited(
        workspace_id=envelope.workspace_id,
        channel=channel,
        ts=ts,
        thread_ts=_thread_ts(message),
        author=_author(message, envelope),
        text=text,
        mentions_bot=_mentions_us(text, envelope),
        metadata=_metadata(message),
        edited_ts=_edited_ts(event, message),
        file_count=len(list_at(message, "files")),
    )


def _deleted(event: JsonMapping, message: JsonMapping, envelope: _Envelope, deleted_ts: object) -> SlackEvent:
    channel = text_at(event, "channel")
    ts = deleted_ts if isinstance(deleted_ts, str) else text_at(message, "ts")
    if channel is None or ts is None or not is_channel_id(channel) or not is_ts(ts):
        return Unhandled("message.message_deleted", "channel_or_ts_missing")
    return MessageDeleted(
        workspace_id=envelope.workspace_id,
        channel=channel,
        ts=ts,
        thread_ts=_thread_ts(message),
        author=_author(message, envelope),
    )


def _author(message: JsonMapping, envelope: _Envelope) -> SlackAuthor:
    """The author of this very message; a broadcast's `root` names the thread's author instead."""
    profile = object_at(message, "bot_profile")
    user_id, app_id = text_at(message, "user"), text_at(message, "app_id") or text_at(profile, "app_id")
    team_id = text_at(message, "user_team") or text_at(message, "team")
    return SlackAuthor(
        user_id=user_id,
        bot_id=text_at(message, "bot_id"),
        app_id=app_id,
        name=text_at(message, "username") or text_at(profile, "name"),
        team_id=team_id,
        is_us=envelope.is_us(user_id) or (app_id is not None and app_id == envelope.app_id),
        is_foreign=None not in (team_id, envelope.workspace_id) and team_id != envelope.workspace_id,
    )


def _thread_ts(message: JsonMapping) -> str | None:
    thread_ts = text_at(message, "thread_ts")
    return thread_ts if is_ts(thread_ts) else None


def _edited_ts(event: JsonMapping, message: JsonMapping) -> str | None:
    """When the edit was made: Slack cuts `edited.ts` to whole seconds, the event's own ts tells two apart."""
    told = (text_at(object_at(message, "edited"), "ts"), text_at(event, "event_ts"))
    return max((ts for ts in told if ts is not None and is_ts(ts)), key=ts_key, default=None)


def _metadata(message: JsonMapping) -> SlackMetadata | None:
    metadata = object_at(message, "metadata")
    event_type = text_at(metadata, "event_type")
    if event_type is None:
        return None
    return SlackMetadata(event_type, object_at(metadata, "event_payload"))


_MENTION = re.compile(r"<@([A-Z0-9]+)(?:\|[^<>]*)?>", re.ASCII)


def _mentions_us(text: str, envelope: _Envelope) -> bool:
    # Typed "<@U1>" arrives as "&lt;@U1&gt;", so only real mentions match.
    return any(envelope.is_us(match[1]) for match in _MENTION.finditer(text))


def _parse_renamed(event: JsonMapping, envelope: _Envelope) -> SlackEvent:
    channel = object_at(event, "channel")
    channel_id, name = text_at(channel, "id"), text_at(channel, "name")
    if channel_id is None or name is None:
        return Unhandled("channel_rename", "channel_missing")
    return ChannelRenamed(envelope.workspace_id, channel_id, name)


def _parse_archived(event: JsonMapping, envelope: _Envelope) -> SlackEvent:
    channel = text_at(event, "channel")
    if channel is None:
        return Unhandled(text_at(event, "type") or "channel_archive", "channel_missing")
    return ChannelArchived(envelope.workspace_id, channel)


def _parse_unarchived(event: JsonMapping, envelope: _Envelope) -> SlackEvent:
    channel = text_at(event, "channel")
    if channel is None:
        return Unhandled("channel_unarchive", "channel_missing")
    return ChannelUnarchived(envelope.workspace_id, channel)


def _parse_joined(event: JsonMapping, envelope: _Envelope) -> SlackEvent:
    channel, user = text_at(event, "channel"), text_at(event, "user")
    if channel is None or user is None:
        return Unhandled("member_joined_channel", "channel_or_user_missing")
    return MemberJoined(envelope.workspace_id, channel, user, envelope.is_us(user), text_at(event, "inviter"))


def _parse_left(event: JsonMapping, envelope: _Envelope) -> SlackEvent:
    channel, user = text_at(event, "channel"), text_at(event, "user")
    if channel is None or user is None:
        return Unhandled("member_left_channel", "channel_or_user_missing")
    return MemberLeft(envelope.workspace_id, channel, user, envelope.is_us(user))


def _parse_we_left(event: JsonMapping, envelope: _Envelope) -> SlackEvent:
    """`channel_left` is sent to the member who left, so it is about our bot."""
    channel = text_at(event, "channel")
    if channel is None:
        return Unhandled("channel_left", "channel_missing")
    bot = min(envelope.bot_user_ids, default="")
    return MemberLeft(envelope.workspace_id, channel, bot, is_us=True)


def _parse_uninstalled(_event: JsonMapping, envelope: _Envelope) -> SlackEvent:
    return AppUninstalled(envelope.workspace_id)


def _parse_revoked(event: JsonMapping, envelope: _Envelope) -> SlackEvent:
    tokens = object_at(event, "tokens")
    return TokensRevoked(
        envelope.workspace_id, bot_user_ids=_texts(tokens, "bot"), user_ids=_texts(tokens, "oauth")
    )


def _texts(source: JsonMapping, key: str) -> tuple[str, ...]:
    return tuple(item for item in list_at(source, key) if isinstance(item, str))


def _parse_reaction(event: JsonMapping, envelope: _Envelope) -> SlackEvent:
    item = object_at(event, "item")
    channel, ts, user = text_at(item, "channel"), text_at(item, "ts"), text_at(event, "user")
    name = text_at(event, "reaction")
    if channel is None or ts is None or user is None or name is None or not is_ts(ts):
        return Unhandled("reaction_added", "field_missing")
    if envelope.is_us(user):
        return Unhandled("reaction_added", "echo")
    return ReactionAdded(envelope.workspace_id, channel, ts, user, name)


def _parse_stopped(event: JsonMapping, envelope: _Envelope) -> SlackEvent:
    channel, thread_ts = text_at(event, "channel"), text_at(event, "thread_ts")
    user = text_at(event, "user") or text_at(event, "user_id")
    if channel is None or thread_ts is None or user is None or not is_ts(thread_ts):
        return Unhandled("agent_session_stopped", "field_missing")
    return SessionStopped(envelope.workspace_id, channel, thread_ts, user)


def _parse_home(event: JsonMapping, envelope: _Envelope) -> SlackEvent:
    user = text_at(event, "user")
    if user is None:
        return Unhandled("app_home_opened", "user_missing")
    return HomeOpened(envelope.workspace_id, user, text_at(event, "channel"), text_at(event, "tab") or "home")


_PARSERS: Mapping[str, Callable[[JsonMapping, _Envelope], SlackEvent]] = {
    "message": _parse_message,
    "app_mention": _parse_app_mention,
    "channel_rename": _parse_renamed,
    "group_rename": _parse_renamed,
    "channel_archive": _parse_archived,
    "group_archive": _parse_archived,
    "channel_deleted": _parse_archived,
    "group_deleted": _parse_archived,
    "channel_unarchive": _parse_unarchived,
    "group_unarchive": _parse_unarchived,
    "member_joined_channel": _parse_joined,
    "member_left_channel": _parse_left,
    "channel_left": _parse_we_left,
    "group_left": _parse_we_left,
    "app_uninstalled": _parse_uninstalled,
    "tokens_revoked": _parse_revoked,
    "reaction_added": _parse_reaction,
    "agent_session_stopped": _parse_stopped,
    "app_home_opened": _parse_home,
}
