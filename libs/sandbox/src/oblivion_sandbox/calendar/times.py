"""Starts and ends of events: a day, or a moment that has an offset or a time zone."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from oblivion_sandbox.calendar.dialect import invalid
from oblivion_sandbox.json_values import as_object
from oblivion_sandbox.store import Json


def checked(given: object, which: str) -> Json:
    """A start or end as events keep it.

    Raises:
        Refusal: it is missing, no time, or nobody could tell which moment it means.
    """
    value = as_object(given)
    if "date" in value and value["date"] is not None:
        if _day(value["date"]) is None:
            raise invalid(f'Invalid value for: Invalid format: "{str(value["date"])[:40]}"', "invalid")
        return {"date": value["date"]}
    moment = _parsed(value.get("dateTime"))
    if moment is None:
        raise invalid(f"Missing {which} time.", "required")
    if moment.tzinfo is None and not _zone(value.get("timeZone")):
        raise invalid(f"Missing time zone definition for {which} time.", "required")
    zone = value.get("timeZone")
    return {"dateTime": value["dateTime"], **({"timeZone": zone} if zone else {})}


def instant(value: Json, calendar_zone: str) -> datetime:
    """The moment that a start or end is; a day begins at midnight of the calendar's zone."""
    if "date" in value:
        day = date.fromisoformat(value["date"])
        return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(calendar_zone))
    moment = _parsed(value["dateTime"]) or datetime.now(UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(value["timeZone"]))


def bound(text: str | None) -> datetime | None:
    """A bound of a query, which must have an offset.

    Raises:
        Refusal: it is no RFC 3339 time.
    """
    if not text:
        return None
    moment = _parsed(text)
    if moment is None or moment.tzinfo is None:
        raise invalid("Bad Request")
    return moment


def _parsed(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(value)) if isinstance(value, str) and "T" in value else None
    except ValueError:
        return None


def _day(value: object) -> date | None:
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        return None


def _zone(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(ZoneInfo(value))
    except (ZoneInfoNotFoundError, ValueError):
        return False
