"""Markdown -> ClickUp's comment array, a list of runs `{"text": …, "attributes": {…}}`.

As in Quill, what formats characters sits on their run; what formats a line sits on the line break
that ends it. Tag entries are never written, so nothing here can notify anybody.
Source: https://developer.clickup.com/docs/comment-formatting
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from markdown_it.tree import SyntaxTreeNode

from oblivion_router_worker.domain.text.links import safe_url
from oblivion_router_worker.domain.text.markdown import (
    attribute,
    parse_markdown,
    plain_content,
    table_as_text,
)
from oblivion_router_worker.domain.text.sanitise import sanitise_runs

Attributes = Mapping[str, object]

_PLAIN: Attributes = {}
_CODE_LINE: Attributes = {"code-block": {"code-block": "plain"}}
_LIST_KINDS = {"bullet_list": "bullet", "ordered_list": "ordered"}
_TASK_BOXES = {"[ ] ": "unchecked", "[x] ": "checked", "[X] ": "checked"}
_FORMATS = {"strong": "bold", "em": "italic", "s": "strike"}
_INDENT = "    "
_RULE = "———"


@dataclass(frozen=True, slots=True)
class Run:
    """A piece of a comment in one format."""

    text: str
    attributes: Attributes = field(default_factory=dict[str, object])

    def to_json(self) -> dict[str, object]:
        return {"text": self.text, "attributes": dict(self.attributes)}


def markdown_to_runs(markdown: str) -> list[Run]:
    """Convert Markdown; the runs' texts joined are the comment's plain text."""
    writer = _Writer()
    _write_blocks(writer, parse_markdown(markdown).children)
    return finished_runs(writer.runs)


def finished_runs(runs: Iterable[Run]) -> list[Run]:
    """Sanitise runs as one text, join equal neighbours and drop the last bare line break."""
    runs = list(runs)
    joined: list[Run] = []
    for run, text in zip(runs, sanitise_runs(run.text for run in runs), strict=True):
        if joined and joined[-1].attributes == run.attributes and "\n" not in (text, joined[-1].text):
            joined[-1] = Run(joined[-1].text + text, run.attributes)
        elif text:
            joined.append(Run(text, run.attributes))
    while joined and joined[-1] == Run("\n"):
        joined.pop()
    return joined


def runs_to_json(runs: Iterable[Run]) -> list[dict[str, object]]:
    """The body's `comment` array."""
    return [run.to_json() for run in runs]


def runs_to_text(runs: Iterable[Run]) -> str:
    return "".join(run.text for run in runs)


class _Writer:
    """Collects runs line by line."""

    def __init__(self) -> None:
        self.runs: list[Run] = []
        self.line_prefix = ""
        self._at_line_start = True

    def text(self, text: str, attributes: Attributes = _PLAIN) -> None:
        if self._at_line_start and self.line_prefix:
            self.runs.append(Run(self.line_prefix))
        self._at_line_start = False
        if text:
            self.runs.append(Run(text, attributes))

    def end_line(self, attributes: Attributes = _PLAIN) -> None:
        if self._at_line_start:
            self.text("")
        self.runs.append(Run("\n", attributes))
        self._at_line_start = True


def _write_blocks(writer: _Writer, nodes: list[SyntaxTreeNode]) -> None:
    for index, node in enumerate(nodes):
        # List and code lines stand apart by their look; paragraphs need the blank line.
        if index and node.type in ("paragraph", "heading", "blockquote", "hr"):
            writer.end_line()
        _BLOCKS.get(node.type, _write_unknown)(writer, node)


def _write_paragraph(writer: _Writer, node: SyntaxTreeNode) -> None:
    _write_inline(writer, node, _PLAIN)
    writer.end_line()


def _write_heading(writer: _Writer, node: SyntaxTreeNode) -> None:
    """Comments have no headings; bold comes closest."""
    _write_inline(writer, node, {"bold": True})
    writer.end_line()


def _write_quote(writer: _Writer, node: SyntaxTreeNode) -> None:
    outer = writer.line_prefix
    writer.line_prefix = f"{outer}> "
    _write_blocks(writer, node.children)
    writer.line_prefix = outer


def _write_list(writer: _Writer, node: SyntaxTreeNode) -> None:
    for item in node.children:
        _write_item(writer, item, _LIST_KINDS[node.type])


def _write_item(writer: _Writer, item: SyntaxTreeNode, kind: str) -> None:
    first, rest = item.children[:1], item.children[1:]
    if first and first[0].type == "paragraph":
        box = next((box for box in _TASK_BOXES if plain_content(first[0]).startswith(box)), None)
        _write_inline(writer, first[0], _PLAIN, skipped_chars=len(box) if box else 0)
        kind = _TASK_BOXES[box] if box else kind
    else:
        rest = item.children
    writer.end_line({"list": {"list": kind}})
    outer = writer.line_prefix
    writer.line_prefix = outer + _INDENT
    for block in rest:
        _BLOCKS.get(block.type, _write_unknown)(writer, block)
    writer.line_prefix = outer


def _write_code(writer: _Writer, node: SyntaxTreeNode) -> None:
    _write_code_lines(writer, node.content.removesuffix("\n"))


def _write_table(writer: _Writer, node: SyntaxTreeNode) -> None:
    _write_code_lines(writer, table_as_text(node))


def _write_code_lines(writer: _Writer, code: str) -> None:
    for line in code.split("\n"):
        writer.text(line)
        writer.end_line(_CODE_LINE)


def _write_rule(writer: _Writer, _node: SyntaxTreeNode) -> None:
    writer.text(_RULE)
    writer.end_line()


def _write_unknown(writer: _Writer, node: SyntaxTreeNode) -> None:
    writer.text(" ".join(plain_content(node).split("\n")))
    writer.end_line()


_BLOCKS: Mapping[str, Callable[[_Writer, SyntaxTreeNode], None]] = {
    "paragraph": _write_paragraph,
    "heading": _write_heading,
    "blockquote": _write_quote,
    "bullet_list": _write_list,
    "ordered_list": _write_list,
    "fence": _write_code,
    "code_block": _write_code,
    "table": _write_table,
    "hr": _write_rule,
}


def _write_inline(
    writer: _Writer, node: SyntaxTreeNode, attributes: Attributes, *, skipped_chars: int = 0
) -> None:
    for child in node.children:
        _write_piece(writer, child, attributes, skipped_chars)


def _write_piece(writer: _Writer, node: SyntaxTreeNode, attributes: Attributes, skipped_chars: int) -> None:
    if node.type in ("softbreak", "hardbreak"):
        writer.end_line()
    elif node.type == "code_inline":
        writer.text(node.content, {**attributes, "code": True})
    elif node.type in ("link", "image"):
        _write_link(writer, node, attributes)
    elif node.children:
        name = _FORMATS.get(node.type)
        inside = {**attributes, name: True} if name else attributes
        _write_inline(writer, node, inside, skipped_chars=skipped_chars)
    else:
        writer.text(node.content[skipped_chars:], attributes)


def _write_link(writer: _Writer, node: SyntaxTreeNode, attributes: Attributes) -> None:
    url = safe_url(attribute(node, "href") or attribute(node, "src"))
    label = " ".join(plain_content(node).split()) or url or "link"
    writer.text(label, {**attributes, "link": url} if url else attributes)
