"""Linear's filters: comparators on fields, nested by relation, joined by `and` and `or`.

Source: https://linear.app/developers/filtering
"""

from collections.abc import Callable, Mapping
from typing import Any, cast

from oblivion_sandbox.store import Json

_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": lambda actual, wanted: actual == wanted,
    "neq": lambda actual, wanted: actual != wanted,
    "in": lambda actual, wanted: actual in wanted,
    "nin": lambda actual, wanted: actual not in wanted,
    "eqIgnoreCase": lambda actual, wanted: _small(actual) == _small(wanted),
    "neqIgnoreCase": lambda actual, wanted: _small(actual) != _small(wanted),
    "contains": lambda actual, wanted: wanted in (actual or ""),
    "containsIgnoreCase": lambda actual, wanted: _small(wanted) in _small(actual),
    "startsWith": lambda actual, wanted: (actual or "").startswith(wanted),
    "lt": lambda actual, wanted: actual < wanted,
    "lte": lambda actual, wanted: actual <= wanted,
    "gt": lambda actual, wanted: actual > wanted,
    "gte": lambda actual, wanted: actual >= wanted,
}


def fits(wanted: Mapping[str, Any] | None, thing: Json | None) -> bool:
    """Whether a thing passes a filter; relations in it are filtered by their own."""
    if not wanted:
        return True
    if thing is None:
        return wanted.get("null") is True
    return all(_passes(name, condition, thing) for name, condition in wanted.items())


def _passes(name: str, condition: Any, thing: Json) -> bool:
    if name == "null":
        return condition is False
    if name == "and":
        return all(fits(each, thing) for each in condition)
    if name == "or":
        return any(fits(each, thing) for each in condition)
    value = thing[name]
    related = value() if callable(value) else value
    if related is None or isinstance(related, dict):
        return fits(condition, cast("Json | None", related)) if _is_relation(condition) else not condition
    return all(_COMPARISONS[how](related, against) for how, against in condition.items())


def _is_relation(condition: Mapping[str, Any]) -> bool:
    return not condition.keys() & _COMPARISONS.keys()


def _small(value: Any) -> str:
    return str(value or "").lower()
