"""/slack/control/*: see everything, act as anybody, change how the app is installed."""

import secrets
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from oblivion_sandbox.control_routes import CommonControls, control
from oblivion_sandbox.slack.blocks import check_blocks
from oblivion_sandbox.slack.messages import Draft
from oblivion_sandbox.slack.rich_text import rich_text_block
from oblivion_sandbox.slack.service import Slack
from oblivion_sandbox.slack.text import as_stored, as_typed
from oblivion_sandbox.store import Json, Row

AT = "/slack/control"
CHANGEABLE = frozenset(
    {
        "request_url",
        "socket_mode",
        "scopes",
        "subscriptions",
        "limits_scale",
        "token_state",
        "signing_secret",
        "clock_skew_s",
        "installed",
        "interactivity_url",
        "commands",
        "shortcuts",
        "stream_life_s",
        "status_life_s",
        "trigger_life_s",
        "response_url_life_s",
    }
)


class SlackControls:
    """The controls of the workspace."""

    def __init__(self, slack: Slack) -> None:
        self._slack = slack

    def routes(self) -> list[Route]:
        channel = f"{AT}/channels/{{channel}}"
        return [
            *CommonControls("slack", self._slack).routes(),
            control(f"{AT}/app", "GET", self._app),
            control(f"{AT}/app", "PATCH", self._change_app),
            control(f"{AT}/app/verify-url", "POST", self._verify_url),
            control(f"{AT}/app/uninstall", "POST", self._uninstall),
            control(f"{AT}/sockets", "GET", self._sockets),
            control(f"{AT}/sockets/disconnect", "POST", self._disconnect),
            control(f"{AT}/users", "GET", self._users),
            control(f"{AT}/users", "POST", self._add_user),
            control(f"{AT}/channels", "GET", self._channels),
            control(f"{AT}/channels", "POST", self._add_channel),
            control(channel, "PATCH", self._change_channel),
            control(f"{channel}/members", "POST", self._invite),
            control(f"{channel}/members/{{user}}", "DELETE", self._remove_member),
            control(f"{channel}/messages", "GET", self._messages),
            control(f"{channel}/messages", "POST", self._post),
            control(f"{channel}/messages/{{ts}}", "PATCH", self._edit),
            control(f"{channel}/messages/{{ts}}", "DELETE", self._delete),
            control(f"{channel}/messages/{{ts}}/reactions", "POST", self._react),
            control(f"{channel}/ephemerals", "GET", self._ephemerals),
            control(f"{channel}/threads", "GET", self._threads),
            control(f"{channel}/threads/{{ts}}/stop", "POST", self._stop),
            control(f"{AT}/users/{{user}}/dm", "POST", self._open_dm),
            control(f"{AT}/commands", "POST", self._command),
            control(f"{AT}/interactions", "POST", self._interact),
            control(f"{AT}/shortcuts", "POST", self._shortcut),
            control(f"{AT}/users/{{user}}/views", "GET", self._views),
            control(f"{AT}/users/{{user}}/home", "POST", self._open_home),
            control(f"{AT}/views/{{view}}/submit", "POST", self._submit_view),
            control(f"{AT}/views/{{view}}/close", "POST", self._close_view),
        ]

    # The app

    async def _app(self, _request: Request, _body: Json) -> object:
        return asdict(self._slack.app)

    async def _change_app(self, _request: Request, body: Json) -> object:
        if unknown := body.keys() - CHANGEABLE:
            raise ValueError(f"cannot be changed: {', '.join(sorted(unknown))}")
        self._slack.buckets.clear()
        return asdict(self._slack.workspace.change_app(**body))

    async def _verify_url(self, _request: Request, body: Json) -> object:
        url = str(body.get("url") or self._slack.app.request_url)
        return await self._slack.carrier.verify_url(
            url, str(body.get("challenge") or secrets.token_urlsafe(24))
        )

    async def _uninstall(self, _request: Request, _body: Json) -> object:
        self._slack.conversation.uninstall()
        return asdict(self._slack.app)

    async def _sockets(self, _request: Request, _body: Json) -> object:
        return {"connections": self._slack.sockets.connections}

    async def _disconnect(self, _request: Request, body: Json) -> object:
        await self._slack.sockets.disconnect(str(body.get("reason", "refresh_requested")))
        return {"connections": self._slack.sockets.connections}

    # People and channels

    async def _users(self, _request: Request, _body: Json) -> object:
        return {"users": [self._slack.workspace.user_json(row) for row in self._slack.workspace.users()]}

    async def _add_user(self, _request: Request, body: Json) -> object:
        name = str(body["name"])
        user = self._slack.workspace.add_user(name, str(body.get("real_name", name)))
        if body.get("traits"):
            self._slack.workspace.set_traits(user, dict(body["traits"]))
        return self._slack.workspace.user_json(self._slack.workspace.user(user))

    async def _channels(self, _request: Request, _body: Json) -> object:
        rows = self._slack.workspace.channels()
        return {"channels": [self._slack.workspace.channel_json(row) for row in rows]}

    async def _add_channel(self, _request: Request, body: Json) -> object:
        """Create a channel that all people are in; the app too, unless `app_member` is false."""
        everybody = [row["id"] for row in self._slack.workspace.users()]
        bot = self._slack.app.bot_user_id
        members = [user for user in everybody if user != bot or body.get("app_member", True)]
        channel = self._slack.workspace.add_channel(str(body["name"]), members)
        return self._slack.workspace.channel_json(self._slack.workspace.channel(channel))

    async def _change_channel(self, request: Request, body: Json) -> object:
        channel = self._channel(request)["id"]
        if "name" in body:
            self._slack.conversation.rename(channel, str(body["name"]))
        if body.get("archived"):
            self._slack.conversation.archive(channel, self._user(body)["id"])
        return self._slack.workspace.channel_json(self._slack.workspace.channel(channel))

    async def _invite(self, request: Request, body: Json) -> object:
        inviter = self._slack.workspace.user(str(body.get("inviter", "you")))["id"]
        self._slack.conversation.join(self._channel(request)["id"], self._user(body)["id"], inviter)
        return {}

    async def _remove_member(self, request: Request, _body: Json) -> object:
        user = self._slack.workspace.user(request.path_params["user"])["id"]
        self._slack.conversation.leave(self._channel(request)["id"], user)
        return {}

    # Messages

    async def _messages(self, request: Request, _body: Json) -> object:
        return {"messages": self._slack.messages.ever(self._channel(request)["id"])}

    async def _post(self, request: Request, body: Json) -> object:
        """Post as a person; `typed` text is read as Slack's client reads it, other text as its API does."""
        content: Json = {"text": self._text(body)}
        # People of another company bring their own team along.
        if team := self._slack.workspace.traits(self._user(body)["id"]).get("team_id"):
            content |= {"team": team, "user_team": team, "source_team": team}
        if body.get("subtype"):
            content["subtype"] = str(body["subtype"])
        for name in ("files", "team", "metadata"):
            if body.get(name) is not None:
                content[name] = body[name]
        if body.get("blocks"):
            content["blocks"] = check_blocks(body["blocks"])
        draft = Draft(
            self._channel(request)["id"],
            self._user(body)["id"],
            content,
            body.get("thread_ts"),
            broadcast=bool(body.get("broadcast")),
            via="person",
        )
        return self._slack.conversation.post_as_person(draft)

    async def _edit(self, request: Request, body: Json) -> object:
        row = self._message(request)
        changes: Json = {}
        if "text" in body:
            text = self._text(body)
            changes = {"text": text, "blocks": [rich_text_block(text)]}
        # Slack itself changes a message without a new text, as when it adds a link's preview.
        if body.get("attachments") is not None:
            changes["attachments"] = body["attachments"]
        return self._slack.conversation.edit(row, changes, row["author"])

    async def _delete(self, request: Request, _body: Json) -> object:
        self._slack.conversation.delete(self._message(request))
        return {}

    async def _react(self, request: Request, body: Json) -> object:
        self._slack.conversation.react(self._message(request), str(body["name"]), self._user(body)["id"])
        return {}

    async def _ephemerals(self, request: Request, _body: Json) -> object:
        rows = self._slack.store.all(
            "SELECT * FROM slack_ephemerals WHERE channel = ?", self._channel(request)["id"]
        )
        return {"ephemerals": [dict(row) for row in rows]}

    # Threads and direct conversations

    async def _threads(self, request: Request, _body: Json) -> object:
        """Sessions, statuses that are still shown, and suggested prompts, by thread."""
        channel = self._channel(request)["id"]
        sessions = [row for row in self._slack.sessions.all() if row["channel"] == channel]
        return {
            "sessions": [dict(row) for row in sessions],
            "statuses": self._slack.sessions.statuses(channel),
            "prompts": self._slack.sessions.suggestions(channel),
        }

    async def _stop(self, request: Request, body: Json) -> object:
        """Press the native Stop of a thread."""
        row = self._message(request)
        thread_ts = row["thread_ts"] or row["ts"]
        user = self._user(body)["id"]
        return {"streaming_message_ts": self._slack.sessions.stop(row["channel"], thread_ts, user)}

    async def _open_dm(self, request: Request, _body: Json) -> object:
        user = self._slack.workspace.user(request.path_params["user"])
        return {"id": self._slack.workspace.dm(user["id"])}

    # Slash commands, buttons, shortcuts and forms

    async def _command(self, _request: Request, body: Json) -> object:
        """Type a slash command: a signed form to `url`, or to the request URL."""
        channel = self._slack.workspace.channel(str(body.get("channel", "general")))
        text, url = str(body.get("text", "")), body.get("url")
        command = str(body["command"])
        return asdict(await self._slack.interactions.command(self._user(body), channel, command, text, url))

    async def _interact(self, _request: Request, body: Json) -> object:
        """Use an element of a message (`channel`, `ts`) or of a view (`view_id`)."""
        value = None if body.get("value") is None else str(body["value"])
        user = self._user(body)
        return asdict(await self._slack.interactions.press(user, body, str(body["action_id"]), value))

    async def _shortcut(self, _request: Request, body: Json) -> object:
        message = None
        if body.get("ts"):
            channel = self._slack.workspace.channel(str(body["channel"]))
            message = self._slack.messages.get(channel["id"], str(body["ts"]))
        user = self._user(body)
        return asdict(await self._slack.interactions.shortcut(user, str(body["callback_id"]), message))

    async def _views(self, request: Request, _body: Json) -> object:
        """A person's Home and their open modals, the topmost last."""
        user = self._slack.workspace.user(request.path_params["user"])["id"]
        home = self._slack.views.home(user)
        return {
            "home": None if home is None else self._slack.views.as_json(home),
            "modals": [self._slack.views.as_json(row) for row in self._slack.views.stack(user)],
        }

    async def _submit_view(self, request: Request, body: Json) -> object:
        values: Json = body.get("values") or {}
        return await self._slack.interactions.submit(self._user(body), request.path_params["view"], values)

    async def _close_view(self, request: Request, body: Json) -> object:
        await self._slack.interactions.close(self._user(body), request.path_params["view"])
        return {}

    async def _open_home(self, request: Request, body: Json) -> object:
        user = self._slack.workspace.user(request.path_params["user"])
        return {"channel": self._slack.interactions.open_home(user, str(body.get("tab", "home")))}

    # Who and where

    def _channel(self, request: Request) -> Row:
        return self._slack.workspace.channel(request.path_params["channel"])

    def _message(self, request: Request) -> Row:
        return self._slack.messages.get(self._channel(request)["id"], request.path_params["ts"])

    def _user(self, body: Json) -> Row:
        return self._slack.workspace.user(str(body.get("user", "you")))

    def _text(self, body: Json) -> str:
        text: Any = body.get("text", "")
        if not body.get("typed"):
            return as_stored(str(text))
        users = {row["name"]: row["id"] for row in self._slack.workspace.users()}
        channels = {row["name"]: row["id"] for row in self._slack.workspace.channels()}
        return as_typed(str(text), users, channels)
