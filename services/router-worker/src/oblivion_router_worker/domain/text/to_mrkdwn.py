"""Markdown -> Slack text (mrkdwn), escaped and sanitised.

Slack formats a run only when no word touches its markers from outside and no line break lies within,
so markers are closed and opened again around breaks, and a zero-width space parts them from words.
Source: https://docs.slack.dev/messaging/formatting-message-text
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from markdown_it.tree import SyntaxTreeNode

from oblivion_router_worker.domain.text.escaping import escape
from oblivion_router_worker.domain.text.links import slack_link
from oblivion_router_worker.domain.text.markdown import (
    SOURCE_MAX_CHARS,
    attribute,
    parse_markdown,
    plain_content,
    table_as_text,
)
from oblivion_router_worker.domain.text.pings import defuse
from oblivion_router_worker.domain.text.sanitise import sanitise_mrkdwn

_BULLETS = "•◦▪"
_INDENT = "    "
_RULE = "———"
_GRAVE_LOOKALIKE = "\u02cb"
_ZERO_WIDTH_SPACE = "\u200b"
_MARKERS = {"strong": "*", "em": "_", "s": "~"}
_BARE_URL = re.compile(r"(?<![\w/])https?://[^\s<>\"'|`]+", re.IGNORECASE)
# Punctuation that ends a sentence rather than an address.
_AFTER_URL = ".,;:!?)]}*_~'\""
_TASK_BOXES = (("[ ] ", "☐ "), ("[x] ", "☑ "), ("[X] ", "☑ "))


def markdown_to_mrkdwn(text: str, *, source_max_chars: int = SOURCE_MAX_CHARS) -> str:
    """Convert Markdown; HTML stays visible as text and nobody is mentioned by the result."""
    tree = parse_markdown(text, source_max_chars=source_max_chars)
    return sanitise_mrkdwn(_blocks(tree.children, "\n\n"))


def text_to_mrkdwn(text: str) -> str:
    """Plain text as Slack text; typed markers such as *stars* may still format."""
    return sanitise_mrkdwn(escape(text))


@dataclass(frozen=True, slots=True)
class _Marker:
    """Opens or closes a format; which neighbours it has is known only in the end."""

    sign: str
    opens: bool


_Piece = str | _Marker


def _blocks(nodes: list[SyntaxTreeNode], separator: str, level: int = 0) -> str:
    rendered = (_BLOCKS.get(node.type, _unknown_block)(node, level) for node in nodes)
    return separator.join(block for block in rendered if block.strip())


def _paragraph(node: SyntaxTreeNode, _level: int) -> str:
    return _join([piece for child in node.children for piece in _inline(child, ())])


def _heading(node: SyntaxTreeNode, _level: int) -> str:
    """Slack has no headings: the whole line is bold, and formats inside would only break that."""
    pieces = [piece for child in node.children for piece in _inline(child, ("*",))]
    return _join([_Marker("*", opens=True), *pieces, _Marker("*", opens=False)])


def _quote(node: SyntaxTreeNode, level: int) -> str:
    return "\n".join(f"&gt; {line}" for line in _blocks(node.children, "\n", level).split("\n"))


def _list(node: SyntaxTreeNode, level: int) -> str:
    start = node.attrs.get("start", 1)
    number = start if isinstance(start, int) else 1
    lines: list[str] = []
    for item in node.children:
        mark = f"{number}." if node.type == "ordered_list" else _BULLETS[min(level, len(_BULLETS) - 1)]
        lines.append(f"{_INDENT * level}{mark} {_item(item, level)}")
        number += 1
    return "\n".join(lines)


def _item(item: SyntaxTreeNode, level: int) -> str:
    """An item's first paragraph follows its mark; nested lists indent themselves, the rest by one level."""
    parts: list[str] = []
    for child in item.children:
        is_list = child.type in ("bullet_list", "ordered_list")
        block = _blocks([child], "\n", level + 1 if is_list else level)
        if not parts and not is_list:
            parts.append(_task_box(block))
        elif is_list:
            parts.append(block)
        else:
            indent = _INDENT * (level + 1)
            parts.append("\n".join(indent + line for line in block.split("\n")))
    if item.children and item.children[0].type in ("bullet_list", "ordered_list"):
        parts.insert(0, "")
    return "\n".join(parts)


