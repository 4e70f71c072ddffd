"""Times as people and models write them, as Google wants them."""

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from oblivion_mcp_hub.providers.google_calendar.session import VOICE
from oblivion_mcp_hub.providers.http import Json
from oblivion_mcp_hub.providers.texts import one_line

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def zone_of(name: str) -> ZoneInfo:
    """Raises: Refused: there is no such zone."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise VOICE.refused(f"{one_line(name, 60)!r} is no time zone; write it as Europe/Berlin.") from None


def moment(text: str, zone: str) -> datetime:
    """A moment with its offset; without one it is in `zone`, and a day begins at midnight there.

    Raises:
        Refused: it is no time.
    """
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise VOICE.refused(
            f"{one_line(text, 60)!r} is no time; write it as 2026-11-21T14:30 or 2026-11-21T14:30:00+01:00."
        ) from None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=zone_of(zone))


def is_day(text: str) -> bool:
    return _DAY.fullmatch(text) is not None


def start_of(text: str, zone: str) -> Json:
    """The start of an event: a whole day, or a moment."""
    if is_day(text):
        return {"date": moment(text, zone).date().isoformat()}
    return {"dateTime": moment(text, zone).isoformat(), "timeZone": zone}


def end_of(text: str, zone: str) -> Json:
    """The end of an event; Google ends a whole day on the next one."""
    if is_day(text):
        return {"date": (date.fromisoformat(text) + timedelta(days=1)).isoformat()}
    return start_of(text, zone)


def now() -> datetime:
    return datetime.now(UTC)


def written(when: datetime) -> str:
    return when.isoformat(timespec="seconds")
