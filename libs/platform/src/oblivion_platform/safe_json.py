"""Bytes from outside -> a JSON object that Python, Postgres and Redis can all hold.

The standard parser accepts more than the rest of the system can store (NaN, Infinity, NUL and
lone surrogates, the last of two equal keys) and fails on hostile input with errors that are no
JSONDecodeError (RecursionError on deep nesting, ValueError on huge integers). Here every such
body ends in one error with a stable code, which never carries a value of the body.
"""

import json
import math
from collections.abc import Iterator
from enum import StrEnum
from typing import Any, NoReturn, cast

JsonObject = dict[str, Any]

MAX_DEPTH_LEVELS = 64
MAX_NUMBER_DIGITS = 64


class MalformedReason(StrEnum):
    """Why a body is refused; fit for a log, a metric's label and a problem document."""

    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"
    NOT_AN_OBJECT = "not_an_object"
    TOO_DEEP = "too_deep"
    NUMBER_OUT_OF_RANGE = "number_out_of_range"
    DUPLICATE_KEY = "duplicate_key"
    NUL_CHARACTER = "nul_character"
    LONE_SURROGATE = "lone_surrogate"


class MalformedBody(ValueError):
    """The body can never be processed: answer 400 (or dead-letter it); sending it again is useless."""

    def __init__(self, code: MalformedReason) -> None:
        super().__init__(code.value)
        self.code = code


def parse_json_object(body: bytes, *, max_depth_levels: int = MAX_DEPTH_LEVELS) -> JsonObject:
    """Return the one JSON object that `body` holds.

    Raises:
        MalformedBody: with the reason as `code`; the body's content is in neither message nor cause.
    """
    parsed = _parsed(body)
    if not isinstance(parsed, dict):
        raise MalformedBody(MalformedReason.NOT_AN_OBJECT)
    value = cast("JsonObject", parsed)
    if body.count(b"{") + body.count(b"[") > max_depth_levels:
        _refuse_deep(value, max_depth_levels)
    # NUL and lone surrogates can only arrive as \u escapes: raw NUL is no JSON, raw surrogates no UTF-8.
    if b"\\u" in body:
        _refuse_unstorable_text(value)
    return value


def _parsed(body: bytes) -> object:
    # Decoded here: json.loads(bytes) would guess UTF-16 and let surrogates pass.
    try:
        return _DECODER.decode(body.decode("utf-8"))
    except MalformedBody:
        raise
    except RecursionError:
        raise MalformedBody(MalformedReason.TOO_DEEP) from None
    except UnicodeDecodeError:
        raise MalformedBody(MalformedReason.NOT_UTF8) from None
    except ValueError:
        raise MalformedBody(MalformedReason.NOT_JSON) from None


def _unique_keys(pairs: list[tuple[str, Any]]) -> JsonObject:
    unique = dict(pairs)
    if len(unique) != len(pairs):
        raise MalformedBody(MalformedReason.DUPLICATE_KEY)
    return unique


def _bounded_int(digits: str) -> int:
    if len(digits) > MAX_NUMBER_DIGITS:
        raise MalformedBody(MalformedReason.NUMBER_OUT_OF_RANGE)
    return int(digits)


def _finite_float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise MalformedBody(MalformedReason.NUMBER_OUT_OF_RANGE)
    return number


def _refuse_constant(_name: str) -> NoReturn:
    """NaN, Infinity and -Infinity are Python's addition to JSON."""
    raise MalformedBody(MalformedReason.NOT_JSON)


# Made once: json.loads would make one for every call.
_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique_keys,
    parse_int=_bounded_int,
    parse_float=_finite_float,
    parse_constant=_refuse_constant,
)


def _refuse_deep(value: object, max_depth_levels: int) -> None:
    level: list[object] = [value]
    depth_levels = 0
    while level:
        depth_levels += 1
        if depth_levels > max_depth_levels:
            raise MalformedBody(MalformedReason.TOO_DEEP)
        level = [child for parent in level for child in _children(parent) if isinstance(child, dict | list)]


def _refuse_unstorable_text(value: object) -> None:
    waiting: list[object] = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            _refuse_unstorable(item)
        elif isinstance(item, dict):
            mapping = cast("JsonObject", item)
            waiting.extend(mapping.keys())
            waiting.extend(mapping.values())
        elif isinstance(item, list):
            waiting.extend(cast("list[object]", item))


def _refuse_unstorable(text: str) -> None:
    if "\x00" in text:
        raise MalformedBody(MalformedReason.NUL_CHARACTER)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise MalformedBody(MalformedReason.LONE_SURROGATE) from None


def _children(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        yield from cast("JsonObject", value).values()
    elif isinstance(value, list):
        yield from cast("list[object]", value)
