"""Plain pieces -> Markdown that reads back as exactly those pieces."""

import re

from oblivion_router_worker.domain.text.links import safe_url

# Everything that Markdown could read as markup, wherever it stands in a line.
_MARKUP = re.compile(r"[\\`*\[\]<~|]|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w+;)|!(?=\[|\Z)")
_LINE_START = re.compile(r"(?:#{1,6}(?=\s|\Z)|[-+=:>])|([0-9]{1,9})([.)])(?=\s|\Z)")


def escape_markup(text: str) -> str:
    """Text for the middle of a line."""
    return _MARKUP.sub(r"\\\g<0>", text)


def escape_line_start(markdown: str) -> str:
    """Keep a finished line from being read as a heading, list, quote, rule or table."""
    match = _LINE_START.match(markdown)
    if match is None:
        return markdown
    if match[1]:
        return f"{match[1]}\\{match[2]}{markdown[match.end() :]}"
    return "\\" + markdown


def link(url: str, label: str | None = None) -> str:
    """A link, or its label as text where the address must not become one."""
    target = safe_url(url)
    if target is None:
        return escape_markup(label or url)
    if label is None or label == url:
        return f"<{target}>"
    target = target.replace("(", "%28").replace(")", "%29")
    return f"[{escape_markup(' '.join(label.split()))}]({target})"


def code_span(content: str) -> str:
    ticks = "`" * (_longest_run(content) + 1)
    pad = " " if content[:1] in ("`", " ") or content[-1:] in ("`", " ") else ""
    return f"{ticks}{pad}{content}{pad}{ticks}"


def fence(content: str) -> str:
    ticks = "`" * max(3, _longest_run(content) + 1)
    return f"{ticks}\n{content.removeprefix(chr(10)).removesuffix(chr(10))}\n{ticks}"


def _longest_run(content: str) -> int:
    return max((len(run) for run in re.findall("`+", content)), default=0)
