import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oblivion_platform.safe_json import (
    MAX_DEPTH_LEVELS,
    MAX_NUMBER_DIGITS,
    MalformedBody,
    MalformedReason,
    parse_json_object,
)

HOSTILE = {
    "empty": (b"", "not_json"),
    "no json": (b"payload=%7B%7D", "not_json"),
    "cut off": (b'{"a": 1', "not_json"),
    "two values": (b"{}{}", "not_json"),
    "byte order mark": (b"\xef\xbb\xbf{}", "not_json"),
    "raw control character": (b'{"a": "\x00"}', "not_json"),
    "invalid UTF-8": (b'{"a": "\xff"}', "not_utf8"),
    "raw surrogate": (b'{"a": "\xed\xa0\x80"}', "not_utf8"),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), "not_utf8"),
    "NaN": (b'{"a": NaN}', "not_json"),
    "Infinity": (b'{"a": Infinity}', "not_json"),
    "minus Infinity": (b'{"a": -Infinity}', "not_json"),
    "float overflow": (b'{"a": 1e999}', "number_out_of_range"),
    "5,000 digits": (b'{"a": ' + b"9" * 5_000 + b"}", "number_out_of_range"),
    "10,000 lists": (b'{"a":' + b"[" * 10_000 + b"]" * 10_000 + b"}", "too_deep"),
    "10,000 objects": (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "too_deep"),
    "100,000 open lists": (b"[" * 100_000, "too_deep"),
    "duplicate key": (b'{"a": 1, "a": 2}', "duplicate_key"),
    "duplicate key, escaped": (b'{"a": 1, "\\u0061": 2}', "duplicate_key"),
    "duplicate key, nested": (b'{"x": [{"a": 1, "a": 1}]}', "duplicate_key"),
    "NUL": (b'{"a": "x\\u0000y"}', "nul_character"),
    "NUL in a key": (b'{"a\\u0000": 1}', "nul_character"),
    "NUL, nested": (b'{"a": [["\\u0000"]]}', "nul_character"),
    "lone surrogate": (b'{"a": "\\ud83d"}', "lone_surrogate"),
    "surrogates in the wrong order": (b'{"a": "\\ude00\\ud83d"}', "lone_surrogate"),
    "lone surrogate in a key": (b'{"\\uDC00": 1}', "lone_surrogate"),
    "list": (b"[1]", "not_an_object"),
    "string": (b'"text"', "not_an_object"),
    "null": (b"null", "not_an_object"),
    "number": (b"7", "not_an_object"),
}


@pytest.mark.parametrize(("body", "code"), HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_body_is_refused_with_its_reason(body: bytes, code: str) -> None:
    with pytest.raises(MalformedBody) as refused:
        parse_json_object(body)
    assert refused.value.code == code
    assert str(refused.value) == code
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_an_ordinary_body_is_parsed() -> None:
    body = {"team_id": "T1", "event": {"text": "Grüße 😀", "n": [1, -2.5, True, None]}}
    assert parse_json_object(json.dumps(body).encode()) == body
    assert parse_json_object(json.dumps(body, ensure_ascii=False).encode()) == body


def test_an_escaped_backslash_before_u0000_is_plain_text() -> None:
    assert parse_json_object(b'{"a": "\\\\u0000 \\\\ud800"}') == {"a": "\\u0000 \\ud800"}


def test_brackets_inside_text_do_not_count_as_depth() -> None:
    text = "[" * 500 + "{" * 500
    assert parse_json_object(json.dumps({"a": text}).encode()) == {"a": text}


def test_many_brothers_do_not_count_as_depth() -> None:
    value = {"a": [[] for _ in range(1_000)]}
    assert parse_json_object(json.dumps(value).encode()) == value


def test_the_depth_limit_is_exact() -> None:
    def nested(levels: int) -> bytes:
        return b'{"a":' * levels + b"1" + b"}" * levels

    assert parse_json_object(nested(MAX_DEPTH_LEVELS))
    with pytest.raises(MalformedBody) as refused:
        parse_json_object(nested(MAX_DEPTH_LEVELS + 1))
    assert refused.value.code is MalformedReason.TOO_DEEP


def test_integers_up_to_the_limit_stay_exact() -> None:
    digits = "9" * MAX_NUMBER_DIGITS
    assert parse_json_object(f'{{"a": {digits}}}'.encode()) == {"a": int(digits)}


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_give_an_object_or_the_one_error(body: bytes) -> None:
    try:
        value = parse_json_object(body)
    except MalformedBody:
        return
    assert isinstance(value, dict)


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-(10**60), max_value=10**60)
    | st.floats(allow_nan=True, allow_infinity=True)
    | st.text(st.characters(codec=None), max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=5), JSON_VALUES, max_size=5))
def test_what_comes_out_can_be_stored_everywhere(value: dict[str, object]) -> None:
    try:
        parsed = parse_json_object(json.dumps(value).encode())
    except MalformedBody:
        return
    assert parsed == value
    stored = json.dumps(parsed, allow_nan=False, ensure_ascii=False).encode("utf-8")
    assert b"\\u0000" not in stored.replace(b"\\\\", b"")
