"""Slack text (mrkdwn, as it stands in a message's `text`) -> Markdown.

Slack's text is escaped: the tags are parsed first, then what is left is unescaped, so a typed
"&lt;@U1&gt;" stays text. Linear in the length of the text.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from oblivion_router_worker.domain.text.escaping import clean, unescape
from oblivion_router_worker.domain.text.markdown_writing import (
    code_span,
    escape_line_start,
    escape_markup,
    fence,
    link,
)
from oblivion_router_worker.domain.text.pings import defuse
from oblivion_router_worker.domain.text.sanitise import NO_NAMES, mention_text
from oblivion_router_worker.domain.text.slack_tags import (
    TAG,
    ChannelTag,
    DateTag,
    GroupTag,
    LinkTag,
    SlackTag,
    SpecialTag,
    UnknownTag,
    UserTag,
    parse_tag,
)

_FENCED = re.compile(r"```(.*?)```", re.DOTALL)
_LINE_TOKEN = re.compile(r"`([^`\n]+)`|<([^<>]*)>|([*_~])|[^`<*_~]+|[`<]")
_QUOTE = re.compile(r"(?:&gt;|>) ?")
_LONG_QUOTE = re.compile(r"(?:&gt;|>){3} ?")
_BULLET = re.compile(r"(\s*)(?:[•◦▪▫‣]\s+|[-*]\s+(?=\S))")
_NUMBER = re.compile(r"(\s*)([0-9]{1,9})[.)]\s+")
_MARKER = {"*": "**", "_": "_", "~": "~~"}
_INDENT_CHARS = 4
_LIST_LEVELS_MAX = 8


def mrkdwn_to_markdown(text: str, names: Mapping[str, str] = NO_NAMES) -> str:
    """Convert a message's text; nobody is mentioned by the result.

    `names` gives display names by user, channel and group id; a tag's own label stands in for a
    missing name, and its id for a missing label.
    """
    blocks: list[str] = []
    start = 0
    text = clean(text)
    for match in _FENCED.finditer(text):
        blocks += _paragraphs(text[start : match.start()], names)
        blocks.append(fence(_flat(match[1], names)))
        start = match.end()
    blocks += _paragraphs(text[start:], names)
    return defuse("\n\n".join(blocks))


def mrkdwn_to_text(text: str, names: Mapping[str, str] = NO_NAMES) -> str:
    """The message as plain text: tags as words, entities as characters, markers left as typed."""
    return defuse(_flat(clean(text), names))


@dataclass(frozen=True, slots=True)
class _Line:
    kind: str
    """`text`, `list` or `quote`: a blank line must part neighbours of different kinds in Markdown."""
    markdown: str


def _paragraphs(text: str, names: Mapping[str, str]) -> list[str]:
    """Group the lines between two code blocks into Markdown blocks."""
    blocks: list[str] = []
    previous: str | None = None
    for line in _lines(text, names):
        if not line.markdown.strip():
            previous = None
        elif line.kind == previous:
            blocks[-1] += "\n" + line.markdown
        else:
            blocks.append(line.markdown)
            previous = line.kind
    return blocks


def _lines(text: str, names: Mapping[str, str]) -> Iterator[_Line]:
    quoting = False
    for raw in text.split("\n"):
        quote = None if quoting else _LONG_QUOTE.match(raw) or _QUOTE.match(raw)
        if quoting or quote:
            quoting = quoting or bool(_LONG_QUOTE.match(raw))
            yield _Line("quote", "> " + _prose(raw[quote.end() :] if quote else raw, names))
        else:
            yield _line(raw, names)


def _line(raw: str, names: Mapping[str, str]) -> _Line:
    if match := _BULLET.match(raw):
        return _Line("list", f"{_indent(match[1])}- {_prose(raw[match.end() :], names)}")
    if match := _NUMBER.match(raw):
        return _Line("list", f"{_indent(match[1])}{match[2]}. {_prose(raw[match.end() :], names)}")
    return _Line("text", _prose(raw, names))


def _indent(blank: str) -> str:
    level = min(len(blank.expandtabs(_INDENT_CHARS)) // _INDENT_CHARS, _LIST_LEVELS_MAX)
    return " " * _INDENT_CHARS * level


def _prose(raw: str, names: Mapping[str, str]) -> str:
    """One line's inline formatting; blanks at both ends mean nothing in Markdown, or code."""
    return escape_line_start(_inline(raw.strip(), names))


