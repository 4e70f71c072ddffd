"""response_urls: five answers within half an hour to whoever clicked or typed a command.

Source: https://docs.slack.dev/interactivity/handling-user-interaction/#message_responses
"""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from oblivion_sandbox.clock import now_ms
from oblivion_sandbox.json_values import as_object
from oblivion_sandbox.slack.blocks import check_blocks
from oblivion_sandbox.slack.conversation import Conversation
from oblivion_sandbox.slack.errors import SlackError
from oblivion_sandbox.slack.messages import Draft, Messages
from oblivion_sandbox.slack.text import as_stored
from oblivion_sandbox.slack.workspace import Workspace
from oblivion_sandbox.store import Json, Row, Store, dumps

AT = "/slack/response"
USES = 5


@dataclass(frozen=True)
class Place:
    """Where an interaction happened."""

    channel: str
    user: str
    message_ts: str | None = None
    thread_ts: str | None = None
    ephemeral: bool = False


class ResponseUrls:
    """Every address handed out, and what is said to it."""

    def __init__(
        self, store: Store, workspace: Workspace, messages: Messages, conversation: Conversation
    ) -> None:
        self._store = store
        self._workspace = workspace
        self._messages = messages
        self._conversation = conversation

    def issue(self, place: Place) -> str:
        """The path of a new address."""
        url_id = secrets.token_urlsafe(18)
        until_ms = now_ms() + int(self._workspace.app.response_url_life_s * 1000)
        with self._store.write():
            self._store.run(
                "INSERT INTO slack_response_urls (id, channel, user, message_ts, thread_ts, ephemeral,"
                " uses_left, until_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                *(url_id, place.channel, place.user, place.message_ts, place.thread_ts),
                *(place.ephemeral, USES, until_ms),
            )
        return f"{AT}/{url_id}"

    def use(self, url_id: str, said: Json) -> None:
        """Do what was posted to an address.

        Raises:
            SlackError: expired_url, used_url, or a fault of the message.
        """
        row = self._store.one("SELECT * FROM slack_response_urls WHERE id = ?", url_id)
        if row is None or row["until_ms"] <= now_ms():
            raise SlackError("expired_url")
        if row["uses_left"] <= 0:
            raise SlackError("used_url")
        place = Place(
            row["channel"], row["user"], row["message_ts"], row["thread_ts"], bool(row["ephemeral"])
        )
        with self._store.write():
            self.say(place, said)
            self._store.run("UPDATE slack_response_urls SET uses_left = uses_left - 1 WHERE id = ?", url_id)

    def say(self, place: Place, said: Json) -> None:
        """Show an answer: in place of the original, to all, or to the person alone."""
        if said.get("delete_original") and place.message_ts is not None:
            self._delete(place)
            return
        body = _content(said)
        if said.get("replace_original") and place.message_ts is not None:
            self._replace(place, body)
            return
        app = self._workspace.app
        authored = {"bot_id": app.bot_id, "app_id": app.app_id, "user": app.bot_user_id} | body
        thread_ts = said.get("thread_ts") or place.thread_ts
        if said.get("response_type") == "in_channel":
            self._conversation.post(Draft(place.channel, app.bot_user_id, authored, thread_ts))
            return
        thread: Json = {"thread_ts": thread_ts} if thread_ts else {}
        self._conversation.post_ephemeral(place.channel, place.user, authored | thread)

    def _replace(self, place: Place, body: Json) -> None:
        if not place.ephemeral:
            row = self._messages.get(place.channel, place.message_ts or "")
            self._conversation.edit(row, {"blocks": None} | body, row["author"])
            return
        row = self._ephemeral(place)
        changed: Json = {**json.loads(row["body"]), "blocks": None, **body}
        self._store.touch("slack")
        self._store.run("UPDATE slack_ephemerals SET body = ? WHERE id = ?", dumps(changed), row["id"])

    def _delete(self, place: Place) -> None:
        if not place.ephemeral:
            self._conversation.delete(self._messages.get(place.channel, place.message_ts or ""))
            return
        self._store.touch("slack")
        self._store.run("DELETE FROM slack_ephemerals WHERE id = ?", self._ephemeral(place)["id"])

    def _ephemeral(self, place: Place) -> Row:
        row = self._store.one(
            "SELECT * FROM slack_ephemerals WHERE channel = ? AND ts = ?", place.channel, place.message_ts
        )
        if row is None:
            raise SlackError("message_not_found")
        return row

    def routes(self, count: Callable[[str], None]) -> list[Route]:
        """The endpoint that the app posts to; `count` notes each use."""

        async def endpoint(request: Request) -> Response:
            count("response_url")
            try:
                said: Any = json.loads(await request.body() or b"{}")
                self.use(request.path_params["url_id"], as_object(said))
            except SlackError as refused:
                status = 404 if refused.code in ("expired_url", "used_url") else 400
                return Response(dumps(refused.as_json()), status, media_type="application/json")
            except (ValueError, RecursionError):
                return Response(dumps({"ok": False, "error": "invalid_payload"}), 400)
            return PlainTextResponse("ok")

        return [Route(f"{AT}/{{url_id}}", endpoint, methods=["POST"])]


def _content(said: Json) -> Json:
    text = as_stored(str(said.get("text") or ""))
    if said.get("blocks"):
        return {"text": text, "blocks": check_blocks(said["blocks"])}
    if not text.strip():
        raise SlackError("no_text")
    return {"text": text}