def _task_box(block: str) -> str:
    for written, shown in _TASK_BOXES:
        if block.startswith(written):
            return shown + block.removeprefix(written)
    return block


def _fence(node: SyntaxTreeNode, _level: int) -> str:
    return _fenced(node.content)


def _table(node: SyntaxTreeNode, _level: int) -> str:
    return _fenced(table_as_text(node))


def _fenced(content: str) -> str:
    # Slack knows no escape for its fence, so one inside the code is parted by an invisible character.
    code = escape(content.strip("\n")).replace("```", f"`{_ZERO_WIDTH_SPACE}``")
    return f"```\n{code}\n```" if code.strip() else ""


def _rule(_node: SyntaxTreeNode, _level: int) -> str:
    return _RULE


def _unknown_block(node: SyntaxTreeNode, _level: int) -> str:
    return escape(plain_content(node))


_BLOCKS: Mapping[str, Callable[[SyntaxTreeNode, int], str]] = {
    "paragraph": _paragraph,
    "heading": _heading,
    "blockquote": _quote,
    "bullet_list": _list,
    "ordered_list": _list,
    "fence": _fence,
    "code_block": _fence,
    "table": _table,
    "hr": _rule,
}


def _inline(node: SyntaxTreeNode, open_signs: tuple[str, ...]) -> list[_Piece]:
    if node.type in ("softbreak", "hardbreak"):
        closing: list[_Piece] = [_Marker(sign, opens=False) for sign in reversed(open_signs)]
        return [*closing, "\n", *(_Marker(sign, opens=True) for sign in open_signs)]
    if node.type == "code_inline":
        return [_code(node.content)]
    if node.type == "link":
        return [_link(attribute(node, "href"), plain_content(node))]
    if node.type == "image":
        return [_link(attribute(node, "src"), plain_content(node) or "image")]
    if node.children:
        return _formatted(node, open_signs)
    return [_linked(node.content)]


def _formatted(node: SyntaxTreeNode, open_signs: tuple[str, ...]) -> list[_Piece]:
    sign = _MARKERS.get(node.type)
    if sign is None or sign in open_signs:
        return [piece for child in node.children for piece in _inline(child, open_signs)]
    inside = [piece for child in node.children for piece in _inline(child, (*open_signs, sign))]
    return [_Marker(sign, opens=True), *inside, _Marker(sign, opens=False)]


def _linked(text: str) -> str:
    """Text with its bare addresses as links: in blocks Slack does not find them by itself."""
    pieces: list[str] = []
    start = 0
    for match in _BARE_URL.finditer(text):
        url = match[0].rstrip(_AFTER_URL)
        if url.endswith("://"):
            continue
        pieces += [escape(text[start : match.start()]), slack_link(url) or escape(url)]
        start = match.start() + len(url)
    pieces.append(escape(text[start:]))
    return "".join(pieces)


def _code(content: str) -> str:
    code = escape(" ".join(content.split("\n")).replace("`", _GRAVE_LOOKALIKE))
    return f"`{code}`" if code.strip() else code


def _link(url: str, label: str) -> str:
    return slack_link(url, defuse(label)) or escape(label)


def _join(pieces: list[_Piece]) -> str:
    """Turn markers into signs, each parted from a word that touches it from outside."""
    kept = _without_empty_formats(pieces)
    result = ""
    for index, piece in enumerate(kept):
        if isinstance(piece, str):
            result += piece
        elif piece.opens:
            result += (_ZERO_WIDTH_SPACE if result[-1:].isalnum() else "") + piece.sign
        else:
            result += piece.sign + (_ZERO_WIDTH_SPACE if _starts_with_word(kept, index + 1) else "")
    return result


def _starts_with_word(pieces: list[_Piece], index: int) -> bool:
    following = pieces[index] if index < len(pieces) else ""
    return isinstance(following, str) and following[:1].isalnum()


def _without_empty_formats(pieces: list[_Piece]) -> list[_Piece]:
    kept: list[_Piece] = []
    for piece in pieces:
        closes = isinstance(piece, _Marker) and not piece.opens
        if closes and kept and isinstance(kept[-1], _Marker) and kept[-1].opens:
            kept.pop()
        elif piece:
            kept.append(piece)
    return kept
