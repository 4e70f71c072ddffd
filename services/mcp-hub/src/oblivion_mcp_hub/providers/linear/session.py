"""One Linear workspace behind one API key or OAuth token: GraphQL over HTTP.

Linear answers HTTP 200 with `errors` for much of what goes wrong, and 400 for a rate limit.
Sources: https://linear.app/developers/graphql, https://linear.app/developers/rate-limiting
"""

import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from oblivion_mcp_hub.providers.http import Answer, Json, VendorHttp, opened
from oblivion_mcp_hub.providers.linear import documents
from oblivion_mcp_hub.providers.provider import Checked
from oblivion_mcp_hub.providers.reading import as_object, as_objects, as_text
from oblivion_mcp_hub.providers.texts import one_line
from oblivion_mcp_hub.providers.voice import Voice, seconds_of
from oblivion_platform.errors import OblivionFailure

KEY_PREFIX = "lin_api_"
TEAMS_KEPT_S = 60.0
NAMED = 20
VOICE = Voice(
    "linear",
    "Linear",
    renew="Linear's settings, under Security & access",
    share="give the key's owner access to the team",
)
SETTINGS_SCHEMA: Json = {
    "type": "object",
    "properties": {
        "team": {
            "type": "string",
            "title": "Team",
            "description": "Key of the team, such as ENG, that new issues go to when nobody says where.",
        }
    },
    "additionalProperties": False,
}


@dataclass(frozen=True)
class Team:
    """A team and the states of its issues: name → id."""

    id: str
    key: str
    name: str
    states: Mapping[str, str]


class LinearSession:
    """Requests with one key, and the teams that it sees."""

    def __init__(self, http: VendorHttp, default_team: str | None) -> None:
        self._http = http
        self._default_team = default_team
        self._teams: list[Team] = []
        self._teams_until = 0.0
        self.requests_left: int | None = None

    async def ask(self, document: str, **variables: Any) -> Json:
        return await self._sent(document, variables, changes=False)

    async def change(self, document: str, **variables: Any) -> Json:
        return await self._sent(document, variables, changes=True)

    async def _sent(self, document: str, variables: Json, *, changes: bool) -> Json:
        body: Json = {"query": document, "variables": variables}
        answer = await self._http.send("POST", "/graphql", body=body, changes=changes)
        left = answer.headers.get("X-RateLimit-Requests-Remaining", "")
        self.requests_left = int(left) if left.isascii() and left.isdigit() else None
        if as_objects(as_object(answer.body).get("errors")):
            raise failure_of(answer)
        return as_object(as_object(answer.body).get("data"))

    async def teams(self) -> list[Team]:
        if time.monotonic() > self._teams_until:
            found = as_object((await self.ask(documents.TEAMS)).get("teams"))
            self._teams = [_team(each) for each in as_objects(found.get("nodes"))]
            self._teams_until = time.monotonic() + TEAMS_KEPT_S
        return self._teams

    async def team(self, given: str | None) -> Team:
        """By key or name; else the connection's own, else the only one.

        Raises:
            OblivionFailure: none was named, or there is none of the name.
        """
        teams = await self.teams()
        wanted = (given or self._default_team or "").strip().casefold()
        fitting = [team for team in teams if wanted in (team.key.casefold(), team.name.casefold())]
        if not wanted and len(teams) == 1:
            return teams[0]
        if len(fitting) == 1:
            return fitting[0]
        problem = "Say which team" if not wanted else f"There is no team {one_line(given, 60)!r}"
        known = ", ".join(f"{team.key} ({team.name})" for team in teams[:NAMED])
        raise VOICE.refused(f"{problem}; there are: {known or 'none that this connection sees'}.")

    async def state_id(self, team_id: str, wanted: str) -> str:
        """Of a state by its name.

        Raises:
            OblivionFailure: the team has none of that name.
        """
        team = next((each for each in await self.teams() if each.id == team_id), None)
        states: Mapping[str, str] = team.states if team else dict[str, str]()
        found = next((key for name, key in states.items() if name.casefold() == wanted.casefold()), None)
        if found is None:
            known = ", ".join(states)
            raise VOICE.refused(f"There is no state {one_line(wanted, 60)!r}; there are: {known}.")
        return found

    async def person_id(self, given: str) -> str:
        """`me` is whom the key belongs to.

        Raises:
            OblivionFailure: nobody, or several, of that name.
        """
        if given.strip().casefold() == "me":
            return as_text(as_object((await self.ask(documents.ME)).get("viewer")).get("id"))
        found = as_object((await self.ask(documents.PEOPLE, words=given)).get("users"))
        people = as_objects(found.get("nodes"))
        exact = [
            each for each in people if given.casefold() in (_small(each, "name"), _small(each, "displayName"))
        ]
        chosen = exact or people
        if len(chosen) == 1:
            return as_text(chosen[0].get("id"))
        names = ", ".join(one_line(each.get("name"), 80) for each in people)
        problem = f"Several people fit {one_line(given, 60)!r}: {names}" if people else "Nobody has that name"
        raise VOICE.refused(f"{problem}; give the full name.")


