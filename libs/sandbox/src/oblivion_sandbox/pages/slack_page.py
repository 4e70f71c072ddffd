"""GET /slack: channels, messages, threads; what is typed goes through the control API as a person."""

import re
from functools import partial
from typing import Any

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from oblivion_sandbox.live import Live
from oblivion_sandbox.pages.markup import editable_text, emoji, markdown_html, mrkdwn_html, plain_html
from oblivion_sandbox.pages.shell import Shell
from oblivion_sandbox.slack.errors import SlackError
from oblivion_sandbox.slack.messages import Window
from oblivion_sandbox.slack.service import Slack
from oblivion_sandbox.store import Json, Row

SHOWN_MESSAGES = 200
_PERMALINK = re.compile(r"^p(\d{10,12})(\d{6})$")


class SlackPage:
    """The page of the workspace."""

    def __init__(self, slack: Slack, live: Live, shell: Shell) -> None:
        self._slack = slack
        self._live = live
        self._shell = shell

    def routes(self) -> list[Route]:
        return [
            Route("/slack", self._page),
            Route("/slack/", self._page),
            Route("/slack/live", self._stream),
            Route("/slack/archives/{channel}/{permalink}", self._permalink),
        ]

    async def _stream(self, _request: Request) -> Response:
        return self._live.stream("slack")

    async def _permalink(self, request: Request) -> Response:
        """The place that chat.getPermalink names: the message, in its thread if it has one."""
        found = _PERMALINK.match(request.path_params["permalink"])
        channel = request.path_params["channel"]
        if found is None or not channel.isalnum():
            return RedirectResponse("/slack", 303)
        ts = f"{found.group(1)}.{found.group(2)}"
        root = re.sub(r"[^0-9.]", "", request.query_params.get("thread_ts", ""))
        thread = f"&thread={root}" if root else ""
        return RedirectResponse(f"/slack?channel={channel}{thread}#m{ts}", 303)

    async def _page(self, request: Request) -> Response:
        """The whole page, or one part of it that the script asks for by `part`."""
        query = request.query_params
        try:
            channel = self._slack.workspace.channel(query.get("channel") or "general")
        except SlackError:
            return RedirectResponse("/slack", 303)
        names = self._names()
        thread = self._thread(channel["id"], query["thread"], names) if query.get("thread") else None
        values: dict[str, Any] = {
            "title": f"#{channel['name']}",
            "app": self._slack.app,
            "channel": self._slack.workspace.channel_json(channel),
            "channels": [self._slack.workspace.channel_json(row) for row in self._slack.workspace.channels()],
            "people": [row for row in self._slack.workspace.users() if not row["is_bot"]],
            "messages": self._messages(channel["id"], names),
            "thread": thread,
            "thread_ts": query.get("thread", ""),
            "mrkdwn": partial(mrkdwn_html, names=names),
            "markdown": markdown_html,
            "plain": plain_html,
            "emoji": emoji,
        }
        part = query.get("part")
        template = f"slack_{part}.html" if part in ("messages", "thread", "channels") else "slack.html"
        return self._shell.page(template, values)

    def _names(self) -> dict[str, str]:
        people = {row["id"]: row["name"] for row in self._slack.workspace.users()}
        return people | {row["id"]: row["name"] for row in self._slack.workspace.channels()}

    def _messages(self, channel: str, names: dict[str, str]) -> list[Json]:
        rows, _more = self._slack.messages.history(channel, Window(limit=SHOWN_MESSAGES))
        return [self._view(row, names) for row in reversed(rows)]

    def _thread(self, channel: str, ts: str, names: dict[str, str]) -> list[Json] | None:
        try:
            rows, _more = self._slack.messages.thread(channel, ts, Window(limit=999))
        except SlackError:
            return None
        return [self._view(row, names) for row in rows]

    def _view(self, row: Row, names: dict[str, str]) -> Json:
        """What the template shows of a message."""
        message = self._slack.messages.render(row)
        is_app = "bot_id" in message
        blocks: list[Json] = message.get("blocks") or []
        author = message.get("username") or names.get(message.get("user", ""), "Slackbot")
        return {
            **message,
            "author": "Oblivion" if is_app and "username" not in message else author,
            "is_app": is_app,
            "is_notice": message.get("subtype") in ("channel_join", "channel_leave", "tombstone"),
            "html": self._text_html(message, names),
            "shows_text": all(block["type"] == "rich_text" for block in blocks),
            "editable": editable_text(message.get("text", ""), names),
            "can_edit": not is_app and "subtype" not in message,
            "can_delete": not is_app and message.get("subtype") not in ("channel_join", "tombstone"),
        }

    def _text_html(self, message: Json, names: dict[str, str]) -> Markup:
        return mrkdwn_html(message.get("text", ""), names)
