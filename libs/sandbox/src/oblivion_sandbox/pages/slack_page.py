"""GET /slack: channels, messages, threads, the app; what people do goes through the control API."""

import re
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from oblivion_sandbox.live import Live
from oblivion_sandbox.pages.markup import emoji, markdown_html, mrkdwn_html, plain_html
from oblivion_sandbox.pages.rich_text import rich_html
from oblivion_sandbox.pages.shell import Shell
from oblivion_sandbox.pages.slack_views import SlackViews
from oblivion_sandbox.slack.errors import SlackError
from oblivion_sandbox.slack.service import Slack
from oblivion_sandbox.store import Row

PARTS = ("messages", "thread", "channels", "activity", "prompts", "home", "modal")
DM = "dm"
PERSON_COOKIE = "sandbox_person"
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
        person = self._person(request)
        try:
            channel = self._channel(query.get("channel") or "general", person)
        except SlackError:
            return RedirectResponse("/slack", 303)
        part = query.get("part")
        template = f"slack_{part}.html" if part in PARTS else "slack.html"
        return self._shell.page(template, self._values(request, channel, person))

    def _person(self, request: Request) -> Row:
        """Who looks at the page, as its script has noted."""
        name = request.cookies.get(PERSON_COOKIE, "you")
        people = [row for row in self._slack.workspace.users() if not row["is_bot"]]
        return next((row for row in people if row["name"] == name), people[0])

    def _channel(self, name: str, person: Row) -> Row:
        wanted = self._slack.workspace.dm(person["id"]) if name == DM else name
        return self._slack.workspace.channel(wanted)

    def _values(self, request: Request, channel: Row, person: Row) -> dict[str, Any]:
        workspace, query = self._slack.workspace, request.query_params
        views = SlackViews(self._slack, person)
        is_dm = workspace.dm_user(channel["id"]) is not None
        thread = views.thread(channel["id"], query["thread"]) if query.get("thread") else None
        root_ts = thread[0]["ts"] if thread else ""
        title = "Oblivion" if is_dm else f"#{channel['name']}"
        return {
            "title": title,
            "channel_title": title,
            "app": self._slack.app,
            "channel": workspace.channel_json(channel),
            "is_dm": is_dm,
            "tab": "home" if is_dm and query.get("tab") == "home" else "messages",
            "channels": [workspace.channel_json(row) for row in workspace.channels()],
            "people": [row for row in workspace.users() if not row["is_bot"]],
            "messages": views.channel(channel["id"]),
            "thread": thread,
            "activity": views.activity(channel["id"], root_ts) if thread else None,
            "suggestions": self._slack.sessions.suggestions(channel["id"]) if is_dm else None,
            "home": views.home() if is_dm else None,
            "modal": views.modal(),
            "shortcuts": self._slack.app.shortcuts,
            "mrkdwn": partial(mrkdwn_html, names=views.names),
            "rich": partial(rich_html, names=views.names),
            "markdown": markdown_html,
            "plain": plain_html,
            "emoji": emoji,
        }
