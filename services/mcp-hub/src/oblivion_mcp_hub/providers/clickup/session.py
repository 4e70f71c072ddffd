"""ClickUp behind one token, through the client that all of Oblivion uses, which knows the token's budget."""

import time
from collections.abc import AsyncGenerator, Awaitable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import aiohttp

from oblivion_mcp_hub.providers.http import ANSWERED_WITHIN_S, Json
from oblivion_mcp_hub.providers.provider import Checked
from oblivion_mcp_hub.providers.reading import as_object, as_objects, as_text
from oblivion_mcp_hub.providers.texts import one_line
from oblivion_mcp_hub.providers.voice import Voice
from oblivion_platform.clickup import ClickUp, ClickUpClient, ClickUpNotFound, Use, is_clickup_id
from oblivion_platform.errors import AnswerLost, AuthenticationFailed, OblivionFailure, RateLimited

LISTS_KEPT_S = 300.0
LISTS_NAMED = 20
VOICE = Voice(
    "clickup",
    "ClickUp",
    renew="ClickUp's settings, under Apps",
    share="share the space or list with the token's owner",
)
SETTINGS_SCHEMA: Json = {
    "type": "object",
    "properties": {
        "list": {
            "type": "string",
            "title": "List",
            "description": "Name or id of the list that tasks are kept in when nobody says where.",
        }
    },
    "additionalProperties": False,
}
# ClickUp's codes for a token whose owner may not do this.
_NO_RIGHT = frozenset({"clickup_access_054", "clickup_oauth_023", "clickup_oauth_027"})
AnswerT = TypeVar("AnswerT")


@dataclass(frozen=True)
class ListPlace:
    """A list and where it lies."""

    id: str
    name: str
    place: str


class ClickUpSession:
    """Calls with one token, and the lists that it sees."""

    def __init__(self, clickup: ClickUp, token: str, default_list: str | None) -> None:
        self.reader: ClickUpClient = clickup.client(token, Use.CHANGE)
        self.writer: ClickUpClient = clickup.client(token, Use.CREATION)
        self.default_list = default_list
        self._lists: list[ListPlace] = []
        self._lists_until = 0.0

    async def ask(self, call: Awaitable[AnswerT], what: str = "task") -> AnswerT:
        """The answer to one of the client's calls.

        Raises:
            OblivionFailure: in words for a connection's admin; `what` is what was looked for.
        """
        try:
            return await call
        except OblivionFailure as failed:
            failure = _reworded(failed, what)
        raise failure

    async def lists(self, *, fresh: bool = False) -> list[ListPlace]:
        """All lists, in folders or not, of every space."""
        if fresh or time.monotonic() > self._lists_until:
            self._lists = await self._found()
            self._lists_until = time.monotonic() + LISTS_KEPT_S
        return self._lists

    async def list_id(self, given: str | None) -> str:
        """Of the list that is named, else of the connection's own.

        Raises:
            OblivionFailure: none was named, there is none of the name, or several.
        """
        wanted = (given or self.default_list or "").strip()
        if not wanted:
            raise _unclear("Say in which list", await self.lists())
        if wanted.isdigit() and is_clickup_id(wanted):
            return wanted
        named = [each for each in await self.lists() if each.name.casefold() == wanted.casefold()]
        if not named:
            lists = await self.lists(fresh=True)
            named = [each for each in lists if each.name.casefold() == wanted.casefold()]
        if len(named) != 1:
            problem = (
                "Several lists have that name; give the id" if named else "There is no list of that name"
            )
            raise _unclear(problem, named or self._lists)
        return named[0].id

    async def _found(self) -> list[ListPlace]:
        found: list[ListPlace] = []
        for team in await self.ask(self.reader.get_teams(), "workspace"):
            for space in await self.ask(self.reader.get_spaces(str(team["id"])), "space"):
                found += await self._of_space(space)
        return found

    async def _of_space(self, space: Json) -> list[ListPlace]:
        space_id, name = str(space["id"]), one_line(space.get("name"), 100)
        folders = await self.ask(self.reader.get_folders(space_id), "space")
        lists = [
            _place(each, f"{name} / {one_line(folder.get('name'), 100)}")
            for folder in folders
            for each in as_objects(folder.get("lists"))
        ]
        outside = await self.ask(self.reader.get_folderless_lists(space_id), "space")
        return lists + [_place(each, name) for each in outside]


def _place(found: Json, place: str) -> ListPlace:
    return ListPlace(str(found["id"]), one_line(found.get("name"), 200), place)


def _unclear(problem: str, lists: list[ListPlace]) -> OblivionFailure:
    known = ", ".join(f"{each.name} ({each.id}, in {each.place})" for each in lists[:LISTS_NAMED])
    return VOICE.refused(f"{problem}; there are: {known or 'none that this connection sees'}.")


def _reworded(failed: OblivionFailure, what: str) -> OblivionFailure:
    if failed.code in _NO_RIGHT:
        return VOICE.right_missing("Give the token's owner edit rights to the list in ClickUp.")
    if isinstance(failed, AuthenticationFailed):
        return VOICE.bad_token()
    if isinstance(failed, ClickUpNotFound):
        return VOICE.not_there(what)
    if isinstance(failed, RateLimited):
        return VOICE.rate_limited(failed.retry_after_s)
    if isinstance(failed, AnswerLost):
        return VOICE.no_answer("it broke off", changes=True)
    return failed


@asynccontextmanager
async def open_clickup(
    credential: str, settings: Mapping[str, Any], base_url: str
) -> AsyncGenerator[ClickUpSession]:
    """A client whose connections are kept open."""
    timeout = aiohttp.ClientTimeout(total=ANSWERED_WITHIN_S)
    async with aiohttp.ClientSession(timeout=timeout) as http:
        yield ClickUpSession(ClickUp(http, base_url), credential, settings.get("list") or None)


async def check(clickup: ClickUpSession) -> Checked:
    user = as_object(await clickup.ask(clickup.reader.get_user()))
    teams = await clickup.ask(clickup.reader.get_teams())
    places = ", ".join(one_line(team.get("name"), 80) for team in teams) or "no workspace"
    return Checked(
        f"{one_line(as_text(user.get('username')), 80)} in {places}",
        rate_limit_left=clickup.reader.requests_left,
    )
