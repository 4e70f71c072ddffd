"""One Notion workspace behind one token, through notion-client.

Source: https://developers.notion.com/reference, version 2025-09-03 and later: a database holds data sources,
and a data source holds the pages.
"""

import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast

import httpx
from notion_client import AsyncClient
from notion_client.errors import HTTPResponseError, InvalidPathParameterError, RequestTimeoutError

from oblivion_mcp_hub.providers.http import ANSWERED_WITHIN_S, Json, plain_client
from oblivion_mcp_hub.providers.notion.ids import notion_id
from oblivion_mcp_hub.providers.notion.properties import DataSource
from oblivion_mcp_hub.providers.provider import Checked
from oblivion_mcp_hub.providers.reading import as_object, as_objects
from oblivion_mcp_hub.providers.texts import one_line
from oblivion_mcp_hub.providers.voice import Voice, seconds_of
from oblivion_platform.errors import OblivionFailure

API_VERSION = "2026-03-11"
SCHEMA_KEPT_S = 60.0
SOURCES_LISTED = 10
VOICE = Voice(
    "notion",
    "Notion",
    renew="notion.so/profile/integrations",
    share="open it in Notion and add the integration under Connections",
)
SETTINGS_SCHEMA: Json = {
    "type": "object",
    "properties": {
        "tasks": {
            "type": "string",
            "title": "Data source of tasks",
            "description": "Id or link of the data source or database that tasks are kept in. Without it, "
            "the only one that is shared with the integration, or the one called Tasks.",
        },
        "parent_page": {
            "type": "string",
            "title": "Parent page",
            "description": "Id or link of the page that new pages are put under when nobody says where.",
        },
    },
    "additionalProperties": False,
}
SILENT = logging.CRITICAL + 1
_silent = logging.getLogger("oblivion.notion_client")
# notion-client logs what it sends and gets.
_silent.setLevel(SILENT)


class NotionSession:
    """Calls with one token, and what was learned of its data sources."""

    def __init__(self, client: AsyncClient, tasks: str | None, parent_page: str | None) -> None:
        self.client = client
        self.parent_page = parent_page
        self._tasks = tasks
        self._sources: dict[str, tuple[float, DataSource]] = {}

    async def ask(self, call: Awaitable[Any], *, what: str = "page", changes: bool = False) -> Json:
        """The answer to one of the client's calls.

        Raises:
            OblivionFailure: in words of ours; `what` is what was looked for.
        """
        try:
            return cast("Json", await call)
        except (HTTPResponseError, InvalidPathParameterError, RequestTimeoutError, httpx.HTTPError) as error:
            failure = _failure_of(error, what, changes=changes)
        except ValueError:  # Not JSON.
            failure = VOICE.no_answer("no JSON", changes=changes)
        raise failure

    async def source(self, given: str | None, *, fresh: bool = False) -> DataSource:
        """The data source named by a link or id, else the connection's own."""
        wanted = given or self._tasks
        if wanted is None:
            wanted = self._tasks = await self._only_source()
        key = notion_id(wanted)
        kept = self._sources.get(key)
        if kept is not None and not fresh and time.monotonic() - kept[0] < SCHEMA_KEPT_S:
            return kept[1]
        source = DataSource.of(await self._fetched(key))
        self._sources[key] = (time.monotonic(), source)
        return source

    async def _fetched(self, key: str) -> Json:
        """By its own id, or by that of a database with one data source: that one is in links."""
        try:
            return await self.ask(self.client.data_sources.retrieve(data_source_id=key), what="data source")
        except OblivionFailure as failed:
            if failed.code != "notion_not_found":
                raise
        database = await self.ask(self.client.databases.retrieve(database_id=key), what="data source")
        sources = as_objects(database.get("data_sources"))
        if len(sources) != 1:
            raise _ambiguous([str(source.get("name")) for source in sources])
        return await self.ask(
            self.client.data_sources.retrieve(data_source_id=sources[0]["id"]), what="data source"
        )

    async def _only_source(self) -> str:
        shared = {"property": "object", "value": "data_source"}
        found = await self.ask(self.client.search(filter=shared, page_size=SOURCES_LISTED))
        sources = [DataSource.of(each) for each in as_objects(found.get("results"))]
        called_tasks = [source for source in sources if source.title.casefold() == "tasks"]
        chosen = sources if len(sources) == 1 else called_tasks
        if len(chosen) == 1:
            return chosen[0].id
        if not sources:
            raise VOICE.not_there("data source of tasks")
        raise _ambiguous([source.title for source in sources])


def _ambiguous(titles: list[str]) -> OblivionFailure:
    names = ", ".join(one_line(title, 60) for title in titles[:SOURCES_LISTED])
    return VOICE.refused(
        f"There are several data sources ({names}): say which one, by its link or id, or have an admin set "
        "it in the connection."
    )


def _failure_of(error: Exception, what: str, *, changes: bool) -> OblivionFailure:
    if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout)):
        return VOICE.away(type(error).__name__)
    if isinstance(error, InvalidPathParameterError):
        return VOICE.not_there(what)
    if not isinstance(error, HTTPResponseError):
        return VOICE.no_answer(type(error).__name__, changes=changes)
    match error.status:
        case 401:
            return VOICE.bad_token()
        case 403:
            return VOICE.right_missing(
                "Its owner ticks the capability (read, insert or update content) in the integration."
            )
        case 404:
            return VOICE.not_there(what)
        case 429:
            return VOICE.rate_limited(seconds_of(error.headers.get("Retry-After")))
        case status if status >= 500:
            return VOICE.no_answer(f"HTTP {status}", changes=changes)
        case status:
            return VOICE.quoted(str(error), status)


@asynccontextmanager
async def open_notion(
    credential: str, settings: Mapping[str, Any], base_url: str
) -> AsyncGenerator[NotionSession]:
    """A client whose connections are kept open; it repeats nothing by itself."""
    tasks, parent = (settings.get(name) or None for name in ("tasks", "parent_page"))
    async with plain_client(base_url) as http:
        client = AsyncClient(
            client=http,
            auth=credential,
            base_url=base_url.rstrip("/"),
            notion_version=API_VERSION,
            timeout_ms=int(ANSWERED_WITHIN_S * 1000),
            logger=_silent,
            log_level=SILENT,
            retry=False,
        )
        yield NotionSession(client, tasks, parent)


async def check(notion: NotionSession) -> Checked:
    """Notion tells neither capabilities nor what is left of the rate limit."""
    me = await notion.ask(notion.client.users.me())
    bot = as_object(me.get("bot"))
    workspace = one_line(bot.get("workspace_name"), 100) or "a workspace"
    return Checked(f"{one_line(me.get('name'), 100) or 'integration'} in {workspace}")
