"""Reads fields of JSON whose shape nobody promises: a value of another type counts as absent."""

from collections.abc import Mapping, Sequence
from typing import cast

JsonMapping = Mapping[str, object]

EMPTY: JsonMapping = {}


def as_object(value: object) -> JsonMapping | None:
    return cast("JsonMapping", value) if isinstance(value, dict) else None


def object_at(source: JsonMapping, *path: str) -> JsonMapping:
    """Follow `path`; an empty object stands for anything missing on the way."""
    found: JsonMapping = source
    for key in path:
        found = as_object(found.get(key)) or EMPTY
    return found


def list_at(source: JsonMapping, key: str) -> Sequence[object]:
    value = source.get(key)
    return cast("Sequence[object]", value) if isinstance(value, list) else ()


def objects_at(source: JsonMapping, key: str) -> list[JsonMapping]:
    """The objects of the list at `key`; other items are left out."""
    return [found for item in list_at(source, key) if (found := as_object(item)) is not None]


def text_at(source: JsonMapping, key: str) -> str | None:
    """The string at `key`; an empty one counts as absent."""
    value = source.get(key)
    return value if isinstance(value, str) and value else None


def id_at(source: JsonMapping, key: str) -> str | None:
    """An identifier at `key`, which senders give as a string or as a number."""
    value = source.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and value else None


def flag_at(source: JsonMapping, key: str) -> bool:
    return source.get(key) is True
