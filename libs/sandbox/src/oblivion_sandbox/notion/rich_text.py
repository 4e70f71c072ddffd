"""Notion's rich text, and a page's text as blocks, line by line.

Sources: https://developers.notion.com/reference/rich-text, https://developers.notion.com/reference/block
"""

import re

from oblivion_sandbox.json_values import as_object, as_objects
from oblivion_sandbox.notion.dialect import invalid
from oblivion_sandbox.store import Json

TEXT_LENGTH_MAX = 2000
"""Characters of one rich text part."""
PARTS_MAX = 100
_PLAIN = {
    "bold": False,
    "italic": False,
    "strikethrough": False,
    "underline": False,
    "code": False,
    "color": "default",
}
_LINES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("heading_1", re.compile(r"# +(.*)")),
    ("heading_2", re.compile(r"## +(.*)")),
    ("heading_3", re.compile(r"### +(.*)")),
    ("to_do", re.compile(r"- \[[ xX]\] +(.*)")),
    ("bulleted_list_item", re.compile(r"[-*] +(.*)")),
    ("numbered_list_item", re.compile(r"\d+[.)] +(.*)")),
    ("quote", re.compile(r"> ?(.*)")),
)


def rich_text(text: str, link: str | None = None) -> list[Json]:
    """Plain text as answers carry it, in parts of the length that Notion allows."""
    pieces = [text[at : at + TEXT_LENGTH_MAX] for at in range(0, len(text), TEXT_LENGTH_MAX)]
    return [_part(piece, link, {}) for piece in pieces]


def stored_rich_text(value: object, where: str) -> list[Json]:
    """What a request gives, completed as Notion completes it.

    Raises:
        Refusal: a part is too long, or there are too many.
    """
    if not isinstance(value, list):
        raise invalid(f"body failed validation: {where} should be an array, instead was `{_shown(value)}`.")
    parts = as_objects(value)  # pyright: ignore[reportUnknownArgumentType]
    if len(parts) > PARTS_MAX:
        raise invalid(f"body failed validation: {where}.length should be ≤ `{PARTS_MAX}`.")
    stored: list[Json] = []
    for index, part in enumerate(parts):
        text = as_object(part.get("text"))
        content = text.get("content")
        if not isinstance(content, str):
            raise invalid(f"body failed validation: {where}[{index}].text.content should be a string.")
        if len(content) > TEXT_LENGTH_MAX:
            raise invalid(
                f"body failed validation: {where}[{index}].text.content.length should be ≤"
                f" `{TEXT_LENGTH_MAX}`, instead was `{len(content)}`."
            )
        link = as_object(text.get("link")).get("url")
        stored.append(_part(content, link, as_object(part.get("annotations"))))
    return stored


def plain(parts: object) -> str:
    return "".join(str(part.get("plain_text", "")) for part in as_objects(parts))


def _part(content: str, link: str | None, annotations: Json) -> Json:
    return {
        "type": "text",
        "text": {"content": content, "link": {"url": link} if link else None},
        "annotations": _PLAIN | annotations,
        "plain_text": content,
        "href": link,
    }


def _shown(value: object) -> str:
    return "undefined" if value is None else type(value).__name__


def blocks_of(markdown: str) -> list[Json]:
    """A block for each line; a fenced code block is one."""
    blocks: list[Json] = []
    code: list[str] | None = None
    for line in markdown.splitlines():
        if line.startswith("```"):
            if code is not None:
                blocks.append(_block("code", "\n".join(code)))
            code = [] if code is None else None
        elif code is not None:
            code.append(line)
        elif line.strip():
            blocks.append(_line(line))
    return [*blocks, _block("code", "\n".join(code))] if code else blocks


def _line(line: str) -> Json:
    for kind, pattern in _LINES:
        if found := pattern.fullmatch(line):
            return _block(kind, found[1])
    return _block("paragraph", line)


def _block(kind: str, text: str) -> Json:
    extra: Json = {"checked": False} if kind == "to_do" else {}
    return {"type": kind, kind: {"rich_text": rich_text(text), **extra}}
