"""What Slack forgets by itself while a run is silent, and when it has to be told again."""

from collections.abc import Mapping
from typing import Any

from oblivion_router_worker.domain.run_effects import STATUS_UNTIL, STREAM_TS

STREAM_LIVES_S = 240.0
"""Slack ends a stream after some 300 s, and it looks broken then."""
STATUS_LIVES_S = 90.0
"""A thread's status is gone after 120 s."""

OVERDUE_AGAIN_S = 10.0
"""What is overdue is being sent; it is looked after again when that takes long."""


def stream_is_old(ts: str, now: float) -> bool:
    return now >= _stream_ends_at(ts)


def is_overdue(place: Mapping[str, Any], now: float) -> bool:
    """Whether the stream is to end, or the status to be said again; `place` is of a run at work."""
    due = _due_at(place)
    return due is not None and now >= due


def come_again_s(place: Mapping[str, Any], now: float) -> float | None:
    """Seconds until something is overdue; None: nothing will be."""
    due = _due_at(place)
    if due is None:
        return None
    return due - now if due > now else OVERDUE_AGAIN_S


def status_is_overdue(place: Mapping[str, Any], now: float) -> bool:
    until = place.get(STATUS_UNTIL)
    return until is not None and now >= float(until)


def _due_at(place: Mapping[str, Any]) -> float | None:
    stream, until = place.get(STREAM_TS), place.get(STATUS_UNTIL)
    ends = [_stream_ends_at(stream)] if stream else []
    return min([*ends, *([float(until)] if until is not None else [])], default=None)


def _stream_ends_at(ts: str) -> float:
    return float(ts) + STREAM_LIVES_S
