"""Slack's interactive payloads (buttons, menus, shortcuts, modals) and slash commands.

Sources: https://docs.slack.dev/reference/interaction-payloads
and https://docs.slack.dev/interactivity/implementing-slash-commands
"""

from collections.abc import Mapping

from oblivion_router_worker.domain.events import ChosenAction, Interaction, SlashCommand, Unhandled
from oblivion_router_worker.domain.json_fields import JsonMapping, object_at, objects_at, text_at
from oblivion_router_worker.domain.slack_ts import is_ts

INTERACTION_KINDS = frozenset(
    {"block_actions", "message_action", "shortcut", "view_submission", "view_closed", "block_suggestion"}
)


def parse_interaction(payload: JsonMapping) -> Interaction | Unhandled:
    """Tell what was used, by whom, and on which message."""
    kind = text_at(payload, "type") or "body_without_type"
    user_id = text_at(object_at(payload, "user"), "id")
    if kind not in INTERACTION_KINDS:
        return Unhandled(kind)
    if user_id is None:
        return Unhandled(kind, "user_missing")
    container, message = object_at(payload, "container"), object_at(payload, "message")
    message_ts = text_at(message, "ts") or text_at(container, "message_ts") or text_at(payload, "message_ts")
    thread_ts = text_at(message, "thread_ts") or text_at(container, "thread_ts")
    return Interaction(
        workspace_id=_workspace_id(payload),
        kind=kind,
        user_id=user_id,
        channel=text_at(object_at(payload, "channel"), "id") or text_at(container, "channel_id"),
        message_ts=message_ts if is_ts(message_ts) else None,
        thread_ts=thread_ts if is_ts(thread_ts) else None,
        callback_id=text_at(payload, "callback_id") or text_at(object_at(payload, "view"), "callback_id"),
        actions=_actions(payload),
        team_id=text_at(object_at(payload, "user"), "team_id"),
        message_text=text_at(message, "text") or "",
        values=_values(object_at(payload, "view")),
        private_metadata=text_at(object_at(payload, "view"), "private_metadata") or "",
        trigger_id=text_at(payload, "trigger_id"),
        response_url=text_at(payload, "response_url"),
    )


def parse_slash_command(form: JsonMapping) -> SlashCommand | Unhandled:
    """Take a slash command's fields; `text` is what the person typed after it."""
    command, user_id = text_at(form, "command"), text_at(form, "user_id")
    channel = text_at(form, "channel_id")
    if command is None or user_id is None or channel is None:
        return Unhandled("slash_command", "field_missing")
    return SlashCommand(
        workspace_id=text_at(form, "team_id"),
        command=command,
        text=text_at(form, "text") or "",
        user_id=user_id,
        channel=channel,
        trigger_id=text_at(form, "trigger_id"),
        response_url=text_at(form, "response_url"),
    )


def _workspace_id(payload: JsonMapping) -> str | None:
    """In an organisation-wide installation `team` is null and the person's team stands in for it."""
    view, team = object_at(payload, "view"), object_at(payload, "team")
    return (
        text_at(view, "app_installed_team_id")
        or text_at(team, "id")
        or text_at(object_at(payload, "user"), "team_id")
    )


def _actions(payload: JsonMapping) -> tuple[ChosenAction, ...]:
    return tuple(
        ChosenAction(action_id, text_at(action, "block_id"), _chosen_value(action))
        for action in objects_at(payload, "actions")
        if (action_id := text_at(action, "action_id")) is not None
    )


def _values(view: JsonMapping) -> Mapping[str, str]:
    """`view.state.values` by action id: the blocks that they stand in are of no interest."""
    blocks = object_at(view, "state", "values")
    return {
        action_id: value
        for block_id in blocks
        for action_id in object_at(blocks, block_id)
        if (value := _chosen_value(object_at(blocks, block_id, action_id))) is not None
    }


def _chosen_value(action: JsonMapping) -> str | None:
    return text_at(action, "value") or text_at(object_at(action, "selected_option"), "value")
