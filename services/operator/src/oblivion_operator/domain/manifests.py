"""Kubernetes objects as JSON, and reading what may not be there."""

from collections.abc import Mapping
from typing import Any, cast

Manifest = dict[str, Any]
Body = Mapping[str, Any]
"""One that is only read."""


def part(body: Body, *path: str) -> Manifest:
    """The object at `path`; an empty one where there is none."""
    found: Any = body
    for key in path:
        found = found.get(key) or {}
    return cast("Manifest", found)


def items(body: Body, *path: str) -> list[Manifest]:
    """The list at `path`; an empty one where there is none."""
    return cast("list[Manifest]", part(body, *path[:-1]).get(path[-1]) or [])
