"""The Slack app's manifest, ready to paste. Source: https://docs.slack.dev/reference/app-manifest."""

from typing import Any

BOT_EVENTS = (
    "agent_session_stopped",
    "app_home_opened",
    "app_mention",
    "app_uninstalled",
    "channel_archive",
    "channel_rename",
    "channel_unarchive",
    "group_archive",
    "group_rename",
    "group_unarchive",
    "member_joined_channel",
    "member_left_channel",
    "message.channels",
    "message.groups",
    "message.im",
    "reaction_added",
    "tokens_revoked",
)
REQUIRED_SCOPES = {
    "app_mentions:read": "to hear mentions",
    "channels:history": "to hear replies in threads",
    "channels:read": "to find channels by name",
    "chat:write": "to post tasks, comments and answers",
    "users:read": "to sign comments with names",
}
OPTIONAL_SCOPES = {
    "assistant:write": "to show that an agent is at work, and to suggest questions",
    "channels:join": "to enter public channels by itself",
    "commands": "for /oblivion and the message shortcuts",
    "files:write": "to give long answers as files",
    "groups:history": "to hear replies in private channels that it is invited to",
    "groups:read": "to find private channels that it is invited to",
    "im:history": "to be asked in direct messages",
    "im:read": "to know direct conversations",
    "im:write": "to answer in direct messages",
    "reactions:read": "to stop a run by :x:",
    "reactions:write": "to mark what is being worked on",
    "team:read": "to name the workspace",
}
SHORTCUTS = (
    ("Ask an agent…", "oblivion_ask_agent", "Ask an agent about this message"),
    ("Turn into a ClickUp task", "oblivion_make_task", "Make a ClickUp task of this message"),
)
LONG_DESCRIPTION = (
    "Mention Oblivion in a channel, or write to it, and an AI agent of your team answers in the thread: "
    "with its progress, with questions before what cannot be undone, and with one answer. Tasks of linked "
    "ClickUp lists appear in their channels, and what is said in their threads goes back as comments."
)
"""Slack takes one of 174 to 4,000 characters."""
APP_TOKEN_SCOPE = "connections:write"  # noqa: S105 - a scope


def app_manifest(request_url: str | None) -> dict[str, Any]:
    """For Socket Mode (no public address needed), or for HTTP when `request_url` is given."""
    settings: dict[str, Any] = {
        "event_subscriptions": {"bot_events": list(BOT_EVENTS)},
        "interactivity": {"is_enabled": True},
        "org_deploy_enabled": False,
        "socket_mode_enabled": request_url is None,
        "token_rotation_enabled": False,
    }
    if request_url is not None:
        settings["event_subscriptions"]["request_url"] = request_url
        settings["interactivity"]["request_url"] = request_url
    return {
        "_metadata": {"major_version": 2, "minor_version": 1},
        "display_information": {
            "name": "Oblivion",
            "description": "ClickUp tasks in Slack, and a squad of AI agents",
            "long_description": LONG_DESCRIPTION,
            "background_color": "#1d1c3b",
        },
        "features": _features(request_url),
        "oauth_config": {"scopes": {"bot": sorted({**REQUIRED_SCOPES, **OPTIONAL_SCOPES})}},
        "settings": settings,
    }


def _features(request_url: str | None) -> dict[str, Any]:
    command = {
        "command": "/oblivion",
        "description": "Agents, your runs, stopping them, linking lists",
        "usage_hint": "help | agents | status | stop | task | link LIST_ID | settings",
        "should_escape": True,
    }
    if request_url is not None:
        command["url"] = request_url
    return {
        "agent_view": {"agent_description": "A squad of AI agents: ask by mention, or here."},
        "app_home": {
            "home_tab_enabled": True,
            "messages_tab_enabled": True,
            "messages_tab_read_only_enabled": False,
        },
        "bot_user": {"display_name": "oblivion", "always_online": True},
        "shortcuts": [
            {"name": name, "type": "message", "callback_id": callback_id, "description": description}
            for name, callback_id, description in SHORTCUTS
        ],
        "slash_commands": [command],
    }


def missing_scopes(granted: frozenset[str]) -> dict[str, str]:
    """Required scopes that were not granted, with what each is for."""
    return {scope: why for scope, why in REQUIRED_SCOPES.items() if scope not in granted}
