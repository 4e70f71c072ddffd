"""The calendars as they are at first start."""

import secrets
from datetime import UTC, datetime, timedelta

from oblivion_sandbox.clock import now_ms
from oblivion_sandbox.store import Json
from oblivion_sandbox.vendor.documents import Documents

EMAIL = "oblivion@example.com"
SCOPES = ["calendar.readonly", "calendar.events"]
HOLIDAYS = "holidays@group.calendar.example.com"
ANA = "ana@example.com"
_ID_LETTERS = "0123456789abcdefghijklmnopqrstuv"
# Days from now, hour, hours, calendar, title.
_EVENTS = (
    (1, 9, 1, EMAIL, "Planning"),
    (1, 14, 2, EMAIL, "Launch review"),
    (2, 10, 1, ANA, "Interview"),
)


def seed_calendar(documents: Documents) -> Json:
    """The account's own calendar, one that it may read, and one of which it sees only when it is busy."""
    calendars = (
        (EMAIL, EMAIL, "owner"),
        (HOLIDAYS, "Company holidays", "reader"),
        (ANA, "Ana Silva", "freeBusyReader"),
    )
    for key, summary, role in calendars:
        about: Json = {"id": key, "summary": summary, "timeZone": "Europe/Berlin", "accessRole": role}
        documents.put("calendar", key, about | {"primary": key == EMAIL})
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    for days, hour, hours, calendar, summary in _EVENTS:
        start = today + timedelta(days=days, hours=hour)
        add_event(documents, calendar, summary, _moment(start), _moment(start + timedelta(hours=hours)))
    day = (today + timedelta(days=3)).date()
    whole: Json = {"date": day.isoformat()}
    after: Json = {"date": (day + timedelta(days=1)).isoformat()}
    add_event(documents, HOLIDAYS, "Company holiday", whole, after)
    return {
        # Of the form that Google's access tokens have.
        "token": f"ya29.a0{secrets.token_urlsafe(60)}",
        "email": EMAIL,
        "rights": SCOPES,
        "per_minute": 600,
        "burst": 100,
    }


def add_event(documents: Documents, calendar: str, summary: str, start: Json, end: Json) -> Json:
    return documents.put(
        *("event", key := new_id()),
        new_event(key, calendar) | {"summary": summary, "start": start, "end": end, "via": "seed"},
    )


def new_id() -> str:
    return "".join(secrets.choice(_ID_LETTERS) for _ in range(26))


def new_event(key: str, calendar: str) -> Json:
    moment = now_ms()
    about: Json = {"id": key, "calendar": calendar, "status": "confirmed", "sequence": 0}
    return about | {"created_ms": moment, "updated_ms": moment, "via": "api"}


def _moment(when: datetime) -> Json:
    return {"dateTime": when.isoformat(), "timeZone": "UTC"}
