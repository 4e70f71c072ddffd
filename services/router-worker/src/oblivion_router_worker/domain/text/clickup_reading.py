"""ClickUp's comment array, as webhooks and the API give it -> Markdown and plain text.

Entries that are no text (members, images, emoji, task links) have a `type`; what is unknown is read
by its `text`. Nothing here fails: an entry of another shape is left out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from oblivion_router_worker.domain.json_fields import EMPTY, JsonMapping, as_object, object_at, text_at
from oblivion_router_worker.domain.text.escaping import clean
from oblivion_router_worker.domain.text.markdown_writing import (
    code_span,
    escape_line_start,
    escape_markup,
    fence,
    link,
)
from oblivion_router_worker.domain.text.pings import defuse
from oblivion_router_worker.domain.text.sanitise import mention_text

_LIST_MARKS = {"bullet": "- ", "ordered": "1. ", "checked": "- [x] ", "unchecked": "- [ ] "}
_FORMATS = (("strike", "~~"), ("italic", "_"), ("bold", "**"))


@dataclass(slots=True)
class _Line:
    pieces: list[tuple[str, JsonMapping]] = field(default_factory=list[tuple[str, JsonMapping]])
    attributes: JsonMapping = field(default_factory=dict[str, object])

    @property
    def kind(self) -> str:
        if "code-block" in self.attributes:
            return "code"
        if "list" in self.attributes:
            return "list"
        if "blockquote" in self.attributes:
            return "quote"
        return "text" if any(text.strip() for text, _ in self.pieces) else "blank"


def comment_to_markdown(parts: Sequence[object], *, plain_text: str = "") -> str:
    """The comment's Markdown; from `plain_text` when the array holds nothing."""
    lines = list(_lines(parts)) or list(_lines([{"text": plain_text}]))
    blocks = [_block(kind, list(group)) for kind, group in groupby(lines, key=lambda line: line.kind)]
    return defuse("\n\n".join(block for block in blocks if block))


def comment_to_text(parts: Sequence[object]) -> str:
    """The comment's words alone."""
    return "".join(_part(part)[0] for part in parts)


def _lines(parts: Sequence[object]) -> Iterator[_Line]:
    line = _Line()
    for part in parts:
        text, attributes = _part(part)
        first, *others = text.split("\n")
        line.pieces.append((first, attributes))
        for other in others:
            line.attributes = attributes
            yield line
            line = _Line([(other, attributes)])
    if any(text for text, _ in line.pieces):
        yield line


def _part(part: object) -> tuple[str, JsonMapping]:
    """An entry's words and format."""
    entry = as_object(part)
    if entry is None:
        return "", EMPTY
    text = clean(text_at(entry, "text") or "")
    match text_at(entry, "type"):
        case "tag":
            name = text_at(object_at(entry, "user"), "username") or text or "someone"
            return mention_text(clean(name)), EMPTY
        case "emoticon":
            return text or _emoji(object_at(entry, "emoticon")), EMPTY
        case "image" | "attachment" | "bookmark" as kind:
            details = object_at(entry, kind)
            url = text_at(details, "url") or ""
            return text or text_at(details, "name") or url, {"link": url}
        case _:
            return text, object_at(entry, "attributes")


def _emoji(emoticon: JsonMapping) -> str:
    """An emoji is given as code points in hexadecimal, joined by hyphens."""
    code = text_at(emoticon, "code") or ""
    try:
        return clean("".join(chr(int(point, 16)) for point in code.split("-") if point))
    except (ValueError, OverflowError):
        return ""


def _block(kind: str, lines: list[_Line]) -> str:
    match kind:
        case "code":
            return fence("\n".join("".join(text for text, _ in line.pieces) for line in lines))
        case "list":
            return "\n".join(_list_mark(line) + _inline(line) for line in lines)
        case "quote":
            return "\n".join("> " + _inline(line) for line in lines)
        case "blank":
            return ""
        case _:
            return "\n".join(_inline(line) for line in lines)


def _list_mark(line: _Line) -> str:
    value = line.attributes.get("list")
    nested = as_object(value)
    kind = text_at(nested, "list") if nested is not None else value
    return _LIST_MARKS.get(kind, "- ") if isinstance(kind, str) else "- "


def _inline(line: _Line) -> str:
    pieces = ((text, _Format.of(attributes)) for text, attributes in line.pieces if text)
    runs = groupby(pieces, key=lambda piece: piece[1])
    return escape_line_start(
        "".join(_run("".join(text for text, _ in group), shape) for shape, group in runs).strip()
    )


@dataclass(frozen=True, slots=True)
class _Format:
    """How a run looks; `markers` go from the inside out."""

    url: str
    is_code: bool
    markers: tuple[str, ...]

    @classmethod
    def of(cls, attributes: JsonMapping) -> "_Format":
        value = attributes.get("link")
        nested = as_object(value)
        url = text_at(nested, "url") if nested is not None else value
        return cls(
            url=url if isinstance(url, str) else "",
            is_code=attributes.get("code") is True,
            markers=tuple(sign for name, sign in _FORMATS if attributes.get(name) is True),
        )


def _run(text: str, shape: _Format) -> str:
    """One run's Markdown; blanks at its ends stay outside its markers, or they would not count."""
    core = text.strip()
    if not core:
        return text
    before, after = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
    plain = code_span(core) if shape.is_code else escape_markup(core)
    markdown = link(shape.url, core) if shape.url else plain
    for sign in shape.markers:
        markdown = f"{sign}{markdown}{sign}"
    return before + markdown + after
