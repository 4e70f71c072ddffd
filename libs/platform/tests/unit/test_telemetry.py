"""The trace id travels with the work; what a sender makes up does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.contextvars import get_contextvars

from oblivion_platform.telemetry import current_traceparent, new_traceparent, parse_traceparent, tracing

VALID = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_a_new_traceparent_is_one() -> None:
    assert parse_traceparent(new_traceparent())
    assert new_traceparent() != new_traceparent()


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        VALID.upper(),
        VALID + "\n",
        VALID + "-00",
        "00-" + "0" * 32 + "-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-" + "0" * 16 + "-01",
        "00-\u0660af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    ],
)
def test_what_is_no_traceparent_is_ignored(header: str | None) -> None:
    assert parse_traceparent(header) is None


@given(st.text())
def test_no_made_up_header_is_carried(header: str) -> None:
    with tracing(header) as known:
        assert known != header


def test_work_inside_sees_and_logs_the_trace_it_belongs_to() -> None:
    with tracing(VALID):
        assert current_traceparent() == VALID
        assert get_contextvars()["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    assert current_traceparent() != VALID
    assert "trace_id" not in get_contextvars()
