"""One line of the feed, and how it stands in its stream."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from oblivion_contracts.feed import FEED_TEXT_MAX, FeedKind, FeedLevel, FeedLine, FeedSource

FIELD = "line"
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


@dataclass(frozen=True, slots=True)
class Line:
    """What a service tells: ids, codes and names, never what people or agents wrote."""

    kind: FeedKind
    text: str
    level: FeedLevel = "info"
    event_id: UUID | None = None
    run_id: UUID | None = None
    agent_id: UUID | None = None
    connection_id: UUID | None = None
    dropped: int = 0
    provider: str = ""
    """Whose breaker opened or closed."""


def feed_key(tenant_id: UUID) -> str:
    return f"t:{tenant_id}:feed"


def stored(line: Line, source: FeedSource, at_unix_s: float) -> str:
    """The line as its entry holds it; the entry's id is its cursor."""
    values: dict[str, object] = {
        "at": datetime.fromtimestamp(at_unix_s, UTC).isoformat(timespec="milliseconds"),
        "level": line.level,
        "source": source,
        "kind": line.kind,
        "text": _UNPRINTABLE.sub(" ", line.text)[:FEED_TEXT_MAX],
    }
    for name in ("event_id", "run_id", "agent_id", "connection_id"):
        found: UUID | None = getattr(line, name)
        if found is not None:
            values[name] = str(found)
    if line.dropped:
        values["dropped"] = line.dropped
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def restored(cursor: str, text: bytes) -> FeedLine:
    """Raises: ValueError: written by a version that knows more than this one."""
    return FeedLine.model_validate({"cursor": cursor, **json.loads(text)})


def gap(dropped: int) -> Line:
    """Lines are missing about here."""
    lines = "1 line is" if dropped == 1 else f"{dropped} lines are"
    words = f"{lines} missing here: there was more to tell than could be written"
    return Line("feed.gap", words, "warning", dropped=dropped)
