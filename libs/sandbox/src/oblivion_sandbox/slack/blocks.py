"""Block Kit as Slack checks it: shapes, required fields and lengths, each fault with its place.

Source: https://docs.slack.dev/reference/block-kit/blocks and the messages that Slack's API answers.
"""

import secrets
from collections.abc import Callable
from typing import Any, cast

from oblivion_sandbox.slack.errors import SlackError
from oblivion_sandbox.store import Json

MOST_BLOCKS = 50
MOST_MARKDOWN_CHARACTERS = 12_000
MOST_TASK_TITLE = 256
TASK_STATUSES = frozenset({"pending", "in_progress", "complete", "error"})
_PLAIN = ("plain_text",)
_EITHER = ("plain_text", "mrkdwn")
# Known to Slack, passed on here with their type and block_id checked only.
_PASSED_ON = frozenset(
    {"rich_text", "table", "video", "file", "card", "carousel", "alert", "container", "data_table"}
)


def check_blocks(blocks: object, most: int = MOST_BLOCKS) -> list[Json]:
    """The blocks as they will be stored, each with a block_id.

    Raises:
        SlackError: invalid_blocks_format when it is no array of objects, invalid_blocks with
            `response_metadata.messages` otherwise.
    """
    if not isinstance(blocks, list) or not all(
        isinstance(block, dict) for block in cast("list[object]", blocks)
    ):
        raise SlackError("invalid_blocks_format")
    checked = cast("list[Json]", blocks)
    check = _Check()
    check.blocks(checked, most)
    if check.faults:
        messages = [f"[ERROR] {fault}" for fault in check.faults]
        raise SlackError("invalid_blocks", errors=check.faults, response_metadata={"messages": messages})
    return [{**block, "block_id": block.get("block_id") or secrets.token_hex(3)[:5]} for block in checked]


