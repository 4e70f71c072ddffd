"""The Web API methods that the stand-in knows, each with its scope and its rate limit."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from oblivion_sandbox.slack.api import (
    apps,
    assistants,
    chat,
    conversations,
    files,
    people,
    reactions,
    streams,
    views,
)
from oblivion_sandbox.slack.call import Call
from oblivion_sandbox.store import Json

# Calls a minute of each tier. Source: https://docs.slack.dev/apis/web-api/rate-limits
TIERS_PER_MINUTE = {1: 1, 2: 20, 3: 50, 4: 100}


@dataclass(frozen=True)
class Method:
    """One method: what answers it, what it asks of the token, and how often it may be called."""

    answer: Callable[[Call], Json]
    scope: str | None
    tier: Literal[1, 2, 3, 4, "special"]
    token: Literal["bot", "app"] = "bot"  # noqa: S105  # a kind of token


METHODS: Mapping[str, Method] = {
    "agents.sessions.rename": Method(assistants.rename_session, "chat:write", 3),
    "agents.sessions.setStatus": Method(assistants.set_session_status, "chat:write", 3),
    "apps.connections.open": Method(apps.connections_open, "connections:write", 1, token="app"),  # noqa: S106
    "assistant.threads.setStatus": Method(assistants.set_thread_status, "assistant:write", "special"),
    "assistant.threads.setSuggestedPrompts": Method(
        assistants.set_suggested_prompts, "assistant:write", "special"
    ),
    "assistant.threads.setTitle": Method(assistants.set_thread_title, "assistant:write", "special"),
    "auth.test": Method(people.auth_test, None, "special"),
    "bots.info": Method(people.bots_info, "users:read", 3),
    "chat.appendStream": Method(streams.append, "chat:write", 4),
    "chat.delete": Method(chat.delete, "chat:write", 3),
    "chat.getPermalink": Method(chat.get_permalink, None, "special"),
    "chat.postEphemeral": Method(chat.post_ephemeral, "chat:write", 4),
    "chat.postMessage": Method(chat.post_message, "chat:write", "special"),
    "chat.startStream": Method(streams.start, "chat:write", 2),
    "chat.stopStream": Method(streams.stop, "chat:write", 2),
    "chat.update": Method(chat.update, "chat:write", 3),
    "conversations.history": Method(conversations.history, "channels:history", 3),
    "conversations.info": Method(conversations.info, "channels:read", 3),
    "conversations.join": Method(conversations.join, "channels:join", 3),
    "conversations.list": Method(conversations.list_all, "channels:read", 2),
    "conversations.members": Method(conversations.members, "channels:read", 4),
    "conversations.open": Method(conversations.open_dm, "im:write", 3),
    "conversations.replies": Method(conversations.replies, "channels:history", 3),
    "files.completeUploadExternal": Method(files.complete_upload, "files:write", 4),
    "files.getUploadURLExternal": Method(files.get_upload_url, "files:write", 4),
    "reactions.add": Method(reactions.add, "reactions:write", 3),
    "reactions.remove": Method(reactions.remove, "reactions:write", 2),
    "team.info": Method(people.team_info, "team:read", 3),
    "users.conversations": Method(conversations.list_own, "channels:read", 3),
    "users.info": Method(people.users_info, "users:read", 4),
    "users.list": Method(people.users_list, "users:read", 2),
    "views.open": Method(views.open_modal, None, 4),
    "views.publish": Method(views.publish, None, 4),
    "views.push": Method(views.push, None, 4),
    "views.update": Method(views.update, None, 4),
}
