"""Plain text into Notion's rich text and blocks, and back.

What is written is text and nothing else: no mention, no link, no inline markup comes of it, so that nobody is
called by what a model writes. Lines that look like headings, lists, quotes or code become such blocks.
Sources: https://developers.notion.com/reference/rich-text, https://developers.notion.com/reference/request-limits
"""

import re

from oblivion_mcp_hub.providers.http import Json
from oblivion_mcp_hub.providers.reading import as_object, as_objects, as_text
from oblivion_mcp_hub.providers.texts import one_line

PART_LENGTH_MAX = 2000
_LINES: tuple[tuple[str, re.Pattern[str], str], ...] = (
    ("heading_1", re.compile(r"# +(.+)"), "# {}"),
    ("heading_2", re.compile(r"## +(.+)"), "## {}"),
    ("heading_3", re.compile(r"### +(.+)"), "### {}"),
    ("to_do", re.compile(r"[-*] \[[ xX]\] +(.+)"), "- [ ] {}"),
    ("bulleted_list_item", re.compile(r"[-*] +(.+)"), "- {}"),
    ("numbered_list_item", re.compile(r"\d+[.)] +(.+)"), "1. {}"),
    ("quote", re.compile(r"> ?(.+)"), "> {}"),
)
_SHAPES = {kind: shape for kind, _pattern, shape in _LINES}


def rich_text(text: str) -> list[Json]:
    return [
        {"type": "text", "text": {"content": text[at : at + PART_LENGTH_MAX]}}
        for at in range(0, len(text), PART_LENGTH_MAX)
    ]


def plain(parts: object) -> str:
    return "".join(as_text(part.get("plain_text")) for part in as_objects(parts))


def plain_title(about: object) -> str:
    return one_line(plain(as_object(about).get("title"))) or "untitled"


def blocks_of(text: str) -> list[Json]:
    """A block for each line; lines between fences are one of code."""
    blocks: list[Json] = []
    code: list[str] | None = None
    for line in text.splitlines():
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
    for kind, pattern, _shape in _LINES:
        if found := pattern.fullmatch(line):
            return _block(kind, found[1], is_done=kind == "to_do" and "[ ]" not in line[:6])
    return _block("paragraph", line)


def _block(kind: str, text: str, *, is_done: bool = False) -> Json:
    content: Json = {"rich_text": rich_text(text)}
    if kind == "to_do":
        content["checked"] = is_done
    if kind == "code":
        content["language"] = "plain text"
    return {"object": "block", "type": kind, kind: content}


def text_of(block: Json) -> str:
    """A block as a line of text; empty for what has none."""
    kind = as_text(block.get("type"))
    content = as_object(block.get(kind))
    if kind in ("child_page", "child_database"):
        return f"[{kind.replace('_', ' ')}: {one_line(content.get('title'))}]"
    text = plain(content.get("rich_text"))
    if kind == "code":
        return f"```\n{text}\n```"
    if kind == "to_do" and content.get("checked") is True:
        return f"- [x] {text}"
    return _SHAPES.get(kind, "{}").format(text) if text else ""
