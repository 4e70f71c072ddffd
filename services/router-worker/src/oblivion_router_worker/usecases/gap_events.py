"""Events as ClickUp or Slack would have sent them, made of what was found by asking.

An event that is found gets the identity that its delivery has or would have had, so what was told after all
shows once.
"""

import json
from collections.abc import Mapping, Sequence

from oblivion_platform.event_id import slack_deletion_key, slack_edit_key, slack_message_key
from oblivion_router_worker.domain.asking import is_direct
from oblivion_router_worker.domain.json_fields import object_at, text_at
from oblivion_router_worker.domain.records import Integration
from oblivion_router_worker.domain.slack_ts import is_ts, ts_key
from oblivion_router_worker.ports.watching import FoundEvent, FoundThread, Watched

GAP_TASK = "gapTask"
"""Event type of a task to be looked at: no other event's fetch answers it, since it asks for comments too."""


def gap_task(integration: Integration, task_id: str, version: str) -> FoundEvent:
    body: dict[str, object] = {"event": "taskUpdated", "task_id": task_id, "history_items": []}
    return FoundEvent(
        tenant_id=integration.tenant_id,
        integration_id=integration.id,
        source="clickup",
        event_type=GAP_TASK,
        subject=f"task:{task_id}",
        dedupe_key=f"gap:{task_id}:{version}",
        body=json.dumps(body).encode(),
    )


def replies_of(
    watched: Watched, channel: str, messages: Sequence[Mapping[str, object]], oldest_ts: str
) -> list[FoundEvent]:
    """Replies that people posted or edited since then."""
    found: list[FoundEvent] = []
    team = watched.integration.external_id
    for message in messages:
        ts, thread_ts = text_at(message, "ts"), text_at(message, "thread_ts")
        if not is_ts(ts) or not is_ts(thread_ts) or ts is None or thread_ts in (None, ts):
            continue
        if _is_ours(watched, message):
            continue
        if ts_key(ts) > ts_key(oldest_ts):
            posted = {"type": "message", "channel": channel, **message}
            key = slack_message_key(team, channel, ts)
            found.append(_slack_event(watched, posted, f"thread:{channel}:{thread_ts}", key))
        edited_ts = text_at(object_at(message, "edited"), "ts")
        # Slack cuts `edited.ts` to whole seconds, so one of the same second may be from after then.
        if edited_ts is not None and is_ts(edited_ts) and ts_key(edited_ts)[0] >= ts_key(oldest_ts)[0]:
            edit = _nested("message_changed", channel, edited_ts) | {"message": dict(message)}
            key = slack_edit_key(team, channel, ts, edited_ts)
            found.append(_slack_event(watched, edit, f"thread:{channel}:{thread_ts}", key))
    return found


def questions_of(
    watched: Watched, channel: str, messages: Sequence[Mapping[str, object]], oldest_ts: str
) -> list[FoundEvent]:
    """Messages of people to the bot since then, at the top of a channel or in a thread."""
    mention = f"<@{watched.integration.config_text('bot_user_id')}"
    found: list[FoundEvent] = []
    for message in messages:
        ts, said = text_at(message, "ts"), text_at(message, "text") or ""
        if ts is None or not is_ts(ts) or ts_key(ts) <= ts_key(oldest_ts):
            continue
        if _is_ours(watched, message) or not (is_direct(channel) or mention in said):
            continue
        posted = {"type": "message", "channel": channel, **message}
        subject = f"thread:{channel}:{text_at(message, 'thread_ts') or ts}"
        key = slack_message_key(watched.integration.external_id, channel, ts)
        found.append(_slack_event(watched, posted, subject, key))
    return found


def deletions_of(
    watched: Watched, thread: FoundThread, messages: Sequence[Mapping[str, object]]
) -> list[FoundEvent]:
    """Replies that have a copy and are no longer there."""
    present = {text_at(message, "ts") for message in messages}
    team, channel = watched.integration.external_id, thread.channel
    found: list[FoundEvent] = []
    for ts in thread.copied:
        if ts not in present:
            previous = {"type": "message", "ts": ts, "thread_ts": thread.ts}
            gone = _nested("message_deleted", channel, ts) | {"deleted_ts": ts, "previous_message": previous}
            key = slack_deletion_key(team, channel, ts)
            found.append(_slack_event(watched, gone, f"thread:{channel}:{thread.ts}", key))
    return found


def _nested(subtype: str, channel: str, event_ts: str) -> dict[str, object]:
    return {"type": "message", "subtype": subtype, "channel": channel, "ts": event_ts, "event_ts": event_ts}


def _is_ours(watched: Watched, message: Mapping[str, object]) -> bool:
    config = watched.integration.config_text
    bot_id = text_at(message, "bot_id")
    return text_at(message, "user") == config("bot_user_id") or (
        bot_id is not None and bot_id == config("bot_id")
    )


def _slack_event(watched: Watched, event: Mapping[str, object], subject: str, dedupe_key: str) -> FoundEvent:
    """The envelope that Slack would have sent."""
    integration = watched.integration
    bot = {
        "team_id": integration.external_id,
        "user_id": integration.config_text("bot_user_id"),
        "is_bot": True,
    }
    envelope = {
        "type": "event_callback",
        "team_id": integration.external_id,
        "api_app_id": watched.app_id,
        "event": event,
        "authorizations": [bot],
    }
    return FoundEvent(
        tenant_id=integration.tenant_id,
        integration_id=integration.id,
        source="slack",
        event_type="message",
        subject=subject,
        dedupe_key=dedupe_key,
        body=json.dumps(envelope).encode(),
    )
