"""Interactive elements: found in blocks by action_id, and what a payload says once one was used."""

from typing import Any

from oblivion_sandbox.clock import now_us
from oblivion_sandbox.json_values import as_list, as_object, as_objects
from oblivion_sandbox.slack.errors import SlackError
from oblivion_sandbox.store import Json

_SELECTED = {
    "users_select": "selected_user",
    "channels_select": "selected_channel",
    "conversations_select": "selected_conversation",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
}
_SEVERAL = {
    "multi_users_select": "selected_users",
    "multi_channels_select": "selected_channels",
    "multi_conversations_select": "selected_conversations",
}


def elements_of(block: Json) -> list[Json]:
    """The interactive elements of a block."""
    single = [as_object(block.get(name)) for name in ("accessory", "element") if block.get(name)]
    return [*as_objects(block.get("elements")), *single]


def used(blocks: list[Json], action_id: str, value: str | None) -> Json:
    """The entry of `actions` for the element that was used; `value` tells elements of one id apart.

    Raises:
        SlackError: action_not_found.
    """
    found = [(block, element) for block in blocks for element in elements_of(block)]
    named = [pair for pair in found if pair[1].get("action_id") == action_id]
    chosen = next((pair for pair in named if value is not None and pair[1].get("value") == value), None)
    block, element = chosen or (named[0] if named else ({}, {}))
    if not element:
        raise SlackError("action_not_found", action_id=action_id)
    common = {"action_id": action_id, "block_id": block.get("block_id", ""), "type": element["type"]}
    return common | _chosen(element, value) | {"action_ts": action_ts()}


def _chosen(element: Json, value: str | None) -> Json:
    kind = str(element["type"])
    if kind == "feedback_buttons":
        sides = [as_object(element.get(name)) for name in ("positive_button", "negative_button")]
        side = next((each for each in sides if each.get("value") == value), sides[0])
        return {"text": side.get("text"), "value": side.get("value")}
    if kind in ("button", "icon_button", "workflow_button"):
        shown = {name: element[name] for name in ("text", "style") if name in element}
        return shown | {"value": value if value is not None else element.get("value", "")}
    return answer(element, value)


def answer(element: Json, value: Any) -> Json:
    """What an input holds: its entry in `state.values`."""
    kind = str(element.get("type"))
    if kind in _SELECTED:
        return {"type": kind, _SELECTED[kind]: value or None}
    if kind in _SEVERAL:
        return {"type": kind, _SEVERAL[kind]: as_list(value)}
    if kind in ("checkboxes", "multi_static_select"):
        return {"type": kind, "selected_options": [_option(element, each) for each in as_list(value)]}
    if kind in ("static_select", "radio_buttons", "overflow"):
        return {"type": kind, "selected_option": None if value in (None, "") else _option(element, value)}
    return {"type": kind, "value": None if value in (None, "") else str(value)}


def _option(element: Json, value: Any) -> Json:
    groups = [
        option
        for group in as_objects(element.get("option_groups"))
        for option in as_objects(group["options"])
    ]
    options = [*as_objects(element.get("options")), *groups]
    found = next((option for option in options if option.get("value") == value), None)
    if found is None:
        raise SlackError("option_not_found", value=str(value))
    return found


def answers(blocks: list[Json], values: Json) -> Json:
    """`state.values` of a view, from values by block id, or by action id alone.

    Raises:
        SlackError: required_input_missing: the form would not let itself be submitted.
    """
    state: Json = {}
    for block in blocks:
        if block.get("type") != "input":
            continue
        element = as_object(block.get("element"))
        action_id = str(element.get("action_id", ""))
        given = as_object(values.get(block["block_id"])).get(
            action_id, values.get(action_id, _initial(element))
        )
        if given in (None, "", []) and not block.get("optional"):
            raise SlackError("required_input_missing", block_id=block["block_id"], action_id=action_id)
        state[block["block_id"]] = {action_id: answer(element, given)}
    return state


def _initial(element: Json) -> Any:
    """What the form shows at first."""
    if option := as_object(element.get("initial_option")):
        return option.get("value")
    if options := as_objects(element.get("initial_options")):
        return [option.get("value") for option in options]
    names = ("value", "user", "channel", "conversation", "date", "time", "users", "channels", "conversations")
    return next((element[f"initial_{name}"] for name in names if element.get(f"initial_{name}")), None)


def action_ts() -> str:
    moment = now_us()
    return f"{moment // 1_000_000}.{moment % 1_000_000:06}"
