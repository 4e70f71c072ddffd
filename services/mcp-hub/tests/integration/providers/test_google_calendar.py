from typing import Any

import pytest

from oblivion_platform.errors import PermanentFailure

HOSTILE = '<!channel> @here <a href="https://evil.test">x</a> <b>&amp;</b>'
# Far from the next days, on which there are events from the beginning.
DAY = {"time_min": "2040-03-01", "time_max": "2040-03-02"}


@pytest.fixture
async def calendar(opened: Any) -> Any:
    return await opened("google_calendar", time_zone="Europe/Berlin")


async def last_event(opened: Any) -> dict[str, Any]:
    return (await opened.sandbox.control.calendar.documents("event"))[-1]


async def test_an_event_is_created_and_nobody_is_told_unless_wished(opened: Any, calendar: Any):
    made = await calendar(
        "createEvent",
        title="Review",
        start="2040-03-01T14:30",
        end="2040-03-01T15:00:00+01:00",
        place="Room 1",
        guests=["ana@example.com"],
    )
    stored = await last_event(opened)
    assert (made["start"], made["end"]) == ("2040-03-01T14:30:00+01:00", "2040-03-01T15:00:00+01:00")
    assert (made["place"], made["guests"]) == ("Room 1", ["ana@example.com"])
    assert made["link"].startswith(f"{opened.sandbox.base_url}/calendar/event?eid=")
    assert (stored["summary"], stored["notified"], stored["via"]) == ("Review", [], "api")
    await calendar("updateEvent", event_id=made["id"], title="Big review", invite=True)
    assert (await last_event(opened))["notified"] == ["ana@example.com"]


async def test_without_an_end_an_event_takes_an_hour_or_the_day(calendar: Any):
    hour = await calendar("createEvent", title="x", start="2040-03-01T14:30")
    same = await calendar("createEvent", title="x", start="2040-03-01T14:30", end="2040-03-01T14:30")
    day = await calendar("createEvent", title="y", start="2040-03-01")
    days = await calendar("createEvent", title="z", start="2040-03-01", end="2040-03-03")
    assert hour["end"] == same["end"] == "2040-03-01T15:30:00+01:00"
    assert (day["start"], day["end"]) == ("2040-03-01", "2040-03-02")
    assert days["end"] == "2040-03-04"


async def test_an_event_is_changed_and_keeps_its_length_when_moved(opened: Any, calendar: Any):
    made = await calendar("createEvent", title="x", start="2040-03-01T14:30", end="2040-03-01T14:45")
    moved = await calendar("updateEvent", event_id=made["id"], start="2040-03-02T09:00")
    longer = await calendar("updateEvent", event_id=made["id"], end="2040-03-02T10:00", title="y")
    whole = await calendar("updateEvent", event_id=made["id"], start="2040-03-05", end="2040-03-05")
    assert (moved["start"], moved["end"]) == ("2040-03-02T09:00:00+01:00", "2040-03-02T09:15:00+01:00")
    assert (longer["start"], longer["end"]) == ("2040-03-02T09:00:00+01:00", "2040-03-02T10:00:00+01:00")
    assert (whole["start"], whole["end"], whole["title"]) == ("2040-03-05", "2040-03-06", "y")
    assert (await last_event(opened))["sequence"] == 3


async def test_events_are_listed_in_order_page_by_page_and_by_words(calendar: Any):
    for hour, title in ((15, "third"), (9, "first"), (12, "second")):
        await calendar(
            "createEvent", title=title, start=f"2040-03-01T{hour:02}:00", guests=["ana@example.com"]
        )
    await calendar("createEvent", title="another day", start="2040-03-05T09:00")
    listed = await calendar("listEvents", **DAY)
    first = await calendar("listEvents", **DAY, limit=2)
    second = await calendar("listEvents", **DAY, limit=2, cursor=first["next_cursor"])
    found = await calendar("listEvents", **DAY, words="SECOND ana@")
    assert [each["title"] for each in listed["events"]] == ["first", "second", "third"]
    assert [each["title"] for each in first["events"] + second["events"]] == ["first", "second", "third"]
    assert "next_cursor" not in second
    assert [each["title"] for each in found["events"]] == ["second"]


async def test_busy_times_are_told_also_of_people_whose_events_are_not_shown(opened: Any, calendar: Any):
    for start, end in (("09:00", "10:00"), ("09:30", "11:00"), ("14:00", "15:00")):
        await calendar("createEvent", title="x", start=f"2040-03-01T{start}", end=f"2040-03-01T{end}")
    told = await calendar(
        "freeBusy", **DAY, calendars=["oblivion@example.com", "ana@example.com", "zoe@example.com"]
    )
    own, hers, nobodys = told["calendars"]
    assert [(span["start"], span["end"]) for span in own["busy"]] == [
        ("2040-03-01T08:00:00Z", "2040-03-01T10:00:00Z"),
        ("2040-03-01T13:00:00Z", "2040-03-01T14:00:00Z"),
    ]
    assert hers["busy"] == []
    assert "notFound" in nobodys["problem"]


async def test_calendars_are_told_with_what_may_be_done_in_them(calendar: Any):
    calendars = (await calendar("listCalendars"))["calendars"]
    checked = await calendar.check()
    assert {each["name"]: each["role"] for each in calendars} == {
        "oblivion@example.com": "owner",
        "Company holidays": "reader",
        "Ana Silva": "freeBusyReader",
    }
    assert checked.account == "oblivion@example.com"
    assert "Company holidays: reader" in checked.rights


async def test_what_is_written_stays_text(opened: Any, calendar: Any):
    made = await calendar("createEvent", title=HOSTILE, start="2040-03-01T09:00", description=HOSTILE)
    stored = await last_event(opened)
    listed = (await calendar("listEvents", **DAY))["events"]
    assert stored["summary"] == HOSTILE
    assert "<" not in stored["description"]
    assert made["description"] == listed[0]["description"] == HOSTILE


async def test_a_calendar_that_may_only_be_read_takes_no_event(calendar: Any):
    with pytest.raises(PermanentFailure, match="right to make changes to that calendar"):
        await calendar(
            "createEvent", title="x", start="2040-03-01", calendar="holidays@group.calendar.example.com"
        )
    assert (await calendar("listEvents", **DAY))["events"] == []


async def test_what_is_not_there_is_said_to_need_sharing(calendar: Any):
    for call, arguments in (
        ("updateEvent", {"event_id": "nothing", "title": "x"}),
        ("updateEvent", {"event_id": "../../users/me", "title": "x"}),
        ("updateEvent", {"event_id": "..", "title": "x"}),
        ("listEvents", {"calendar": "ana@example.com"}),
        ("listEvents", {"calendar": "nobody/../primary"}),
    ):
        with pytest.raises(PermanentFailure, match="share the calendar") as refused:
            await calendar(call, **arguments)
        assert refused.value.code == "google_calendar_not_found"


async def test_times_that_are_none_and_zones_that_are_none_are_refused(opened: Any, calendar: Any):
    with pytest.raises(PermanentFailure, match="'tomorrow at nine' is no time; write it as 2026-11-21T14:30"):
        await calendar("createEvent", title="x", start="tomorrow at nine")
    with pytest.raises(PermanentFailure, match="The specified time range is empty"):
        await calendar("createEvent", title="x", start="2040-03-01T10:00", end="2040-03-01T09:00")
    nowhere = await opened("google_calendar", time_zone="Middle/Earth")
    with pytest.raises(PermanentFailure, match="is no time zone"):
        await nowhere("createEvent", title="x", start="2040-03-01T10:00")
