"""What each path of the Calendar API answers.

Left out: recurring events (a recurrence is kept, its instances are not made), access lists, push channels,
sync tokens that sync, and mails to guests: who would have got one is kept in the event's `notified`.
Source: https://developers.google.com/workspace/calendar/api/v3/reference
"""

from datetime import UTC, datetime

from oblivion_sandbox.calendar import times
from oblivion_sandbox.calendar.dialect import invalid, no_access, no_scope, not_found, refusal
from oblivion_sandbox.calendar.seed import EMAIL, new_event, new_id
from oblivion_sandbox.clock import now_ms
from oblivion_sandbox.json_values import as_objects
from oblivion_sandbox.store import Json
from oblivion_sandbox.vendor.wire import Call, Entry

RESULTS_MAX = 2500
DEFAULT_RESULTS = 250
READERS = ("owner", "writer", "reader")
WRITERS = ("owner", "writer")
_TEXTS = ("summary", "description", "location", "colorId", "transparency", "visibility")


def list_calendars(call: Call) -> Json:
    _need(call, "calendar.readonly")
    entries = [
        {"kind": "calendar#calendarListEntry", "selected": True, "etag": '"0"', **each}
        for each in call.vendor.documents.all("calendar")
    ]
    return {"kind": "calendar#calendarList", "etag": '"0"', "nextSyncToken": "none", "items": entries}


def get_calendar(call: Call) -> Json:
    _need(call, "calendar.readonly")
    calendar = _calendar(call, READERS)
    about = {name: calendar[name] for name in ("id", "summary", "timeZone")}
    return {"kind": "calendar#calendar", "etag": '"0"', **about}


def list_events(call: Call) -> Json:
    _need(call, "calendar.readonly", "calendar.events")
    calendar = _calendar(call, READERS)
    found = [each for each in _within(call, calendar) if _holds(each, call.query.get("q", ""))]
    if call.query.get("orderBy") == "startTime":
        if call.query.get("singleEvents") != "true":
            raise invalid("The requested ordering is not available for the particular query.", "badRequest")
        found.sort(key=lambda event: times.instant(event["start"], calendar["timeZone"]))
    start, size = _place(call)
    more = start + size < len(found)
    after = {"nextPageToken": f"P{start + size}"} if more else {"nextSyncToken": "none"}
    shown = [_event(call, each) for each in found[start : start + size]]
    about = {
        "summary": calendar["summary"],
        "timeZone": calendar["timeZone"],
        "accessRole": calendar["accessRole"],
    }
    return {
        "kind": "calendar#events",
        "etag": '"0"',
        **about,
        "defaultReminders": [],
        **after,
        "items": shown,
    }


def _place(call: Call) -> tuple[int, int]:
    token = call.query.get("pageToken", "P0").removeprefix("P")
    size = call.number("maxResults", DEFAULT_RESULTS, RESULTS_MAX)
    if size is None or not token.isascii() or not token.isdigit() or len(token) > 9:
        raise invalid("Invalid page token value." if size else "Invalid value for: maxResults")
    return int(token), size


def _within(call: Call, calendar: Json) -> list[Json]:
    """Events that end after `timeMin` and begin before `timeMax`."""
    earliest, latest = times.bound(call.query.get("timeMin")), times.bound(call.query.get("timeMax"))
    zone = calendar["timeZone"]
    deleted = call.query.get("showDeleted") == "true"
    return [
        event
        for event in call.vendor.documents.all("event", lambda each: each["calendar"] == calendar["id"])
        if (deleted or event["status"] != "cancelled")
        and (earliest is None or times.instant(event["end"], zone) > earliest)
        and (latest is None or times.instant(event["start"], zone) < latest)
    ]


def _holds(event: Json, words: str) -> bool:
    people = " ".join(str(each.get("email")) for each in event.get("attendees", ()))
    text = " ".join(str(event.get(name) or "") for name in ("summary", "description", "location"))
    return all(word in f"{text} {people}".lower() for word in words.lower().split())


def get_event(call: Call) -> Json:
    _need(call, "calendar.readonly", "calendar.events")
    return _event(call, _stored(call, READERS))


def insert_event(call: Call) -> Json:
    _need(call, "calendar.events")
    calendar = _calendar(call, WRITERS)
    key = str(call.body.get("id") or new_id())
    if call.vendor.documents.get("event", key):
        raise refusal(409, "The requested identifier already exists.", "duplicate")
    event = new_event(key, calendar["id"]) | _fields(call.body)
    return _kept(call, calendar, event)


def patch_event(call: Call) -> Json:
    _need(call, "calendar.events")
    event = _stored(call, WRITERS)
    if event["status"] == "cancelled":
        raise not_found()
    changed = event | _fields(call.body) | {"updated_ms": now_ms(), "sequence": event["sequence"] + 1}
    return _kept(call, _calendar(call, WRITERS), changed)


def delete_event(call: Call) -> None:
    _need(call, "calendar.events")
    event = _stored(call, WRITERS)
    if event["status"] == "cancelled":
        raise refusal(410, "Resource has been deleted")
    call.vendor.documents.change("event", event["id"], status="cancelled", updated_ms=now_ms())


