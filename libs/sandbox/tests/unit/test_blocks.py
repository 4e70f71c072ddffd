from typing import Any

import pytest

from oblivion_sandbox.slack.blocks import check_blocks
from oblivion_sandbox.slack.errors import SlackError


def text(content: str, kind: str = "mrkdwn") -> dict[str, Any]:
    return {"type": kind, "text": content}


def button(**changes: Any) -> dict[str, Any]:
    return {"type": "button", "action_id": "a", "text": text("Go", "plain_text"), **changes}


IMAGE = {"type": "image", "image_url": "https://a.example/i", "alt_text": "i"}
OPTION = {"text": text("o", "plain_text"), "value": "1"}
GOOD: list[dict[str, Any]] = [
    {"type": "header", "text": text("h" * 150, "plain_text")},
    {"type": "section", "text": text("t" * 3000)},
    {"type": "section", "fields": [text("f" * 2000)] * 10},
    {"type": "section", "text": text("x"), "accessory": button()},
    {"type": "context", "elements": [text("c")] * 9 + [IMAGE]},
    {"type": "actions", "elements": [button(url="https://a.example/"), button(style="danger", value="1")]},
    {"type": "actions", "elements": [{"type": "static_select", "action_id": "s", "options": [OPTION]}]},
    {"type": "divider"},
    {"type": "markdown", "text": "**b**"},
    {"type": "image", "image_url": "https://a.example/i.png", "alt_text": "a"},
    {"type": "rich_text", "elements": []},
]  # fmt: skip

BAD: list[tuple[Any, str]] = [
    ({"type": "header", "text": text("h" * 151, "plain_text")}, "/blocks/0/text/text"),
    ({"type": "header", "text": text("h")}, "/blocks/0/text"),
    ({"type": "header"}, "missing required field: text"),
    ({"type": "section", "text": text("t" * 3001)}, "must be less than 3001 characters"),
    ({"type": "section", "text": text("")}, "must be more than 0 characters"),
    ({"type": "section"}, "missing required field: text"),
    ({"type": "section", "text": "plain"}, "must provide an object"),
    ({"type": "section", "fields": [text("f")] * 11}, "no more than 10 items allowed"),
    ({"type": "section", "fields": [text("f" * 2001)]}, "/blocks/0/fields/0/text"),
    ({"type": "section", "text": text("t"), "colour": "red"}, "invalid additional property: colour"),
    ({"type": "context", "elements": []}, "no less than 1 items allowed"),
    ({"type": "context", "elements": [text("c")] * 11}, "no more than 10 items allowed"),
    ({"type": "actions", "elements": [button(text=text("b" * 76, "plain_text"))]}, "must be less than 76"),
    ({"type": "actions", "elements": [button(text=text("b"))]}, "must be a valid enum value"),
    ({"type": "actions", "elements": [button(action_id="a" * 256)]}, "action_id"),
    ({"type": "actions", "elements": [button(url="javascript:alert(1)")]}, "must be a valid URL"),
    ({"type": "actions", "elements": [button(url="https://a.example/" + "u" * 3000)]}, "less than 3001"),
    ({"type": "actions", "elements": [button()] * 26}, "no more than 25 items allowed"),
    ({"type": "markdown", "text": "m" * 12_001}, "must be less than 12001 characters"),
    ({"type": "image", "image_url": "https://a.example/i"}, "missing required field: alt_text"),
    ({"type": "sparkles"}, "unsupported type: sparkles"),
]


@pytest.mark.parametrize("block", GOOD, ids=lambda block: block["type"])
def test_a_block_within_the_limits_passes(block: dict[str, Any]):
    assert check_blocks([block])[0]["type"] == block["type"]


@pytest.mark.parametrize(("block", "said"), BAD)
def test_a_faulty_block_is_refused_with_its_place(block: Any, said: str):
    with pytest.raises(SlackError) as refused:
        check_blocks([block])
    assert refused.value.code == "invalid_blocks"
    assert any(said in message for message in refused.value.details["response_metadata"]["messages"])  # type: ignore[index]


def test_more_than_fifty_blocks_are_refused():
    with pytest.raises(SlackError) as refused:
        check_blocks([{"type": "divider"}] * 51)
    assert refused.value.code == "invalid_blocks"


def test_two_blocks_of_one_id_are_refused():
    with pytest.raises(SlackError):
        check_blocks([{"type": "divider", "block_id": "x"}, {"type": "divider", "block_id": "x"}])


@pytest.mark.parametrize("blocks", [{}, "x", ["x"], [[]]])
def test_what_is_no_array_of_objects_has_an_error_of_its_own(blocks: Any):
    with pytest.raises(SlackError) as refused:
        check_blocks(blocks)
    assert refused.value.code == "invalid_blocks_format"


def test_each_stored_block_has_an_id():
    stored = check_blocks([{"type": "divider"}, {"type": "divider", "block_id": "mine"}])
    assert stored[0]["block_id"]
    assert stored[1]["block_id"] == "mine"
