"""One Jira Cloud site behind one API token: REST v3 over HTTP.

Sources: https://developer.atlassian.com/cloud/jira/platform/rest/v3/,
https://developer.atlassian.com/cloud/jira/platform/rate-limiting/
"""

import base64
import re
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

from oblivion_mcp_hub.providers.http import Answer, Json, VendorHttp, opened
from oblivion_mcp_hub.providers.provider import Checked
from oblivion_mcp_hub.providers.reading import as_object, as_objects, as_text
from oblivion_mcp_hub.providers.texts import one_line
from oblivion_mcp_hub.providers.voice import Voice, seconds_of
from oblivion_platform.errors import OblivionFailure

API = "/rest/api/3"
PROJECTS_KEPT_S = 60.0
NAMED = 20
RIGHTS = ("BROWSE_PROJECTS", "CREATE_ISSUES", "EDIT_ISSUES", "TRANSITION_ISSUES", "ADD_COMMENTS")
VOICE = Voice(
    "jira",
    "Jira",
    renew="id.atlassian.com, under API tokens",
    share="give the token's owner access to the project",
)
SETTINGS_SCHEMA: Json = {
    "type": "object",
    "properties": {
        "site": {
            "type": "string",
            "title": "Site",
            "pattern": "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
            "description": "What stands before .atlassian.net in the address of your Jira.",
        },
        "email": {
            "type": "string",
            "title": "E-mail",
            "maxLength": 254,
            "description": "The address of the account that the API token belongs to.",
        },
        "project": {
            "type": "string",
            "title": "Project",
            "description": "Key of the project, such as ENG, that new issues go to when nobody says where.",
        },
    },
    "required": ["site", "email"],
    "additionalProperties": False,
}
_SITE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,19}-[0-9]{1,9}")
_LINK = re.compile(rf"(?:/browse/|[?&]selectedIssue=)({_KEY.pattern})(?:$|[/?#&])")


class JiraSession:
    """Requests with one token, and the projects that it sees."""

    def __init__(self, http: VendorHttp, site_url: str, default_project: str | None) -> None:
        self._http = http
        self._site_url = site_url
        self._default_project = default_project
        self._projects: list[tuple[str, str]] = []
        self._projects_until = 0.0

    async def get(self, path: str, **query: Any) -> Any:
        return await self._http.get(API + path, query)

    async def change(self, verb: str, path: str, body: Json) -> Any:
        return await self._http.change(verb, API + path, body)

    async def search(self, jql: str, limit: int, cursor: str | None) -> Json:
        """One page of issues. A POST that changes nothing: queries may be long."""
        fields = ["summary", "status", "issuetype", "priority", "assignee", "project"]
        body: Json = {"jql": jql, "maxResults": limit, "fields": fields}
        body |= {"nextPageToken": cursor} if cursor else {}
        answer = await self._http.send("POST", f"{API}/search/jql", body=body, changes=False)
        return as_object(answer.body)

    def link(self, key: str) -> str:
        return f"{self._site_url}/browse/{quote(key, safe='')}"

    async def projects(self) -> list[tuple[str, str]]:
        """Keys and names."""
        if time.monotonic() > self._projects_until:
            found = as_objects(as_object(await self.get("/project/search", maxResults=100)).get("values"))
            self._projects = [(as_text(each.get("key")), one_line(each.get("name"), 100)) for each in found]
            self._projects_until = time.monotonic() + PROJECTS_KEPT_S
        return self._projects

    async def project(self, given: str | None) -> str:
        """The key of a project by its key or name; else the connection's own, else the only one.

        Raises:
            OblivionFailure: none was named, or there is none of the name.
        """
        projects = await self.projects()
        wanted = (given or self._default_project or "").strip().casefold()
        fitting = [key for key, name in projects if wanted in (key.casefold(), name.casefold())]
        if not wanted and len(projects) == 1:
            return projects[0][0]
        if len(fitting) == 1:
            return fitting[0]
        problem = "Say in which project" if not wanted else f"There is no project {one_line(given, 60)!r}"
        known = ", ".join(f"{key} ({name})" for key, name in projects[:NAMED])
        raise VOICE.refused(f"{problem}; there are: {known or 'none that this connection sees'}.")

    async def account_id(self, given: str) -> str:
        """`me` is whom the token belongs to.

        Raises:
            OblivionFailure: nobody, or several, of that name.
        """
        if given.strip().casefold() == "me":
            return as_text(as_object(await self.get("/myself")).get("accountId"))
        people = as_objects(await self.get("/user/search", query=given, maxResults=10))
        exact = [each for each in people if as_text(each.get("displayName")).casefold() == given.casefold()]
        chosen = exact or people
        if len(chosen) == 1:
            return as_text(chosen[0].get("accountId"))
        names = ", ".join(one_line(each.get("displayName"), 80) for each in people)
        problem = f"Several people fit {one_line(given, 60)!r}: {names}" if people else "Nobody has that name"
        raise VOICE.refused(f"{problem}; give the full name.")

    async def move(self, key: str, status: str) -> None:
        """Take an issue to a status by the transition that leads there.

        Raises:
            OblivionFailure: none does.
        """
        found = as_object(await self.get(f"/issue/{key}/transitions"))
        transitions = as_objects(found.get("transitions"))
        for transition in transitions:
            leads_to = as_text(as_object(transition.get("to")).get("name"))
            if status.casefold() in (leads_to.casefold(), as_text(transition.get("name")).casefold()):
                chosen = {"transition": {"id": as_text(transition.get("id"))}}
                await self.change("POST", f"/issue/{key}/transitions", chosen)
                return
        known = ", ".join(one_line(as_object(each.get("to")).get("name"), 60) for each in transitions)
        raise VOICE.refused(
            f"{key} cannot go to {one_line(status, 60)!r} from where it is; it can go to: "
            f"{known or 'nothing'}."
        )


