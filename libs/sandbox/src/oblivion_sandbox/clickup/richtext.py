"""Text in ClickUp's shapes: Quill operations in history items, blocks in comments, plain text of Markdown."""

import re
from typing import cast

from oblivion_sandbox.clickup.errors import invalid
from oblivion_sandbox.store import Json, dumps

_MARKS = re.compile(r"(\*\*|__|~~|`)")
_LINK = re.compile(r"\[([^\]]*)\]\(([^)\s]*)\)")
_HEADING = re.compile(r"^#{1,6}\s+", re.MULTILINE)


def plain_text(markdown: str) -> str:
    """Roughly what ClickUp shows as `text_content` of a Markdown description."""
    return _MARKS.sub("", _LINK.sub(r"\1", _HEADING.sub("", markdown)))


def quill(text: str) -> str:
    """A description as history items carry it: Quill operations, as JSON in a string."""
    return dumps({"ops": [{"insert": text}, {"insert": "\n", "attributes": {"block-id": "block-0"}}]})


def comment_blocks(text: str) -> list[Json]:
    """A plain comment as the array of blocks that ClickUp keeps."""
    return [{"text": text, "attributes": {}}]


def checked_blocks(value: object) -> list[Json]:
    """The `comment` array of a request.

    Raises:
        ClickUpError: it is no array of objects with text or a type.
    """
    if not isinstance(value, list) or not value:
        raise invalid("Comment must be an array", "COMM_001")
    blocks: list[Json] = []
    for block in cast("list[object]", value):
        if not isinstance(block, dict):
            raise invalid("Comment blocks must be objects", "COMM_001")
        known = cast("Json", block)
        if not isinstance(known.get("text"), str) and not isinstance(known.get("type"), str):
            raise invalid("Comment blocks need a text or a type", "COMM_001")
        blocks.append({"attributes": {}, **known} if "text" in known else known)
    return blocks


def comment_text(blocks: list[Json]) -> str:
    """The plain text of comment blocks."""
    return "".join(str(block.get("text", "")) for block in blocks)
