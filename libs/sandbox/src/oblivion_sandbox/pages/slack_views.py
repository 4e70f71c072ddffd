"""What the Slack page's templates show: messages, what only one person sees, threads at work, forms."""

import json
from collections.abc import Mapping

from markupsafe import Markup

from oblivion_sandbox.pages.markup import editable_text, mrkdwn_html
from oblivion_sandbox.slack.errors import SlackError
from oblivion_sandbox.slack.messages import Window
from oblivion_sandbox.slack.service import Slack
from oblivion_sandbox.store import Json, Row

SHOWN_MESSAGES = 200
_NOTICES = ("channel_join", "channel_leave", "tombstone")


class SlackViews:
    """Reads the workspace for one person's page."""

    def __init__(self, slack: Slack, person: Row) -> None:
        self._slack = slack
        self._person = person
        self.names = {row["id"]: row["name"] for row in slack.workspace.users()}
        self.names |= {row["id"]: row["name"] for row in slack.workspace.channels()}

    def channel(self, channel: str) -> list[Json]:
        """The newest messages of a channel, and what is shown there to this person alone, oldest first."""
        rows, _more = self._slack.messages.history(channel, Window(limit=SHOWN_MESSAGES))
        shown = [self._message(row) for row in rows]
        oldest = shown[-1]["ts"] if len(shown) == SHOWN_MESSAGES else "0"
        mine = [each for each in self._ephemerals(channel, None) if each["ts"] > oldest]
        return sorted([*shown, *mine], key=lambda message: str(message["ts"]))

    def thread(self, channel: str, ts: str) -> list[Json] | None:
        """The root and its replies, in their order; None when there is no such thread."""
        try:
            rows, _more = self._slack.messages.thread(channel, ts, Window(limit=999))
        except SlackError:
            return None
        root, *replies = [self._message(row) for row in rows]
        both = [*replies, *self._ephemerals(channel, root["ts"])]
        return [root, *sorted(both, key=lambda message: str(message["ts"]))]

    def activity(self, channel: str, thread_ts: str) -> Json | None:
        """What the agent is doing in a thread, as far as it says so."""
        session = self._slack.sessions.session(channel, thread_ts)
        status = self._slack.sessions.status(channel, thread_ts)
        if session is None and status is None:
            return None
        can_stop = "agent_session_stopped" in self._slack.app.subscriptions
        return {"session": session, "status": status, "can_stop": can_stop}

    def modal(self) -> Json | None:
        """The topmost form that is open for this person."""
        stack = self._slack.views.stack(self._person["id"])
        return self._slack.views.as_json(stack[-1]) if stack else None

    def home(self) -> Json | None:
        row = self._slack.views.home(self._person["id"])
        return None if row is None else self._slack.views.as_json(row)

    def _message(self, row: Row) -> Json:
        message = self._slack.messages.render(row)
        streams = self._slack.streams
        session = self._slack.sessions.session(row["channel"], row["ts"])
        return self._view(message, row["channel"]) | {
            "streaming": streams.is_running(row["channel"], row["ts"]),
            "broken": streams.is_broken(row["channel"], row["ts"]),
            "working": session is not None and session["status"] == "processing",
            "can_edit": "bot_id" not in message and "subtype" not in message,
            "can_delete": "bot_id" not in message
            and message.get("subtype") not in ("channel_join", "tombstone"),
        }

    def _ephemerals(self, channel: str, thread_ts: str | None) -> list[Json]:
        rows = self._slack.store.all(
            "SELECT * FROM slack_ephemerals WHERE channel = ? AND user = ? ORDER BY id DESC LIMIT 50",
            *(channel, self._person["id"]),
        )
        bodies: list[Json] = [json.loads(row["body"]) | {"ts": row["ts"]} for row in rows]
        fitting = [body for body in bodies if body.get("thread_ts") == thread_ts]
        return [self._view(body, channel) | {"only_you": True} for body in fitting]

    def _view(self, message: Json, channel: str) -> Json:
        """What the template shows of any message."""
        is_app = "bot_id" in message
        blocks: list[Json] = message.get("blocks") or []
        author = message.get("username") or self.names.get(message.get("user", ""), "Slackbot")
        return {
            **message,
            "author": "Oblivion" if is_app and "username" not in message else author,
            "is_app": is_app,
            "is_notice": message.get("subtype") in _NOTICES,
            "html": self._text_html(message, self.names),
            "shows_text": all(block["type"] == "rich_text" for block in blocks),
            "editable": editable_text(message.get("text", ""), self.names),
            "feedback": self._feedback(channel, message["ts"]),
        }

    def _feedback(self, channel: str, ts: str) -> dict[str, str]:
        rows = self._slack.store.all(
            "SELECT action_id, value FROM slack_feedback WHERE channel = ? AND ts = ? AND user = ?",
            *(channel, ts, self._person["id"]),
        )
        return {row["action_id"]: row["value"] for row in rows}

    def _text_html(self, message: Json, names: Mapping[str, str]) -> Markup:
        return mrkdwn_html(message.get("text", ""), names)
