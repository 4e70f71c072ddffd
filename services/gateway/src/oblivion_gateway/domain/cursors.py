"""Where a page ended, as an opaque word: the last item's time and id, or its name."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from oblivion_gateway.errors import RequestInvalid

ItemT = TypeVar("ItemT")
After = tuple[datetime, UUID]


def encode(*parts: object) -> str:
    text = json.dumps([str(part) for part in parts])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_moment(cursor: str | None) -> After | None:
    """Raises: RequestInvalid."""
    if cursor is None:
        return None
    at, last = _decode(cursor, 2)
    try:
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None:
            raise _unreadable()
        return moment, UUID(last)
    except ValueError:
        raise _unreadable() from None


def decode_thing(cursor: str | None) -> tuple[UUID, str] | None:
    """What somebody else's system calls a thing, and whose it is.

    Raises:
        RequestInvalid
    """
    if cursor is None:
        return None
    whose, name = _decode(cursor, 2)
    try:
        return UUID(whose), name
    except ValueError:
        raise _unreadable() from None


def decode_name(cursor: str | None) -> str | None:
    """Raises: RequestInvalid."""
    return None if cursor is None else _decode(cursor, 1)[0]


def next_cursor(items: Sequence[ItemT], limit: int, key: Callable[[ItemT], Sequence[object]]) -> str | None:
    """The cursor after the last item of a full page; a page that is not full is the last one."""
    return encode(*key(items[-1])) if items and len(items) == limit else None


def _decode(cursor: str, count: int) -> list[str]:
    try:
        parts = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        raise _unreadable() from None
    if not isinstance(parts, list):
        raise _unreadable()
    texts = [part for part in parts if isinstance(part, str) and "\x00" not in part and part.isprintable()]  # pyright: ignore[reportUnknownVariableType]
    if len(texts) != count:
        raise _unreadable()
    return texts


def _unreadable() -> RequestInvalid:
    return RequestInvalid("cursor_unreadable", "The cursor is none of ours. Begin at the first page.")
