"""Events API: what the app is told, and when.

An event is owed when the app is installed, subscribed to it, and holds the scope it needs; message
events also need the bot in the channel. Source: https://docs.slack.dev/apis/events-api/
"""

import base64
import hashlib
import hmac
import secrets

from oblivion_sandbox.clock import now_s
from oblivion_sandbox.deliveries import Courier
from oblivion_sandbox.slack.text import mentioned_users
from oblivion_sandbox.slack.workspace import Workspace, is_dm
from oblivion_sandbox.store import Json, dumps

SCOPES = {
    "message.channels": "channels:history",
    "message.im": "im:history",
    "app_mention": "app_mentions:read",
    "reaction_added": "reactions:read",
    "reaction_removed": "reactions:read",
    "member_joined_channel": "channels:read",
    "member_left_channel": "channels:read",
    "channel_rename": "channels:read",
    "channel_archive": "channels:read",
}


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Slack's v0 signature of a request body."""
    digest = hmac.new(secret.encode(), f"v0:{timestamp}:".encode() + body, hashlib.sha256).hexdigest()
    return f"v0={digest}"


class Events:
    """Turns changes into owed deliveries, inside the transaction of the change."""

    def __init__(self, workspace: Workspace, courier: Courier) -> None:
        self._workspace = workspace
        self._courier = courier

    def send(self, subscription: str, event: Json) -> None:
        """Owe one event, if the app is to hear of it; `subscription` is its name in the app's settings."""
        app = self._workspace.app
        scope = SCOPES.get(subscription)
        reachable = app.socket_mode or app.request_url is not None
        wanted = subscription in app.subscriptions and (scope is None or scope in app.scopes)
        if not (app.installed and reachable and wanted):
            return
        envelope = self.envelope(event)
        self._courier.enqueue("slack", envelope["event_id"], event["type"], dumps(envelope))

    def envelope(self, event: Json) -> Json:
        """The outer object, with an event id of its own."""
        app = self._workspace.app
        context = {"team": app.team_id, "app": app.app_id, "channel": event.get("channel")}
        return {
            "token": app.verification_token,
            "team_id": app.team_id,
            "context_team_id": app.team_id,
            "context_enterprise_id": None,
            "api_app_id": app.app_id,
            "event": event,
            "type": "event_callback",
            "event_id": "Ev" + secrets.token_hex(5).upper(),
            "event_time": now_s(),
            "authorizations": [
                {
                    "enterprise_id": None,
                    "team_id": app.team_id,
                    "user_id": app.bot_user_id,
                    "is_bot": True,
                    "is_enterprise_install": False,
                }
            ],
            "is_ext_shared_channel": False,
            "event_context": "4-" + base64.urlsafe_b64encode(dumps(context).encode()).decode().rstrip("="),
        }

    def message_posted(self, channel: str, message: Json) -> None:
        """Tell of a new message, and again as `app_mention` with another event id if it names the bot."""
        if not self._in_channel(channel):
            return
        subscription, kind = _kind(channel)
        place = {"channel": channel, "event_ts": message["ts"], "channel_type": kind}
        self.send(subscription, message | place)
        if "subtype" not in message or message["subtype"] in ("file_share", "me_message", "thread_broadcast"):
            self._mention(channel, message, message["ts"])

    def message_changed(self, channel: str, before: Json, after: Json, event_ts: str) -> None:
        if not self._in_channel(channel):
            return
        subscription, kind = _kind(channel)
        self.send(
            subscription,
            {
                "type": "message",
                "subtype": "message_changed",
                "message": after,
                "previous_message": before,
                "channel": channel,
                "hidden": True,
                "ts": event_ts,
                "event_ts": event_ts,
                "channel_type": kind,
            },
        )
        bot = self._workspace.app.bot_user_id
        if bot not in mentioned_users(before.get("text", "")):
            self._mention(channel, after, event_ts)

    def message_deleted(self, channel: str, before: Json, event_ts: str) -> None:
        if not self._in_channel(channel):
            return
        subscription, kind = _kind(channel)
        self.send(
            subscription,
            {
                "type": "message",
                "subtype": "message_deleted",
                "previous_message": before,
                "channel": channel,
                "hidden": True,
                "deleted_ts": before["ts"],
                "ts": event_ts,
                "event_ts": event_ts,
                "channel_type": kind,
            },
        )

    def _in_channel(self, channel: str) -> bool:
        return self._workspace.is_member(channel, self._workspace.app.bot_user_id)

    def _mention(self, channel: str, message: Json, event_ts: str) -> None:
        bot = self._workspace.app.bot_user_id
        if (
            is_dm(channel)
            or message.get("user") == bot
            or bot not in mentioned_users(message.get("text", ""))
        ):
            return
        kept = (
            "user",
            "ts",
            "client_msg_id",
            "text",
            "team",
            "blocks",
            "thread_ts",
            "parent_user_id",
            "edited",
        )
        mention = {name: message[name] for name in kept if name in message}
        self.send("app_mention", {"type": "app_mention", **mention, "channel": channel, "event_ts": event_ts})


def _kind(channel: str) -> tuple[str, str]:
    """The subscription and the `channel_type` of messages in a channel."""
    return ("message.im", "im") if is_dm(channel) else ("message.channels", "channel")
