"""Ids as people type them: whole, or as few leading characters as are unambiguous."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from oblivion_cli.errors import NotFound, UsageWrong

MIN_PREFIX = 4


def check_prefix(typed: str) -> str:
    """What may be searched for as the beginning of an id.

    Raises:
        UsageWrong: too short, or not the beginning of any id.
    """
    prefix = typed.strip().lower()
    if len(prefix) < MIN_PREFIX or not set(prefix) <= set("0123456789abcdef-"):
        raise UsageWrong(
            f"{typed!r} is no id.", f"Give an id, or at least its first {MIN_PREFIX} characters."
        )
    return prefix


def the_one(found: Sequence[Any], what: str, typed: str, see: str) -> UUID:
    """The id of the only row found.

    Raises:
        NotFound: there is none.
        UsageWrong: there are several.
    """
    if not found:
        raise NotFound(f"There is no {what} {typed!r}.", f"See `{see}`.")
    if len(found) > 1:
        raise UsageWrong(f"Several {what}s begin with {typed!r}.", "Give more of the id.")
    return found[0].id
