"""The Slack app's manifest, ready to paste. Source: https://docs.slack.dev/reference/app-manifest."""

from typing import Any

BOT_EVENTS = (
    "app_mention",
    "app_uninstalled",
    "channel_archive",
    "channel_rename",
    "channel_unarchive",
    "member_joined_channel",
    "member_left_channel",
    "message.channels",
    "tokens_revoked",
)
REQUIRED_SCOPES = {
    "app_mentions:read": "to hear mentions",
    "channels:history": "to hear replies in threads",
    "channels:read": "to find channels by name",
    "chat:write": "to post tasks and comments",
    "users:read": "to sign comments with names",
}
OPTIONAL_SCOPES = {
    "channels:join": "to enter public channels by itself",
    "reactions:write": "to mark what is being worked on",
    "team:read": "to name the workspace",
}
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
            "background_color": "#1d1c3b",
        },
        "features": {"bot_user": {"display_name": "oblivion", "always_online": True}},
        "oauth_config": {"scopes": {"bot": sorted({**REQUIRED_SCOPES, **OPTIONAL_SCOPES})}},
        "settings": settings,
    }


def missing_scopes(granted: frozenset[str]) -> dict[str, str]:
    """Required scopes that were not granted, with what each is for."""
    return {scope: why for scope, why in REQUIRED_SCOPES.items() if scope not in granted}