def issue_key(given: str) -> str:
    """The key in a key or a link.

    Raises:
        OblivionFailure: there is none in it.
    """
    in_link = _LINK.search(given)
    key = in_link[1] if in_link else given
    if not _KEY.fullmatch(key):
        raise VOICE.refused(f"{one_line(given, 80)!r} is no issue; write it as ENG-12, or give its link.")
    return key.upper()


def failure_of(answer: Answer) -> OblivionFailure:
    body = as_object(answer.body)
    match answer.status:
        case 401:
            return VOICE.bad_token()
        case 403:
            return VOICE.right_missing("An admin of the Jira project gives it to the token's owner.")
        case 404:
            return VOICE.not_there("issue or project")
        case 429:
            return VOICE.rate_limited(seconds_of(answer.headers.get("Retry-After")))
        case status:
            messages = body.get("errorMessages")
            said = [as_text(each) for each in messages] if isinstance(messages, list) else []  # pyright: ignore
            fields = [f"{name}: {as_text(what)}" for name, what in as_object(body.get("errors")).items()]
            return VOICE.quoted(" ".join([*said, *fields]), status)


@asynccontextmanager
async def open_jira(
    credential: str, settings: Mapping[str, Any], base_url: str
) -> AsyncGenerator[JiraSession]:
    """The site comes from the settings, unless the operator has set another address for all.

    An API token goes as Basic with its owner's address; at the operator's address it may be a Bearer token.
    A token of OAuth goes to Atlassian's own address, which the sign-in told (`api_url`).
    """
    if settings.get("api_url"):
        headers = {"Authorization": f"Bearer {credential}"}
        async with opened(VOICE, str(settings["api_url"]), headers, failure_of) as http:
            yield JiraSession(http, str(settings.get("site_url") or ""), settings.get("project") or None)
        return
    site, email = str(settings.get("site") or ""), str(settings.get("email") or "")
    if not base_url and not _SITE.fullmatch(site):
        raise VOICE.refused(
            "The connection names no Jira site: set `site` to what stands before .atlassian.net."
        )
    if not base_url and not email:
        raise VOICE.refused(
            "The connection names no account: set `email` to the address of the token's owner."
        )
    address = (base_url or f"https://{site}.atlassian.net").rstrip("/")
    async with opened(
        VOICE, address, {"Authorization": _authorization(email, credential)}, failure_of
    ) as http:
        yield JiraSession(http, address, settings.get("project") or None)


def _authorization(email: str, credential: str) -> str:
    if not email:
        return f"Bearer {credential}"
    return f"Basic {base64.b64encode(f'{email}:{credential}'.encode()).decode()}"


async def check(jira: JiraSession) -> Checked:
    """Jira does not tell what is left of a rate limit."""
    me = as_object(await jira.get("/myself"))
    asked = as_object(await jira.get("/mypermissions", permissions=",".join(RIGHTS)))
    permissions = as_object(asked.get("permissions"))
    rights = [name for name in RIGHTS if as_object(permissions.get(name)).get("havePermission") is True]
    return Checked(one_line(me.get("displayName"), 100) or "an account", tuple(rights))
