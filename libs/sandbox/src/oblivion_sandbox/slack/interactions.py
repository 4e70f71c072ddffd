"""What people do to the app: clicks, shortcuts, forms, slash commands, the App Home.

Each is one signed form to the interactivity URL, or one envelope over Socket Mode, to be answered within
three seconds; Slack repeats none of them. Source: https://docs.slack.dev/interactivity
"""

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from oblivion_sandbox.json_values import as_object
from oblivion_sandbox.outgoing import Answer
from oblivion_sandbox.slack.carrier import DEADLINE_S
from oblivion_sandbox.slack.elements import action_ts, answers, used
from oblivion_sandbox.slack.errors import SlackError
from oblivion_sandbox.slack.response_urls import Place
from oblivion_sandbox.slack.text import as_typed
from oblivion_sandbox.store import Json, Row, dumps

if TYPE_CHECKING:
    from oblivion_sandbox.slack.service import Slack

FORM = "application/x-www-form-urlencoded"
_USER = re.compile(r"<@([UW][A-Z0-9]+)>")


@dataclass(frozen=True)
class Asked:
    """One thing to tell the app: its form, and how Socket Mode names it."""

    kind: str
    form: dict[str, str]
    payload: Json
    url: str | None = None


class Interactions:
    """The deeds of people, as the app hears of them."""

    def __init__(self, slack: "Slack", public_url: str | None) -> None:
        self._slack = slack
        self._base_url = public_url or ""

    def reached_at(self, base_url: str) -> None:
        """Note where the app reaches us, so that the addresses it is handed lead back the same way."""
        self._base_url = base_url.rstrip("/")

    # Clicks

    async def press(self, user: Row, place: Json, action_id: str, value: str | None) -> Answer:
        """Use an element of a message, of an ephemeral message, or of a view.

        Raises:
            SlackError: message_not_found, not_found (view) or action_not_found.
        """
        if place.get("view_id"):
            return await self._press_in_view(user, str(place["view_id"]), action_id, value)
        channel = self._slack.workspace.channel(str(place["channel"]))
        ts = str(place["ts"])
        ephemeral = self._ephemeral(channel["id"], ts, user["id"])
        message = ephemeral or self._slack.messages.render(self._slack.messages.get(channel["id"], ts))
        action = used(message.get("blocks") or [], action_id, value)
        self._note_feedback(channel["id"], ts, user["id"], action)
        thread_ts = message.get("thread_ts")
        where = Place(channel["id"], user["id"], ts, thread_ts, ephemeral=ephemeral is not None)
        container = {"type": "message", "message_ts": ts, "channel_id": channel["id"]}
        container["is_ephemeral"] = ephemeral is not None
        payload: Json = self._common("block_actions", user) | {
            "container": container | ({"thread_ts": thread_ts} if thread_ts else {}),
            "channel": self._channel_json(channel),
            "state": {"values": {}},
            "response_url": self._response_url(where),
            "actions": [action],
        }
        if ephemeral is None:
            payload["message"] = message
        return await self._send(_interactive(payload))

    async def _press_in_view(self, user: Row, view_id: str, action_id: str, value: str | None) -> Answer:
        row = self._slack.views.find(view_id)
        view = self._slack.views.as_json(row)
        payload = self._common("block_actions", user, row["id"]) | {
            "container": {"type": "view", "view_id": row["id"]},
            "view": view,
            "actions": [used(view["blocks"], action_id, value)],
        }
        return await self._send(_interactive(payload))

    def _ephemeral(self, channel: str, ts: str, user: str) -> Json | None:
        row = self._slack.store.one(
            "SELECT * FROM slack_ephemerals WHERE channel = ? AND ts = ? AND user = ?", channel, ts, user
        )
        return None if row is None else json.loads(row["body"]) | {"ts": ts}

    def _note_feedback(self, channel: str, ts: str, user: str, action: Json) -> None:
        """The thumb that a person chose stays marked; the last one counts."""
        if action["type"] != "feedback_buttons":
            return
        with self._slack.store.write():
            self._slack.store.touch("slack")
            self._slack.store.run(
                "INSERT OR REPLACE INTO slack_feedback (channel, ts, action_id, user, value)"
                " VALUES (?, ?, ?, ?, ?)",
                *(channel, ts, action["action_id"], user, str(action["value"])),
            )

    # Shortcuts

    async def shortcut(self, user: Row, callback_id: str, message: Row | None) -> Answer:
        """Choose a shortcut, from a message's menu or from the composer."""
        if message is None:
            return await self._send(_interactive(self._common("shortcut", user) | _called(callback_id)))
        channel = self._slack.workspace.channel(message["channel"])
        where = Place(channel["id"], user["id"], message["ts"], message["thread_ts"])
        payload = self._common("message_action", user) | {
            **_called(callback_id),
            "message_ts": message["ts"],
            "channel": self._channel_json(channel),
            "message": self._slack.messages.render(message),
            "response_url": self._response_url(where),
        }
        return await self._send(_interactive(payload))

    # Views

    async def submit(self, user: Row, view_id: str, values: Json) -> Json:
        """Submit a modal; what the app answers decides whether it closes.

        Returns `errors` by block id when the app found some.
        """
        row = self._slack.views.find(view_id)
        view = self._slack.views.as_json(row)
        view["state"] = {"values": answers(view["blocks"], values)}
        payload: Json = self._common("view_submission", user, row["id"]) | {"view": view, "response_urls": []}
        answer = await self._send(_interactive(payload))
        told = _told(answer) if answer.ok else {}
        if answer.ok:
            self._follow(row, told)
        return {"status": answer.status, "error": answer.error, "errors": as_object(told.get("errors"))}

    def _follow(self, row: Row, told: Json) -> None:
        action = told.get("response_action")
        if action == "errors":
            return
        if action == "update":
            self._slack.views.update(row["id"], "", told.get("view"))
        elif action == "push":
            self._slack.views.open(row["user"], told.get("view"), previous=row["id"])
        elif action == "clear":
            self._slack.views.close_all(row["user"])
        else:
            self._slack.views.close(row)

    async def close(self, user: Row, view_id: str) -> Answer | None:
        """Cancel a modal; the app hears of it only if it wants to."""
        row = self._slack.views.find(view_id)
        self._slack.views.close(row)
        view = self._slack.views.as_json(row)
        if not view["notify_on_close"]:
            return None
        payload = self._common("view_closed", user) | {"view": view, "is_cleared": False}
        payload.pop("trigger_id")
        return await self._send(_interactive(payload))

    def open_home(self, user: Row, tab: str) -> str:
        """Look at the app's Home or Messages tab; returns the direct conversation."""
        channel = self._slack.workspace.dm(user["id"])
        event: Json = {
            "type": "app_home_opened",
            "user": user["id"],
            "channel": channel,
            "tab": tab,
            "event_ts": action_ts(),
        }
        home = self._slack.views.home(user["id"])
        if tab == "home" and home is not None:
            event["view"] = self._slack.views.as_json(home)
        with self._slack.store.write():
            self._slack.events.send("app_home_opened", event)
        return channel

    # Slash commands

    async def command(
        self, user: Row, channel: Row, command: str, text: str, url: str | None = None
    ) -> Answer:
        """Type a slash command; its answer, if it has one, is shown to the person or to all."""
        place = Place(channel["id"], user["id"])
        if command not in self._slack.app.commands and url is None:
            self._note(place, f"{command} is not a valid command.")
            return Answer(None, error="unknown_command")
        app = self._slack.app
        form = {
            "token": app.verification_token,
            "team_id": app.team_id,
            "team_domain": app.team_domain,
            "channel_id": channel["id"],
            "channel_name": self._channel_json(channel)["name"],
            "user_id": user["id"],
            "user_name": user["name"],
            "command": command,
            "text": self._escaped(text),
            "api_app_id": app.app_id,
            "is_enterprise_install": "false",
            "response_url": self._response_url(place),
            "trigger_id": self._slack.triggers.issue(user["id"], app.trigger_life_s),
        }
        answer = await self._send(Asked("slash_commands", form, dict(form), url))
        self._show(place, command, answer)
        return answer

    def _show(self, place: Place, command: str, answer: Answer) -> None:
        if not answer.ok:
            cause = "operation_timeout" if answer.error == "timeout" else "dispatch_failed"
            self._note(place, f'{command} failed with the error "{cause}"')
        elif said := _told(answer):
            try:
                self._slack.response_urls.say(place, said)
            except SlackError as refused:
                self._note(place, f'{command} failed with the error "{refused.code}"')

    def _note(self, place: Place, text: str) -> None:
        """A line that only this person sees, from Slack itself."""
        self._slack.conversation.post_ephemeral(
            place.channel, place.user, {"user": "USLACKBOT", "text": text}
        )

    def _escaped(self, text: str) -> str:
        """Names as `<@U…|name>` and `<#C…|name>`, as with the command's option to escape them."""
        users = {row["name"]: row["id"] for row in self._slack.workspace.users()}
        channels = {row["name"]: row["id"] for row in self._slack.workspace.channels()}
        names = {user_id: name for name, user_id in users.items()}
        return _USER.sub(lambda match: f"<@{match[1]}|{names[match[1]]}>", as_typed(text, users, channels))

    # How they travel

    def _common(self, kind: str, user: Row, view_id: str | None = None) -> Json:
        app = self._slack.app
        team_id = self._slack.workspace.traits(user["id"]).get("team_id", app.team_id)
        person = {"id": user["id"], "username": user["name"], "name": user["name"], "team_id": team_id}
        return {
            "type": kind,
            "user": person,
            "api_app_id": app.app_id,
            "token": app.verification_token,
            "trigger_id": self._slack.triggers.issue(user["id"], app.trigger_life_s, view_id),
            "team": {"id": app.team_id, "domain": app.team_domain},
            "enterprise": None,
            "is_enterprise_install": False,
        }

    def _channel_json(self, channel: Row) -> Json:
        direct = self._slack.workspace.dm_user(channel["id"]) is not None
        return {"id": channel["id"], "name": "directmessage" if direct else channel["name"]}

    def _response_url(self, place: Place) -> str:
        return self._base_url.rstrip("/") + self._slack.response_urls.issue(place)

    async def _send(self, asked: Asked) -> Answer:
        app = self._slack.app
        if app.socket_mode:
            return await self._by_socket(asked)
        url = asked.url or (app.interactivity_url if asked.kind == "interactive" else None) or app.request_url
        if url is None:
            return Answer(None, error="no_request_url")
        return await self._slack.carrier.post(url, urlencode(asked.form).encode(), FORM)

    async def _by_socket(self, asked: Asked) -> Answer:
        try:
            acknowledged = await self._slack.sockets.send(asked.kind, asked.payload, 0, "", DEADLINE_S)
        except TimeoutError:
            return Answer(None, error="timeout")
        except ConnectionError:
            return Answer(None, error="connection_failed")
        payload: Any = acknowledged.get("payload")
        return Answer(200, dumps(payload) if payload else "")


def _interactive(payload: Json) -> Asked:
    return Asked("interactive", {"payload": dumps(payload)}, payload)


def _called(callback_id: str) -> Json:
    return {"callback_id": callback_id, "action_ts": action_ts()}


def _told(answer: Answer) -> Json:
    """What the app said in its answer: JSON, or plain text for a slash command."""
    text = answer.text.strip()
    if not text:
        return {}
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError):
        return {"text": text}
    return as_object(value) or ({"text": value} if isinstance(value, str) else {})
