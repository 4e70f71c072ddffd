"""Parts of foreign JSON, of the type that is wanted or empty."""

from typing import Any, cast

from oblivion_sandbox.store import Json


def as_object(value: object) -> Json:
    """The value if it is an object, else an empty one."""
    return cast("Json", value) if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """The value if it is an array, else an empty one."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def as_objects(value: object) -> list[Json]:
    """The objects of an array."""
    return [cast("Json", each) for each in as_list(value) if isinstance(each, dict)]
