"""Typed access to parsed JSON of unknown shape: a wrong type ends in a 400, never in a 500."""

from typing import Any, cast

from oblivion_ingestion.errors import DeliveryMalformed

JsonObject = dict[str, Any]


def text_at(value: JsonObject, key: str) -> str:
    """The string under `key`; "" when it is missing or null.

    Raises:
        DeliveryMalformed: it is something else.
    """
    found = value.get(key)
    if found is None:
        return ""
    if isinstance(found, str):
        return found
    raise DeliveryMalformed("wrong_type")


def object_at(value: JsonObject, key: str) -> JsonObject:
    """The object under `key`; {} when it is missing or null.

    Raises:
        DeliveryMalformed: it is something else.
    """
    found = value.get(key)
    if found is None:
        return {}
    if isinstance(found, dict):
        return cast("JsonObject", found)
    raise DeliveryMalformed("wrong_type")


def objects_at(value: JsonObject, key: str) -> list[JsonObject]:
    """The objects in the list under `key`; [] when it is missing or null.

    Raises:
        DeliveryMalformed: it is no list, or holds something else.
    """
    found = value.get(key)
    if found is None:
        return []
    if isinstance(found, list):
        items = cast("list[object]", found)
        if all(isinstance(item, dict) for item in items):
            return cast("list[JsonObject]", items)
    raise DeliveryMalformed("wrong_type")