def _inline(line: str, names: Mapping[str, str]) -> str:
    tokens = list(_LINE_TOKEN.finditer(line))
    paired = _paired_delimiters(tokens, line)
    return "".join(_token(match, names, is_paired=match.start() in paired) for match in tokens)


def _token(match: re.Match[str], names: Mapping[str, str], *, is_paired: bool) -> str:
    if match[1] is not None:
        return code_span(_flat(match[1], names))
    if match[2] is not None:
        return _tag_markdown(parse_tag(match[2]), names)
    if match[3] is not None and is_paired:
        return _MARKER[match[3]]
    if match[3] == "_" and _is_within_word(match):
        return "_"  # Markup to nobody; and "@data_team" stays a name that is recognised as one.
    return escape_markup(unescape(match[0]))


def _is_within_word(token: re.Match[str]) -> bool:
    before, after = token.string[: token.start()][-1:], token.string[token.end() :][:1]
    return before.isalnum() and after.isalnum()


def _paired_delimiters(tokens: list[re.Match[str]], line: str) -> set[int]:
    """The positions of those * _ ~ that format, by Slack's rule: words stand inside, none touches outside."""
    paired: set[int] = set()
    open_by_marker: dict[str, int] = {}
    stack: list[tuple[str, int]] = []
    for token in tokens:
        marker = token[3]
        if marker is None:
            continue
        at = token.start()
        if marker in open_by_marker and _can_close(line, at) and at > open_by_marker[marker] + 1:
            while stack:
                opened, position = stack.pop()
                del open_by_marker[opened]
                if opened == marker:
                    paired |= {position, at}
                    break
        elif marker not in open_by_marker and _can_open(line, at):
            open_by_marker[marker] = at
            stack.append((marker, at))
    return paired


def _can_open(line: str, at: int) -> bool:
    before, after = line[at - 1 : at] if at else "", line[at + 1 : at + 2]
    return not before.isalnum() and before != line[at] and after != "" and not after.isspace()


def _can_close(line: str, at: int) -> bool:
    before, after = line[at - 1 : at], line[at + 1 : at + 2]
    return not before.isspace() and not after.isalnum() and after != line[at]


def _tag_markdown(tag: SlackTag, names: Mapping[str, str]) -> str:
    match tag:
        case LinkTag(url, label):
            return link(url, label)
        case DateTag(url=url, fallback=fallback) if url:
            return link(url, fallback)
        case _:
            return escape_markup(_tag_text(tag, names))


def _tag_text(tag: SlackTag, names: Mapping[str, str]) -> str:
    match tag:
        case UserTag(id_, label) | GroupTag(id_, label):
            return mention_text(names.get(id_) or label or id_)
        case ChannelTag(id_, label):
            return "#" + (names.get(id_) or label or id_).lstrip("#")
        case SpecialTag(name, label):
            return mention_text(label or name)
        case DateTag(fallback=fallback):
            return fallback
        case LinkTag(url, label):
            return label or url
        case UnknownTag(content):
            return f"<{content}>"


def _flat(raw: str, names: Mapping[str, str]) -> str:
    """Slack text as plain text, as inside code, where Slack parses tags too."""
    pieces: list[str] = []
    start = 0
    for match in TAG.finditer(raw):
        pieces += [unescape(raw[start : match.start()]), _tag_text(parse_tag(match[1]), names)]
        start = match.end()
    pieces.append(unescape(raw[start:]))
    return "".join(pieces)
