"""Parts of foreign JSON, of the type that is wanted or empty."""

from typing import Any, cast

from oblivion_mcp_hub.providers.http import Json


def as_object(value: object) -> Json:
    return cast("Json", value) if isinstance(value, dict) else {}


def as_objects(value: object) -> list[Json]:
    if not isinstance(value, list):
        return []
    return [cast("Json", each) for each in cast("list[Any]", value) if isinstance(each, dict)]


def as_text(value: object) -> str:
    return value if isinstance(value, str) else ""
