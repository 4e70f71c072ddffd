"""One person's Google calendars behind one OAuth access token: the Calendar API v3 over HTTP.

Source: https://developers.google.com/workspace/calendar/api/guides/errors
"""

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

VOICE = Voice(
    "google_calendar",
    "Google Calendar",
    renew="connect Google Calendar again",
    share="share the calendar with the connection's account",
)
SETTINGS_SCHEMA: Json = {
    "type": "object",
    "properties": {
        "calendar": {
            "type": "string",
            "title": "Calendar",
            "maxLength": 254,
            "description": "Id of the calendar that is meant when nobody says which: an e-mail address, "
            "or `primary`.",
        },
        "time_zone": {
            "type": "string",
            "title": "Time zone",
            "description": "Zone of times that are given without one, such as Europe/Berlin. Default: UTC.",
        },
    },
    "additionalProperties": False,
}
_LIMITS = frozenset(
    {"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "calendarUsageLimitsExceeded"}
)


class CalendarSession:
    """Requests with one token."""

    def __init__(self, http: VendorHttp, calendar: str, time_zone: str) -> None:
        self.http = http
        self.calendar = calendar
        self.time_zone = time_zone

    def events(self, calendar: str | None, event: str | None = None) -> str:
        """The path of a calendar's events, or of one of them; ids cannot change it."""
        at = f"/calendars/{_segment(calendar or self.calendar)}/events"
        return at if event is None else f"{at}/{_segment(event)}"


def _segment(key: str) -> str:
    """Raises: NotThere: dots alone, which lead elsewhere even when they are quoted."""
    if not key.strip("."):
        raise VOICE.not_there("calendar or event")
    return quote(key, safe="")


def failure_of(answer: Answer) -> OblivionFailure:
    error = as_object(as_object(answer.body).get("error"))
    first = next(iter(as_objects(error.get("errors"))), Json())
    reason = as_text(first.get("reason"))
    if answer.status == 429 or reason in _LIMITS:
        return VOICE.rate_limited(seconds_of(answer.headers.get("Retry-After")))
    match answer.status:
        case 401:
            return VOICE.bad_token()
        case 403 if reason == "insufficientPermissions":
            return VOICE.right_missing(
                "Connect Google Calendar again and grant seeing and editing events.", "calendar.events"
            )
        case 403:
            return VOICE.right_missing(
                "Its owner gives the account the right to make changes to that calendar."
            )
        case 404 | 410:
            return VOICE.not_there("calendar or event")
        case status:
            return VOICE.quoted(as_text(error.get("message")), status)


@asynccontextmanager
async def open_calendar(
    credential: str, settings: Mapping[str, Any], base_url: str
) -> AsyncGenerator[CalendarSession]:
    """Connections kept open. The token is good for an hour; whoever holds its refresh token replaces it."""
    headers = {"Authorization": f"Bearer {credential}"}
    async with opened(VOICE, base_url, headers, failure_of) as http:
        calendar, zone = settings.get("calendar") or "primary", settings.get("time_zone") or "UTC"
        yield CalendarSession(http, calendar, zone)


async def check(calendar: CalendarSession) -> Checked:
    """Google does not tell what is left of a quota; rights are those on each calendar."""
    found = as_objects(as_object(await calendar.http.get("/users/me/calendarList")).get("items"))
    own = next((each for each in found if each.get("primary") is True), Json())
    rights = tuple(
        f"{one_line(each.get('summary'), 60)}: {one_line(each.get('accessRole'), 30)}" for each in found
    )
    return Checked(one_line(own.get("id"), 254) or "a Google account", rights)