def _small(person: Json, name: str) -> str:
    return as_text(person.get(name)).casefold()


def _team(team: Json) -> Team:
    states = as_objects(as_object(team.get("states")).get("nodes"))
    return Team(
        as_text(team.get("id")),
        one_line(team.get("key"), 20),
        one_line(team.get("name"), 100),
        {one_line(state.get("name"), 60): as_text(state.get("id")) for state in states},
    )


def failure_of(answer: Answer) -> OblivionFailure:
    """By the code of the first error; Linear's HTTP status says less."""
    error = next(iter(as_objects(as_object(answer.body).get("errors"))), Json())
    about = as_object(error.get("extensions"))
    code = as_text(about.get("code"))
    said = as_text(about.get("userPresentableMessage")) or as_text(error.get("message"))
    if code == "RATELIMITED" or answer.status == 429:
        return VOICE.rate_limited(_wait_s(answer.headers))
    if code == "AUTHENTICATION_ERROR" or answer.status == 401:
        return VOICE.bad_token()
    if code == "FORBIDDEN" or answer.status == 403:
        return VOICE.right_missing("Its owner makes a key with this permission, and access to the team.")
    if as_text(error.get("message")).startswith("Entity not found"):
        return VOICE.not_there(one_line(error.get("message"), 80).rpartition(": ")[2].lower() or "issue")
    return VOICE.quoted(said, answer.status)


def _wait_s(headers: Mapping[str, str]) -> float | None:
    """Until the moment that a header names in milliseconds."""
    reset = headers.get("X-RateLimit-Requests-Reset", "")
    if reset.isascii() and reset.isdigit() and len(reset) < 16:
        return int(reset) / 1000 - time.time()
    return seconds_of(headers.get("Retry-After"))


@asynccontextmanager
async def open_linear(
    credential: str, settings: Mapping[str, Any], base_url: str
) -> AsyncGenerator[LinearSession]:
    """API keys go bare, tokens of OAuth apps as Bearer."""
    bare = credential.startswith(KEY_PREFIX)
    headers = {"Authorization": credential if bare else f"Bearer {credential}"}
    async with opened(VOICE, base_url, headers, failure_of) as http:
        yield LinearSession(http, settings.get("team") or None)


async def check(linear: LinearSession) -> Checked:
    """Linear does not tell what a key may do."""
    found = await linear.ask(documents.VIEWER)
    viewer, organization = as_object(found.get("viewer")), as_object(found.get("organization"))
    account = f"{one_line(viewer.get('name'), 80)} in {one_line(organization.get('name'), 80)}"
    return Checked(account, rate_limit_left=linear.requests_left)
