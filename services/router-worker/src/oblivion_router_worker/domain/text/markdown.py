"""The one Markdown parser: CommonMark with tables and strike-through, HTML left as text.

Parsing is bounded in input length and nesting, so that no text can hold up a worker.
"""

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from oblivion_router_worker.domain.text.escaping import clean
from oblivion_router_worker.domain.text.shortening import SHORTENED

SOURCE_MAX_CHARS = 24_000

_parser = MarkdownIt("commonmark", {"html": False, "maxNesting": 20}).enable(["table", "strikethrough"])


def parse_markdown(text: str, *, source_max_chars: int = SOURCE_MAX_CHARS) -> SyntaxTreeNode:
    """The syntax tree of the text's beginning; what is left out is told at its end."""
    source = clean(text)
    if len(source) > source_max_chars:
        source = f"{source[:source_max_chars]}\n\n{SHORTENED}"
    return SyntaxTreeNode(_parser.parse(source))


def plain_content(node: SyntaxTreeNode) -> str:
    """A node's text without any formatting; images give their description."""
    if node.type in ("text", "code_inline", "fence", "code_block", "html_inline", "html_block"):
        return node.content
    if node.type in ("softbreak", "hardbreak"):
        return "\n"
    return "".join(plain_content(child) for child in node.children)


def attribute(node: SyntaxTreeNode, name: str) -> str:
    value = node.attrs.get(name)
    return value if isinstance(value, str) else ""


def table_as_text(node: SyntaxTreeNode) -> str:
    """A table in aligned columns, for places that know no tables."""
    rows = [
        [" ".join(plain_content(cell).split()) for cell in row.children]
        for part in node.children
        for row in part.children
    ]
    columns = max((len(row) for row in rows), default=0)
    widths = [max((len(row[i]) for row in rows if i < len(row)), default=0) for i in range(columns)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)) for row in rows]
    if len(lines) > 1:
        lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(line.rstrip() for line in lines)
