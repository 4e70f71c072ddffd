"""What agents can do in Google Calendar. Descriptions are text, though Google would take HTML.

Guests get mail only on request.
"""

import html
from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field

from oblivion_mcp_hub.providers import texts
from oblivion_mcp_hub.providers.google_calendar import times
from oblivion_mcp_hub.providers.google_calendar.session import VOICE, CalendarSession
from oblivion_mcp_hub.providers.http import Json
from oblivion_mcp_hub.providers.provider import ADDS, CHANGES, READS, Input, NoInput, Output, tool
from oblivion_mcp_hub.providers.reading import as_object, as_objects, as_text

DEFAULT_DAYS = 7
DEFAULT_MINUTES = 60
GUESTS_MAX = 50

Title = Annotated[str, Field(min_length=1, max_length=texts.TITLE_LENGTH_MAX)]
Text = Annotated[str, Field(max_length=8_000)]
Time = Annotated[str, Field(min_length=10, max_length=40)]
CalendarId = Annotated[str, Field(min_length=1, max_length=254)]
EventId = Annotated[str, Field(min_length=1, max_length=1_024)]
Email = Annotated[str, Field(pattern=r"^[^@\s]{1,64}@[^@\s]{1,189}$")]
Guests = Annotated[list[Email], Field(max_length=GUESTS_MAX)]
Limit = Annotated[int, Field(ge=1, le=100)]
Cursor = Annotated[str, Field(min_length=1, max_length=1_000)]


class Event(Output):
    id: str
    title: str
    link: str
    start: str
    end: str
    place: str | None = None
    description: str | None = None
    guests: tuple[str, ...] = ()


class Events(Output):
    events: list[Event]
    next_cursor: str | None = None


class CalendarView(Output):
    id: str
    name: str
    role: str
    """owner, writer, reader, or freeBusyReader."""


class Calendars(Output):
    calendars: list[CalendarView]


class Span(Output):
    start: str
    end: str


class Busy(Output):
    calendar: str
    busy: list[Span]
    problem: str | None = None


class FreeBusyView(Output):
    calendars: list[Busy]


class ListEvents(Input):
    time_min: Time | None = None
    """From when on, such as 2026-11-21T09:00 or 2026-11-21; left out: from now on."""
    time_max: Time | None = None
    """Until when; left out: seven days later."""
    words: Annotated[str, Field(max_length=200)] | None = None
    """Only events with these words in title, description, place or guests."""
    calendar: CalendarId | None = None
    """Id of another calendar than the usual one, from listCalendars."""
    limit: Limit = 25
    cursor: Cursor | None = None
    """`next_cursor` of the page before; the rest as it was then."""


class CreateEvent(Input):
    title: Title
    start: Time
    """Such as 2026-11-21T14:30, with an offset or in the usual zone; for a whole day such as 2026-11-21."""
    end: Time | None = None
    """As `start`; of a whole day the last one. Left out, or the same as `start`: an hour, or the day."""
    description: Text | None = None
    """As plain text."""
    place: Annotated[str, Field(max_length=500)] | None = None
    guests: Guests = Field(default_factory=list[Email])
    """E-mail addresses."""
    invite: bool = False
    """Whether Google sends the guests an invitation by mail."""
    calendar: CalendarId | None = None
    """Id of another calendar than the usual one, from listCalendars."""


class UpdateEvent(Input):
    event_id: EventId
    """From listEvents."""
    title: Title | None = None
    start: Time | None = None
    """Moves the event; without `end` it keeps its length."""
    end: Time | None = None
    description: Text | None = None
    place: Annotated[str, Field(max_length=500)] | None = None
    guests: Guests | None = None
    """All guests anew, as e-mail addresses."""
    invite: bool = False
    """Whether Google tells the guests of the change by mail."""
    calendar: CalendarId | None = None
    """Id of another calendar than the usual one, from listCalendars."""


class FreeBusy(Input):
    time_min: Time
    """From when on, such as 2026-11-21T09:00."""
    time_max: Time
    """Until when."""
    calendars: Annotated[list[CalendarId], Field(max_length=50)] = Field(default_factory=list[CalendarId])
    """Ids of calendars, which for people are their e-mail addresses; left out: the usual one."""


async def list_events(calendar: CalendarSession, given: ListEvents) -> Events:
    """List the events of a Google calendar in the order of their start, repeated ones each time."""
    zone = calendar.time_zone
    earliest = times.moment(given.time_min, zone) if given.time_min else times.now()
    latest = times.moment(given.time_max, zone) if given.time_max else earliest + timedelta(days=DEFAULT_DAYS)
    query: dict[str, Any] = {"timeMin": times.written(earliest), "timeMax": times.written(latest)}
    query |= {"singleEvents": "true", "orderBy": "startTime", "timeZone": zone}
    query |= {"maxResults": given.limit, "q": given.words or None, "pageToken": given.cursor}
    found = as_object(await calendar.http.get(calendar.events(given.calendar), query))
    events = [_event(each) for each in as_objects(found.get("items"))]
    return Events(events=events, next_cursor=as_text(found.get("nextPageToken")) or None)


