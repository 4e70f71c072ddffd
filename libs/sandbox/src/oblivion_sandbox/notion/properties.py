"""Property values of a data source's pages: checked on the way in, completed on the way out, and filtered.

Sources: https://developers.notion.com/reference/page-property-values,
https://developers.notion.com/reference/filter-data-source-entries
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, cast

from oblivion_sandbox.json_values import as_list, as_object, as_objects
from oblivion_sandbox.notion.dialect import invalid
from oblivion_sandbox.notion.rich_text import plain, stored_rich_text
from oblivion_sandbox.store import Json

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})?)?")
_EMPTY: Json = {"title": [], "rich_text": [], "people": [], "multi_select": [], "checkbox": False}


def stored(values: object, schema: Json) -> Json:
    """The values of a request, by property name, as pages keep them.

    Raises:
        Refusal: a property that does not exist, or a value that does not fit its type.
    """
    kept: Json = {}
    for given, value in as_object(values).items():
        name = _name_of(given, schema)
        kept[name] = _value(name, schema[name], as_object(value))
    return kept


def defaults(schema: Json) -> Json:
    """What a page has that is made without values: the first status."""
    return {name: kind["status"]["options"][0] for name, kind in schema.items() if kind["type"] == "status"}


def _name_of(given: str, schema: Json) -> str:
    name = next((name for name, kind in schema.items() if given in (name, kind["id"])), None)
    if name is None:
        raise invalid(f"{given} is not a property that exists.")
    return name


def _value(name: str, kind: Json, value: Json) -> Any:
    wanted = str(kind["type"])
    if wanted not in value:
        raise invalid(f"{name} is expected to be {wanted}.")
    raw = value[wanted]
    match wanted:
        case "title" | "rich_text":
            return stored_rich_text(raw, f"body.properties.{name}.{wanted}")
        case "status" | "select":
            return None if raw is None else _option(name, kind, as_object(raw))
        case "multi_select":
            return [_option(name, kind, each) for each in as_objects(raw)]
        case "date":
            return None if raw is None else _date(name, as_object(raw))
        case "people":
            return [{"object": "user", "id": str(each.get("id"))} for each in as_objects(raw)]
        case _:
            return raw


def _option(name: str, kind: Json, wanted: Json) -> Json:
    options: list[Json] = kind[kind["type"]]["options"]
    for option in options:
        if wanted.get("id") == option["id"] or wanted.get("name") == option["name"]:
            return option
    label = str(wanted.get("name", ""))
    if kind["type"] == "status":
        raise invalid(f'Invalid status option. Status option "{label}" does not exist".')
    if not label or "," in label:
        raise invalid(f"body failed validation: body.properties.{name} has no valid option name.")
    # A new choice of a select is made by naming it.
    return {"id": label.lower(), "name": label, "color": "default"}


def _date(name: str, value: Json) -> Json:
    for part in ("start", "end"):
        moment = value.get(part)
        if moment is None and part == "end":
            continue
        if not isinstance(moment, str) or not _DATE.fullmatch(moment):
            where = f"body.properties.{name}.date.{part}"
            raise invalid(f"body failed validation: {where} should be a valid ISO 8601 date string.")
    return {"start": value["start"], "end": value.get("end"), "time_zone": value.get("time_zone")}


def shown(values: Json, schema: Json) -> Json:
    """All properties as a page object carries them."""
    return {
        name: {
            "id": kind["id"],
            "type": kind["type"],
            kind["type"]: values.get(name, _EMPTY.get(kind["type"])),
        }
        for name, kind in schema.items()
    }


def title_of(values: Json, schema: Json) -> str:
    return next((plain(values.get(name)) for name, kind in schema.items() if kind["type"] == "title"), "")


def fits(wanted: Json, values: Json, schema: Json) -> bool:
    """Whether a page passes a filter of a query.

    Raises:
        Refusal: the filter names no property, or a condition that its type does not have.
    """
    if "and" in wanted:
        return all(fits(each, values, schema) for each in as_objects(wanted["and"]))
    if "or" in wanted:
        return any(fits(each, values, schema) for each in as_objects(wanted["or"]))
    given = wanted.get("property")
    if not isinstance(given, str):
        raise invalid("body failed validation: body.filter.property should be defined.")
    matching = [name for name, kind in schema.items() if given in (name, kind["id"])]
    if not matching:
        raise invalid(f"Could not find property with name or id: {given}")
    kind = str(schema[matching[0]]["type"])
    conditions = as_object(wanted.get(kind))
    if not conditions:
        raise invalid(f"database property {kind} does not match filter")
    actual = _comparable(kind, values.get(matching[0]))
    return all(_holds(condition, actual, against) for condition, against in conditions.items())


def _comparable(kind: str, value: Any) -> Any:
    match kind:
        case "title" | "rich_text":
            return plain(value)
        case "status" | "select":
            return as_object(value).get("name", "")
        case "multi_select":
            return [each["name"] for each in as_list(value)]
        case "people":
            return [each["id"] for each in as_list(value)]
        case "date":
            return as_object(value).get("start", "")
        case _:
            return value


_CONDITIONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "equals": lambda actual, against: actual == against or _day(actual) == against,
    "does_not_equal": lambda actual, against: actual != against,
    "contains": lambda actual, against: _within(against, actual),
    "does_not_contain": lambda actual, against: not _within(against, actual),
    "starts_with": lambda actual, against: str(actual).lower().startswith(str(against).lower()),
    "before": lambda actual, against: bool(actual) and actual[: len(against)] < against,
    "after": lambda actual, against: bool(actual) and actual[: len(against)] > against,
    "on_or_before": lambda actual, against: bool(actual) and actual[: len(against)] <= against,
    "on_or_after": lambda actual, against: bool(actual) and actual[: len(against)] >= against,
    "is_empty": lambda actual, against: bool(actual) is not against,
    "is_not_empty": lambda actual, against: bool(actual) is against,
}


def _holds(condition: str, actual: Any, against: Any) -> bool:
    if condition not in _CONDITIONS:
        raise invalid(f"body failed validation: body.filter has no condition `{condition}`.")
    return _CONDITIONS[condition](actual, against)


def _day(value: Any) -> object:
    return value[:10] if isinstance(value, str) and _DATE.fullmatch(value) else value


def _within(wanted: Any, actual: Any) -> bool:
    if isinstance(actual, list):
        return wanted in cast("list[Any]", actual)
    return str(wanted).lower() in str(actual).lower()


def sort_key(name: str, values: Json, schema: Json) -> tuple[bool, str]:
    """Empty values come last; options sort in the order of their definition."""
    kind: Json = schema[name]
    value = _comparable(str(kind["type"]), values.get(name))
    if kind["type"] in ("status", "select"):
        names = [option["name"] for option in kind[kind["type"]]["options"]]
        value = f"{names.index(value):03}" if value in names else value
    return (not value, str(value).lower())


def plain_values(values: Json, schema: Json) -> list[tuple[str, str]]:
    """What is set, as people read it."""
    shown = [(name, _comparable(str(kind["type"]), values.get(name))) for name, kind in schema.items()]
    return [(name, ", ".join(map(str, as_list(value))) or str(value)) for name, value in shown if value]