def _kept(call: Call, calendar: Json, event: Json) -> Json:
    for which in ("start", "end"):
        event[which] = times.checked(event.get(which), which)
    zone = calendar["timeZone"]
    if times.instant(event["end"], zone) <= times.instant(event["start"], zone):
        raise invalid("The specified time range is empty.", "timeRangeEmpty")
    told = call.query.get("sendUpdates", "none")
    guests = [str(each.get("email")) for each in event.get("attendees", ())]
    event["notified"] = [*event.get("notified", ()), *(guests if told == "all" else ())]
    return _event(call, call.vendor.documents.put("event", event["id"], event))


def _fields(body: Json) -> Json:
    fields: Json = {name: body[name] for name in (*_TEXTS, "start", "end", "recurrence") if name in body}
    if "attendees" in body:
        people = as_objects(body["attendees"])
        if any("@" not in str(each.get("email", "")) for each in people):
            raise invalid("Invalid attendee email.", "invalid")
        fields["attendees"] = [{"responseStatus": "needsAction", **each} for each in people]
    if body.get("status") in ("confirmed", "tentative", "cancelled"):
        fields["status"] = body["status"]
    return fields


def query_free_busy(call: Call) -> Json:
    _need(call, "calendar.readonly", "calendar.freebusy")
    earliest, latest = times.bound(call.body.get("timeMin")), times.bound(call.body.get("timeMax"))
    if earliest is None or latest is None:
        raise invalid(
            "Missing timeMin parameter." if earliest is None else "Missing timeMax parameter.", "required"
        )
    if latest <= earliest:
        raise invalid("The specified time range is empty.", "timeRangeEmpty")
    wanted = [str(each.get("id")) for each in as_objects(call.body.get("items"))]
    calendars = {key: _busy(call, key, earliest, latest) for key in wanted}
    window = {"timeMin": _utc(earliest), "timeMax": _utc(latest)}
    return {"kind": "calendar#freeBusy", **window, "calendars": calendars}


def _busy(call: Call, key: str, earliest: datetime, latest: datetime) -> Json:
    """Busy times, those that touch made one; also of calendars of which nothing else may be seen."""
    calendar = call.vendor.documents.get("calendar", EMAIL if key == "primary" else key)
    if calendar is None:
        return {"errors": [{"domain": "global", "reason": "notFound"}], "busy": []}
    zone, busy = calendar["timeZone"], list[tuple[datetime, datetime]]()
    for event in call.vendor.documents.all("event", lambda each: each["calendar"] == calendar["id"]):
        start, end = times.instant(event["start"], zone), times.instant(event["end"], zone)
        counts = event["status"] != "cancelled" and event.get("transparency") != "transparent"
        if counts and end > earliest and start < latest:
            busy.append((max(start, earliest), min(end, latest)))
    return {"busy": [{"start": _utc(start), "end": _utc(end)} for start, end in _merged(busy)]}


def _merged(spans: list[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    merged: list[tuple[datetime, datetime]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _written(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03}Z"


def _event(call: Call, event: Json) -> Json:
    own = {name: value for name, value in event.items() if name in (*_TEXTS, "start", "end", "attendees")}
    owner = {"email": event["calendar"], "self": event["calendar"] == EMAIL}
    return {
        "kind": "calendar#event",
        "etag": f'"{event["updated_ms"]}"',
        "id": event["id"],
        "status": event["status"],
        "htmlLink": f"{call.base_url}/event?eid={event['id']}",
        "created": _written(event["created_ms"]),
        "updated": _written(event["updated_ms"]),
        "creator": owner,
        "organizer": owner,
        "iCalUID": f"{event['id']}@google.com",
        "sequence": event["sequence"],
        "reminders": {"useDefault": True},
        "eventType": "default",
        **own,
    }


def _calendar(call: Call, roles: tuple[str, ...]) -> Json:
    key = call.path["calendar"]
    found = call.vendor.documents.get("calendar", EMAIL if key == "primary" else key)
    if found is None or (found["accessRole"] == "freeBusyReader" and roles == READERS):
        raise not_found()
    if found["accessRole"] not in roles:
        raise no_access("writer")
    return found


def _stored(call: Call, roles: tuple[str, ...]) -> Json:
    calendar = _calendar(call, roles)
    event = call.vendor.documents.get("event", call.path["event"])
    if event is None or event["calendar"] != calendar["id"]:
        raise not_found()
    return event


def _need(call: Call, *scopes: str) -> None:
    if not any(call.vendor.may(scope) for scope in scopes):
        raise no_scope()


ROUTES: tuple[Entry, ...] = (
    ("GET", "/users/me/calendarList", list_calendars),
    ("GET", "/calendars/{calendar}", get_calendar),
    ("GET", "/calendars/{calendar}/events", list_events),
    ("POST", "/calendars/{calendar}/events", insert_event),
    ("GET", "/calendars/{calendar}/events/{event}", get_event),
    ("PATCH", "/calendars/{calendar}/events/{event}", patch_event),
    ("DELETE", "/calendars/{calendar}/events/{event}", delete_event),
    ("POST", "/freeBusy", query_free_busy),
)