async def create_event(calendar: CalendarSession, given: CreateEvent) -> Event:
    """Create an event in a Google calendar, and return its link."""
    zone = calendar.time_zone
    fields = _fields(given) | {"start": times.start_of(given.start, zone)}
    if given.end is not None and given.end != given.start:
        fields["end"] = times.end_of(given.end, zone)
    elif times.is_day(given.start):
        fields["end"] = times.end_of(given.start, zone)
    else:
        later = times.moment(given.start, zone) + timedelta(minutes=DEFAULT_MINUTES)
        fields["end"] = {"dateTime": later.isoformat(), "timeZone": zone}
    made = await calendar.http.change("POST", calendar.events(given.calendar), fields, _told(given))
    return _event(as_object(made))


async def update_event(calendar: CalendarSession, given: UpdateEvent) -> Event:
    """Change an event in a Google calendar: its title, time, description, place or guests. The rest stays."""
    path = calendar.events(given.calendar, given.event_id)
    fields = _fields(given)
    if given.start is not None or given.end is not None:
        fields |= _moved(given, as_object(await calendar.http.get(path)), calendar.time_zone)
    if not fields:
        raise VOICE.refused(
            "Nothing to change was given: say a title, a time, a description, a place or guests."
        )
    return _event(as_object(await calendar.http.change("PATCH", path, fields, _told(given))))


async def list_calendars(calendar: CalendarSession, _given: NoInput) -> Calendars:
    """List the Google calendars that this connection sees, and what it may do in each."""
    found = as_objects(as_object(await calendar.http.get("/users/me/calendarList")).get("items"))
    return Calendars(
        calendars=[
            CalendarView(
                id=as_text(each.get("id")),
                name=texts.one_line(each.get("summary"), 200),
                role=texts.one_line(each.get("accessRole"), 40),
            )
            for each in found
        ]
    )


async def free_busy(calendar: CalendarSession, given: FreeBusy) -> FreeBusyView:
    """Tell when calendars are busy between two times; what is not listed is free. No titles are shown."""
    zone = calendar.time_zone
    window = {"timeMin": times.moment(given.time_min, zone), "timeMax": times.moment(given.time_max, zone)}
    body: Json = {name: times.written(when) for name, when in window.items()} | {"timeZone": zone}
    body["items"] = [{"id": each} for each in given.calendars or [calendar.calendar]]
    answer = await calendar.http.send("POST", "/freeBusy", body=body, changes=False)
    found = as_object(as_object(answer.body).get("calendars"))
    return FreeBusyView(calendars=[_busy(name, as_object(about)) for name, about in found.items()])


def _busy(name: str, about: Json) -> Busy:
    reasons = [as_text(each.get("reason")) for each in as_objects(about.get("errors"))]
    problem = (
        f"This calendar cannot be looked at ({texts.one_line(', '.join(reasons), 80)})." if reasons else None
    )
    spans = [
        Span(start=as_text(each.get("start")), end=as_text(each.get("end")))
        for each in as_objects(about.get("busy"))
    ]
    return Busy(calendar=texts.one_line(name, 254), busy=spans, problem=problem)


def _moved(given: UpdateEvent, event: Json, zone: str) -> Json:
    """Both ends of the event anew: as given, else as they were, or as far apart as they were."""
    moved: Json = {"start": as_object(event.get("start")), "end": as_object(event.get("end"))}
    if given.start is not None:
        length = _at(moved["end"], zone) - _at(moved["start"], zone)
        moved["start"] = times.start_of(given.start, zone)
        later = times.moment(given.start, zone) + length
        is_day = times.is_day(given.start)
        moved["end"] = (
            {"date": later.date().isoformat()}
            if is_day
            else {"dateTime": later.isoformat(), "timeZone": zone}
        )
    if given.end is not None:
        moved["end"] = times.end_of(given.end, zone)
    # What Google keeps beside what is replaced would contradict it.
    return {which: {"date": None, "dateTime": None, **value} for which, value in moved.items()}


def _at(value: Json, zone: str) -> Any:
    return times.moment(as_text(value.get("dateTime")) or as_text(value.get("date")), zone)


def _fields(given: CreateEvent | UpdateEvent) -> Json:
    fields: dict[str, Any] = {"summary": given.title, "location": given.place}
    if given.description is not None:
        fields["description"] = html.escape(given.description, quote=False)
    if given.guests or (given.guests is not None and isinstance(given, UpdateEvent)):
        fields["attendees"] = [{"email": email} for email in given.guests]
    return {name: value for name, value in fields.items() if value is not None}


def _told(given: CreateEvent | UpdateEvent) -> Json:
    return {"sendUpdates": "all" if given.invite else "none"}


def _event(event: Json) -> Event:
    description = html.unescape(as_text(event.get("description")))
    return Event(
        id=as_text(event.get("id")),
        title=texts.one_line(event.get("summary")) or "untitled",
        link=as_text(event.get("htmlLink")),
        start=_when(event.get("start")),
        end=_when(event.get("end")),
        place=texts.one_line(event.get("location")) or None,
        description=texts.body(description, 2_000) or None,
        guests=tuple(texts.one_line(each.get("email"), 254) for each in as_objects(event.get("attendees"))),
    )


def _when(value: object) -> str:
    about = as_object(value)
    return as_text(about.get("dateTime")) or as_text(about.get("date"))


TOOLS = (
    tool("listEvents", READS, ListEvents, list_events),
    tool("createEvent", ADDS, CreateEvent, create_event),
    tool("updateEvent", CHANGES, UpdateEvent, update_event),
    tool("freeBusy", READS, FreeBusy, free_busy),
    tool("listCalendars", READS, NoInput, list_calendars),
)
