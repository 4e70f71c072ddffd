import pytest
from hypothesis import given
from hypothesis import strategies as st

from oblivion_router_worker.domain.slack_ts import (
    MessageRef,
    is_channel_id,
    is_ts,
    parse_permalink,
    slack_permalink,
    ts_key,
)

TS = st.builds(
    lambda seconds, micros: f"{seconds}.{micros:06d}",
    st.integers(min_value=0, max_value=10**11),
    st.integers(min_value=0, max_value=999_999),
)


@pytest.mark.parametrize("text", ["1718031600.000100", "1.000000"])
def test_a_timestamp_is_known(text: str) -> None:
    assert is_ts(text)


@pytest.mark.parametrize(
    "text",
    ["", "nan", "inf", "1718031600", "1718031600.1", "-1.000000", "1e9.000000", "1.0000001", "1.000000\n",
     "\u0661.000000",      None, 1718031600.0001, True, ["1.000000"]],
)  # fmt: skip
def test_a_look_alike_is_no_timestamp(text: object) -> None:
    assert not is_ts(text)


def test_timestamps_are_ordered_by_value_not_by_letters() -> None:
    assert sorted(["10.000000", "9.999999", "9.000010"], key=ts_key) == ["9.000010", "9.999999", "10.000000"]
    with pytest.raises(ValueError, match="not a Slack timestamp"):
        ts_key("nan")


def test_a_permalink_is_the_one_slack_gives() -> None:
    url = slack_permalink("https://acme.slack.com/", "C024BE91L", "1355517523.000005")
    assert url == "https://acme.slack.com/archives/C024BE91L/p1355517523000005"
    reply = slack_permalink("https://acme.slack.com", "C1", "1355517523.000005", "1355517500.000001")
    assert reply == "https://acme.slack.com/archives/C1/p1355517523000005?thread_ts=1355517500.000001&cid=C1"
    root = slack_permalink("https://acme.slack.com", "C1", "1355517523.000005", "1355517523.000005")
    assert "?" not in root


def test_a_permalink_is_made_of_identifiers_only() -> None:
    for channel, ts, thread_ts in [("C1/../x", "1.000000", None), ("C1", "x", None), ("C1", "1.000000", "x")]:
        with pytest.raises(ValueError, match="not a Slack"):
            slack_permalink("https://acme.slack.com", channel, ts, thread_ts)


@given(TS, st.none() | TS)
def test_a_permalink_names_its_message(ts: str, thread_ts: str | None) -> None:
    url = slack_permalink("http://localhost:8300/slack", "C1", ts, thread_ts)
    found = parse_permalink(url)
    assert found is not None
    assert (found.channel, ts_key(found.ts)) == ("C1", ts_key(ts))
    assert found.thread_ts == (thread_ts if thread_ts != ts else None)


@pytest.mark.parametrize(
    "url",
    ["", "https://acme.slack.com/", "https://acme.slack.com/archives/C1", "ftp://a/archives/C1/p1355517523000005",
     "https://a/archives/c1/p1355517523000005", "https://a/archives/C1/p1/x", "https://[/archives/C1/p1355517523000005"],
)  # fmt: skip
def test_another_address_is_no_permalink(url: str) -> None:
    assert parse_permalink(url) is None


def test_a_hostile_thread_in_a_permalink_is_left_out() -> None:
    url = "https://a/archives/C1/p1355517523000005?thread_ts=nan"
    assert parse_permalink(url) == MessageRef("C1", "1355517523.000005", None)


def test_a_channel_id_is_letters_and_digits() -> None:
    assert is_channel_id("C024BE91L")
    for text in ("", "general", "#C1", "C1/x", "C1\n", None, 5):
        assert not is_channel_id(text)


@given(st.text(max_size=60))
def test_any_text_is_read_as_a_permalink_or_not(text: str) -> None:
    found = parse_permalink(text)
    assert found is None or is_channel_id(found.channel)