class _Check:
    """One walk over the blocks of a message, gathering faults."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self._kinds: dict[str, Callable[[Json, str], None]] = {
            "section": self._section,
            "header": self._header,
            "context": self._context,
            "actions": self._actions,
            "context_actions": self._context_actions,
            "divider": lambda block, at: self._known(block, at, set()),
            "image": self._image_block,
            "markdown": self._markdown,
            "input": self._input,
            "plan": self._plan,
            "task_card": self._task_card,
        }
        self._elements: dict[str, Callable[[Json, str], None]] = {
            "button": self._button,
            "overflow": self._choices,
            "static_select": self._choices,
            "multi_static_select": self._choices,
            "radio_buttons": self._choices,
            "checkboxes": self._choices,
            "image": self._image,
            "feedback_buttons": self._feedback_buttons,
            "icon_button": self._icon_button,
        }

    def _fault(self, message: str, at: str) -> None:
        self.faults.append(f"{message} [json-pointer:{at}]")

    def blocks(self, blocks: list[Json], most: int) -> None:
        if len(blocks) > most:
            self._fault(f"no more than {most} items allowed", "/blocks")
        seen: set[str] = set()
        for index, block in enumerate(blocks):
            at = f"/blocks/{index}"
            kind = block.get("type")
            if isinstance(kind, str) and kind in self._kinds:
                self._kinds[kind](block, at)
            elif not isinstance(kind, str) or kind not in _PASSED_ON:
                self._fault(f"unsupported type: {kind}", f"{at}/type")
            self._block_id(block, at, seen)
        markdown = sum(len(str(block.get("text", ""))) for block in blocks if block.get("type") == "markdown")
        if markdown > MOST_MARKDOWN_CHARACTERS:
            self._fault(
                f"markdown blocks must be less than {MOST_MARKDOWN_CHARACTERS + 1} characters", "/blocks"
            )

    def _block_id(self, block: Json, at: str, seen: set[str]) -> None:
        if "block_id" not in block:
            return
        self._string(block["block_id"], f"{at}/block_id", 255, least=0)
        if block["block_id"] and str(block["block_id"]) in seen:
            self._fault(f"block_id already exists: {block['block_id']}", f"{at}/block_id")
        seen.add(str(block["block_id"]))

    # Blocks

    def _section(self, block: Json, at: str) -> None:
        self._known(block, at, {"text", "fields", "accessory", "expand"})
        if block.get("text") is None and not block.get("fields"):
            self._fault("missing required field: text", at)
        if block.get("text") is not None:
            self._text(block["text"], f"{at}/text", 3000, _EITHER)
        for index, field in enumerate(self._list(block, "fields", at, 10)):
            self._text(field, f"{at}/fields/{index}", 2000, _EITHER)
        if block.get("accessory") is not None:
            self._element(block["accessory"], f"{at}/accessory")

    def _header(self, block: Json, at: str) -> None:
        self._known(block, at, {"text", "level"})
        self._required_text(block, "text", at, 150, _PLAIN)

    def _context(self, block: Json, at: str) -> None:
        self._known(block, at, {"elements"})
        for index, element in enumerate(self._list(block, "elements", at, 10, required=True)):
            place = f"{at}/elements/{index}"
            known = cast("Json", element) if isinstance(element, dict) else {}
            if known.get("type") == "image":
                self._image(known, place)
            else:
                self._text(cast("object", element), place, 3000, _EITHER)

    def _actions(self, block: Json, at: str) -> None:
        self._known(block, at, {"elements"})
        for index, element in enumerate(self._list(block, "elements", at, 25, required=True)):
            self._element(element, f"{at}/elements/{index}")

    def _context_actions(self, block: Json, at: str) -> None:
        self._known(block, at, {"elements"})
        for index, element in enumerate(self._list(block, "elements", at, 5, required=True)):
            kind = cast("Json", element).get("type") if isinstance(element, dict) else None
            if kind not in ("feedback_buttons", "icon_button"):
                self._fault(f"unsupported type: {kind}", f"{at}/elements/{index}/type")
            else:
                self._element(cast("object", element), f"{at}/elements/{index}")

    def _input(self, block: Json, at: str) -> None:
        self._known(block, at, {"label", "element", "hint", "optional", "dispatch_action"})
        self._required_text(block, "label", at, 2000, _PLAIN)
        if block.get("element") is None:
            self._fault("missing required field: element", at)
        else:
            self._element(block["element"], f"{at}/element")
        if block.get("hint") is not None:
            self._text(block["hint"], f"{at}/hint", 2000, _PLAIN)

    def _plan(self, block: Json, at: str) -> None:
        self._known(block, at, {"title", "tasks"})
        self._string(block.get("title"), f"{at}/title", MOST_TASK_TITLE)
        for index, task in enumerate(self._list(block, "tasks", at, MOST_BLOCKS)):
            place = f"{at}/tasks/{index}"
            if isinstance(task, dict):
                self._task_card(cast("Json", task), place)
            else:
                self._fault("must provide an object", place)

    def _task_card(self, block: Json, at: str) -> None:
        self._known(block, at, {"task_id", "title", "details", "output", "sources", "status"})
        self._string(block.get("task_id"), f"{at}/task_id", 255)
        self._string(block.get("title"), f"{at}/title", MOST_TASK_TITLE)
        if block.get("status") not in TASK_STATUSES:
            self._fault("must be a valid enum value", f"{at}/status")
        for name in ("details", "output"):
            value = block.get(name)
            if value is not None and (
                not isinstance(value, dict) or cast("Json", value).get("type") != "rich_text"
            ):
                self._fault("must be a rich_text object", f"{at}/{name}")

    def _markdown(self, block: Json, at: str) -> None:
        self._known(block, at, {"text"})
        self._string(block.get("text"), f"{at}/text", MOST_MARKDOWN_CHARACTERS)

    def _image_block(self, block: Json, at: str) -> None:
        self._known(block, at, {"image_url", "slack_file", "alt_text", "title"})
        self._image(block, at)
        if block.get("title") is not None:
            self._text(block["title"], f"{at}/title", 2000, _PLAIN)

    # Elements

    def _element(self, element: object, at: str) -> None:
        if not isinstance(element, dict):
            self._fault("must provide an object", at)
            return
        known = cast("Json", element)
        kind = str(known.get("type"))
        if kind in self._elements:
            self._elements[kind](known, at)
        elif not kind.endswith(("_select", "picker", "_button", "_input")):
            self._fault(f"unsupported type: {kind}", f"{at}/type")
        if "action_id" in known:
            self._string(known["action_id"], f"{at}/action_id", 255)

    def _button(self, button: Json, at: str) -> None:
        self._required_text(button, "text", at, 75, _PLAIN)
        if "url" in button:
            self._url(button["url"], f"{at}/url")
        if "value" in button:
            self._string(button["value"], f"{at}/value", 2000)
        if button.get("style") not in (None, "primary", "danger"):
            self._fault("must be a valid enum value", f"{at}/style")
        if "confirm" in button:
            self._confirm(button["confirm"], f"{at}/confirm")

    def _feedback_buttons(self, element: Json, at: str) -> None:
        for name in ("positive_button", "negative_button"):
            side = element.get(name)
            if not isinstance(side, dict):
                self._fault(f"missing required field: {name}", at)
                continue
            known = cast("Json", side)
            self._required_text(known, "text", f"{at}/{name}", 75, _PLAIN)
            self._string(known.get("value"), f"{at}/{name}/value", 2000)

    def _icon_button(self, element: Json, at: str) -> None:
        self._string(element.get("icon"), f"{at}/icon", 255)
        self._required_text(element, "text", at, 75, _PLAIN)
        if "confirm" in element:
            self._confirm(element["confirm"], f"{at}/confirm")

    def _confirm(self, confirm: object, at: str) -> None:
        if not isinstance(confirm, dict):
            self._fault("must provide an object", at)
            return
        for name, most in (("title", 100), ("text", 300), ("confirm", 30), ("deny", 30)):
            # The SDK leaves out what Slack fills in itself: the words of the two buttons.
            if name in cast("Json", confirm) or name in ("title", "text"):
                self._required_text(cast("Json", confirm), name, at, most, _EITHER)

    def _choices(self, element: Json, at: str) -> None:
        if "option_groups" in element:
            return
        most = {"overflow": 5, "radio_buttons": 10, "checkboxes": 10}.get(str(element["type"]), 100)
        for index, option in enumerate(self._list(element, "options", at, most, required=True)):
            place = f"{at}/options/{index}"
            if not isinstance(option, dict):
                self._fault("must provide an object", place)
                continue
            self._required_text(cast("Json", option), "text", place, 75, _EITHER)
            self._string(cast("Json", option).get("value"), f"{place}/value", 150)

    def _image(self, image: Json, at: str) -> None:
        self._string(image.get("alt_text"), f"{at}/alt_text", 2000)
        if "slack_file" not in image:
            self._url(image.get("image_url"), f"{at}/image_url")

    # Parts

    def _known(self, block: Json, at: str, names: set[str]) -> None:
        for name in block.keys() - names - {"type", "block_id"}:
            self._fault(f"invalid additional property: {name}", at)

    def _list(self, block: Json, name: str, at: str, most: int, *, required: bool = False) -> list[Any]:
        value = block.get(name)
        if value is None and not required:
            return []
        if not isinstance(value, list):
            self._fault(f"missing required field: {name}", at)
            return []
        items = cast("list[Any]", value)
        if not items:
            self._fault("no less than 1 items allowed", f"{at}/{name}")
        if len(items) > most:
            self._fault(f"no more than {most} items allowed", f"{at}/{name}")
        return items

    def _required_text(self, holder: Json, name: str, at: str, most: int, kinds: tuple[str, ...]) -> None:
        if holder.get(name) is None:
            self._fault(f"missing required field: {name}", at)
        else:
            self._text(holder[name], f"{at}/{name}", most, kinds)

    def _text(self, text: object, at: str, most: int, kinds: tuple[str, ...]) -> None:
        if not isinstance(text, dict):
            self._fault("must provide an object", at)
            return
        known = cast("Json", text)
        if known.get("type") not in kinds:
            self._fault(
                "must be a valid enum value" if "type" in known else "missing required field: type", at
            )
        allowed = (
            {"type", "text", "emoji"} if known.get("type") == "plain_text" else {"type", "text", "verbatim"}
        )
        for name in known.keys() - allowed:
            self._fault(f"invalid additional property: {name}", at)
        self._string(known.get("text"), f"{at}/text", most)

    def _string(self, value: object, at: str, most: int, *, least: int = 1) -> None:
        if value is None:
            self._fault(f"missing required field: {at.rpartition('/')[2]}", at.rpartition("/")[0])
        elif not isinstance(value, str):
            self._fault("must be a string", at)
        elif len(value) > most:
            self._fault(f"must be less than {most + 1} characters", at)
        elif len(value) < least:
            self._fault(f"must be more than {least - 1} characters", at)

    def _url(self, value: object, at: str) -> None:
        self._string(value, at, 3000)
        if (
            isinstance(value, str)
            and value
            and not value.startswith(("http://", "https://", "slack://", "mailto:"))
        ):
            self._fault("must be a valid URL", at)
