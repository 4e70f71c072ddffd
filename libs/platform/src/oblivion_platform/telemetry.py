"""Metrics and the trace id that travels with the work.

Metrics are Prometheus's, one registry per process. Traces: a W3C `traceparent` is carried as a string from
the webhook through job and outbox, so that log lines of one piece of work can be found by `trace_id`.
Source: https://www.w3.org/TR/trace-context/
"""

import re
import secrets
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import Response

from oblivion_platform.logging import log_context
from oblivion_platform.tracing import is_tracing, span

LATENCY_BUCKETS_S = (
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
    60.0,
    300.0,
)
"""For `Histogram(..., buckets=LATENCY_BUCKETS_S)`: one scale for everything that is timed, in seconds."""

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII)
_current: ContextVar[str | None] = ContextVar("traceparent", default=None)


def new_traceparent() -> str:
    """A new trace, sampled."""
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"


def parse_traceparent(header: str | None) -> str | None:
    """`header` if it is a traceparent; None for anything else, which a sender is free to send."""
    return header if header is not None and _TRACEPARENT.fullmatch(header) else None


def current_traceparent() -> str:
    """The traceparent of the work at hand; a new one where none was carried along."""
    return _current.get() or new_traceparent()


def known_traceparent() -> str | None:
    """The traceparent of the work at hand, if it has one: a sweep has none."""
    return _current.get()


@contextmanager
def tracing(traceparent: str | None, name: str | None = None) -> Generator[str]:
    """Do the work inside under `traceparent`, or a new one if unusable; its id is in every log line.

    `name` is the span's, where traces are sent anywhere; without one there is none.
    """
    known = parse_traceparent(traceparent) or new_traceparent()
    with span(name, known) if name and is_tracing() else nullcontext(known) as inside:
        token = _current.set(inside)
        try:
            with log_context(trace_id=known.split("-")[1]):
                yield inside
        finally:
            _current.reset(token)


async def metrics_endpoint(_request: Request) -> Response:
    return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
