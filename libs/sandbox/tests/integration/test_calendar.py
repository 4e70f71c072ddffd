"""The Calendar API through plain HTTP."""

from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest

from oblivion_sandbox.testing import RunningSandbox

EVENTS = "/calendars/primary/events"


@pytest.fixture
async def calendar(sandbox: RunningSandbox) -> AsyncGenerator[httpx.AsyncClient]:
    token = (await sandbox.control.calendar.account())["token"]
    headers = {"Authorization": f"Bearer {token}"}
    base_url = sandbox.google_calendar_api_url
    async with httpx.AsyncClient(base_url=base_url, headers=headers, trust_env=False) as client:
        yield client


def event(
    start: str = "2040-03-01T09:00:00Z", end: str = "2040-03-01T10:00:00Z", **more: Any
) -> dict[str, Any]:
    return {"summary": "x", "start": {"dateTime": start}, "end": {"dateTime": end}, **more}


async def test_calendars_are_listed_with_roles(calendar: httpx.AsyncClient):
    found = (await calendar.get("/users/me/calendarList")).json()
    assert found["kind"] == "calendar#calendarList"
    assert [(each["accessRole"], each["primary"]) for each in found["items"]] == [
        ("owner", True),
        ("reader", False),
        ("freeBusyReader", False),
    ]


async def test_an_event_is_made_changed_and_deleted(calendar: httpx.AsyncClient):
    made = (await calendar.post(EVENTS, json=event(attendees=[{"email": "ana@example.com"}]))).json()
    at = f"{EVENTS}/{made['id']}"
    changed = (await calendar.patch(at, json={"summary": "y"}, params={"sendUpdates": "all"})).json()
    deleted = await calendar.delete(at)
    again = await calendar.delete(at)
    assert (made["kind"], made["status"], made["attendees"][0]["responseStatus"]) == (
        "calendar#event",
        "confirmed",
        "needsAction",
    )
    assert (changed["summary"], changed["sequence"], changed["start"]) == ("y", 1, made["start"])
    assert (deleted.status_code, again.status_code) == (204, 410)
    assert (await calendar.get(at)).json()["status"] == "cancelled"
    assert (await calendar.patch(at, json={"summary": "z"})).status_code == 404


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"summary": "x"}, "required"),
        ({"start": {"dateTime": "2040-03-01T09:00:00Z"}}, "required"),
        (event(end="2040-03-01T09:00:00Z"), "timeRangeEmpty"),
        (event(start="2040-03-01T09:00:00"), "required"),
        (event(attendees=[{"email": "ana"}]), "invalid"),
        ({"start": {"date": "tomorrow"}, "end": {"date": "2040-03-01"}}, "invalid"),
    ],
)
async def test_a_wrong_event_is_refused(calendar: httpx.AsyncClient, body: dict[str, Any], reason: str):
    answer = await calendar.post(EVENTS, json=body)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["errors"][0]["reason"]) == (400, 400, reason)


async def test_events_are_listed_within_bounds_in_order_and_page_by_page(calendar: httpx.AsyncClient):
    for hour in (12, 9, 15):
        moment = f"2040-03-01T{hour:02}"
        await calendar.post(EVENTS, json=event(f"{moment}:00:00Z", f"{moment}:30:00Z", summary=f"at {hour}"))
    window = {"timeMin": "2040-03-01T09:15:00Z", "timeMax": "2040-03-01T15:00:00Z"}
    order = {"singleEvents": "true", "orderBy": "startTime"}
    first = (await calendar.get(EVENTS, params=window | order | {"maxResults": "1"})).json()
    second = (
        await calendar.get(EVENTS, params=window | order | {"pageToken": first["nextPageToken"]})
    ).json()
    unordered = await calendar.get(EVENTS, params=window | {"orderBy": "startTime"})
    floating = await calendar.get(EVENTS, params={"timeMin": "2040-03-01T09:15:00"})
    found = [each["summary"] for each in first["items"] + second["items"]]
    assert found == ["at 9", "at 12"]
    assert ("nextPageToken" in second, "nextSyncToken" in second) == (False, True)
    assert (unordered.status_code, floating.status_code) == (400, 400)


async def test_busy_times_are_told_without_more(calendar: httpx.AsyncClient):
    await calendar.post(EVENTS, json=event())
    await calendar.post(EVENTS, json=event("2040-03-01T09:30:00Z", "2040-03-01T11:00:00Z"))
    await calendar.post(EVENTS, json=event(transparency="transparent", end="2040-03-01T23:00:00Z"))
    body = {
        "timeMin": "2040-03-01T00:00:00+01:00",
        "timeMax": "2040-03-01T10:30:00Z",
        "items": [{"id": "primary"}, {"id": "nobody@example.com"}],
    }
    told = (await calendar.post("/freeBusy", json=body)).json()["calendars"]
    assert told["primary"]["busy"] == [{"start": "2040-03-01T09:00:00Z", "end": "2040-03-01T10:30:00Z"}]
    assert told["nobody@example.com"]["errors"][0]["reason"] == "notFound"


async def test_tokens_scopes_and_roles_are_checked(sandbox: RunningSandbox, calendar: httpx.AsyncClient):
    wrong = await calendar.get(EVENTS, headers={"Authorization": "Bearer ya29.wrong"})
    none = await calendar.get(EVENTS, headers={"Authorization": ""})
    reading = await calendar.post("/calendars/holidays@group.calendar.example.com/events", json=event())
    hidden = await calendar.get("/calendars/ana@example.com/events")
    await sandbox.control.calendar.change_account(rights=["calendar.readonly"])
    scoped = await calendar.post(EVENTS, json=event())
    answers = [wrong, none, reading, hidden, scoped]
    told = [(each.status_code, each.json()["error"]["errors"][0]["reason"]) for each in answers]
    assert told == [
        (401, "authError"),
        (401, "required"),
        (403, "requiredAccessLevel"),
        (404, "notFound"),
        (403, "insufficientPermissions"),
    ]
