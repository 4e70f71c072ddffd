"""What leaves for a collector names things and shows no values."""

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import Status, StatusCode

from oblivion_platform.discreet_spans import without_words


@pytest.mark.parametrize("name", ["url.full", "http.url", "http.target"])
def test_an_address_loses_what_was_asked_for(name: str) -> None:
    span = ReadableSpan("GET", attributes={name: "https://a.example/v3/events?q=secret+plan", "peer": "a"})
    shown = without_words(span)
    assert shown.attributes == {name: "https://a.example/v3/events", "peer": "a"}


def test_a_query_of_its_own_is_left_out() -> None:
    assert without_words(ReadableSpan("GET", attributes={"url.query": "q=secret"})).attributes == {
        "url.query": ""
    }


def test_an_error_is_told_by_its_name_alone() -> None:
    failed = Status(StatusCode.ERROR, "UniqueViolation: Key (secret)=(1) exists")
    assert without_words(ReadableSpan("INSERT", status=failed)).status.description == "UniqueViolation"
