import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oblivion_router_worker.domain.text import length_units, sanitise_mrkdwn, split_text, truncate

SAFE_TEXT = (
    st.lists(
        st.sampled_from(
            ["word ", "&amp;", "&lt;", "&gt;",
             "<https://a.example/x|a label>", "😀", "👩‍👩‍👧", "e\u0301", "👍🏽",
             "```\ncode line\n```", "```", "\n", " ", "`x`", "*b*", "@ here", "<#C123>", "x" * 30]
        ),
        max_size=40,
    )
    .map("".join)
    .map(sanitise_mrkdwn)
)  # fmt: skip


def utf16_units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def assert_whole(text: str) -> None:
    assert not re.search(r"&(?!(?:amp|lt|gt);)", text)
    assert not re.search(r"<[^>]*\Z|<[^>]*<", text)
    assert not text.endswith("\u200d")


@given(SAFE_TEXT, st.integers(min_value=25, max_value=400))
def test_a_shortened_text_fits_and_is_whole(text: str, limit_units: int) -> None:
    short = truncate(text, limit_units)
    assert utf16_units(short) <= limit_units
    assert_whole(short)
    if short != text:
        assert short.endswith("… (shortened)")
        assert short.count("```") % 2 == 0


@given(SAFE_TEXT, st.integers(min_value=1, max_value=400))
def test_shortening_twice_changes_nothing_more(text: str, limit_units: int) -> None:
    short = truncate(text, limit_units)
    assert truncate(short, limit_units) == short
    assert utf16_units(short) <= limit_units


@given(SAFE_TEXT, st.integers(min_value=0, max_value=50))
def test_a_text_that_fits_stays_as_it_is(text: str, more_units: int) -> None:
    assert truncate(text, utf16_units(text) + more_units) == text


@given(st.text(max_size=80))
def test_lengths_are_utf16_units(text: str) -> None:
    assert length_units(text) == utf16_units(text)


@given(SAFE_TEXT, st.integers(min_value=40, max_value=200), st.integers(min_value=1, max_value=5))
def test_parts_fit_are_whole_and_few(text: str, limit_units: int, parts_max: int) -> None:
    parts = split_text(text, limit_units, parts_max)
    assert len(parts) <= parts_max
    assert all(utf16_units(part) <= limit_units for part in parts)
    assert all(part.strip() for part in parts)
    for part in parts:
        assert_whole(part)


WHOLE_TEXT = SAFE_TEXT.filter(lambda text: text.count("```") % 2 == 0)


@given(WHOLE_TEXT, st.integers(min_value=60, max_value=200))
def test_parts_together_hold_every_word(text: str, limit_units: int) -> None:
    parts = split_text(text, limit_units, parts_max=200)
    assert "".join("".join(parts).replace("```", "").split()) == "".join(text.replace("```", "").split())


@pytest.mark.parametrize(
    ("text", "limit_units", "expected"),
    [
        ("one two three four five", 23, "one two three four five"),
        ("one two three four five six seven", 28, "one two… (shortened)"),
        ("```\ncode code code code code\n```", 30, "```\ncode\n```\n… (shortened)"),
        ("x" * 20 + "&amp;" + "y" * 20, 40, "x" * 20 + "… (shortened)"),
        ("<https://a.example/aaaaaaaaaaaaa|a> more words", 44, "… (shortened)"),
        ("long", 2, "… "),
    ],
)
def test_how_a_shortened_text_reads(text: str, limit_units: int, expected: str) -> None:
    assert truncate(text, limit_units) == expected


def test_an_emoji_of_several_parts_is_kept_or_dropped_whole() -> None:
    text = "👩‍👩‍👧" * 40
    for limit_units in range(20, 120):
        head = truncate(text, limit_units).removesuffix("… (shortened)")
        assert head == "👩‍👩‍👧" * (len(head) // 5)


@pytest.mark.parametrize("limit_units", [3_000, 12_000, 40_000])
def test_the_limits_of_slack_are_kept_exactly(limit_units: int) -> None:
    assert truncate("a" * limit_units, limit_units) == "a" * limit_units
    assert utf16_units(truncate("😀" * limit_units, limit_units)) <= limit_units
    assert len(truncate("a" * (limit_units + 1), limit_units)) > limit_units - 60
