# ruff: noqa: RUF001 - other scripts' punctuation is read as well.
"""A message as people type it in Slack, read into plain tokens in time linear in what is read.

Markup, links, quoted names, code, issue keys, times and the like become marks such as `xkey`, so that what
somebody *names* is not taken for what they *want*. Only the beginning and the end of a long message are read:
people say what they want before or after what they paste.
"""

import re
import unicodedata
from dataclasses import dataclass, field
from urllib.parse import urlsplit

HEAD_CHARACTERS = 480
TAIL_CHARACTERS = 220
HEAD_WORDS, TAIL_WORDS = 45, 15
MOST_LINES = 40
MOST_MARKUP = 40
_PIECE = re.compile(r"\s+|\S{1,24}")
"""Normalising sorts combining marks in quadratic time: done piece by piece, it stays linear."""

AS_IT_IS = re.compile(r"[\x00-\x7fÀ-ÖØ-öø-ÿ、。ぁ-ゖァ-ヺー一-鿿가-힣]*")
"""Letters that are their own normal form whatever stands beside them, of most messages that are no ASCII."""

_MARKED = re.compile(r"[`<\"“„«「『':&]|https?://")
_MARKUP = re.compile(
    r"""```(?P<block>[^`]*)(?:```|\Z)
    | `(?P<code>[^`\n]{1,200})`
    | <(?P<angle>[^<>\n]{1,600})>
    | (?P<url>https?://[^\s<>]{1,600})
    | ["“„«](?P<quote>[^"“”„«»\n]{1,160})["”“»]
    | [「『](?P<corner>[^「」『』\n]{1,160})[」』]
    | (?<!\w)'(?P<single>[^'\n]{1,120})'(?!\w)
    | (?P<emoji>:[a-z][a-z0-9_+-]{1,40}:)
    """,
    re.VERBOSE,
)
_EXTENSIONS = (
    "py|ts|tsx|js|jsx|mjs|go|rs|rb|java|kt|swift|c|h|cpp|cs|php|scss|css|html|vue|sql|sh|yml|yaml|toml|json|"
    "lock|tf|proto|gradle|xml|ini|env|ipynb|dockerfile|md"
)
_SHEETS = "csv|tsv|xlsx|xls|parquet|ods"
_PAPERS = "pdf|docx|doc|pptx|ppt|txt|rtf|odt|key|log"
_SHAPES = re.compile(
    rf"""(?P<xkey>(?!(?i:utf|sha|covid|iso|base|es|rc|top|mp|h|gpt|claude)-)[A-Za-z][A-Za-z0-9]{{1,9}}-\d{{1,6}})
    | (?P<xnum>\#\d{{1,7}})
    | (?P<xtime>(?:[01]?\d|2[0-4])(?:[:.h]\d\d)?(?:am|pm|a\.m|p\.m|h|uhr)|(?:[01]?\d|2[0-4]):\d\d)
    | (?P<xduration>\d{{1,3}}(?:min|mins|m|hrs?|std))
    | (?P<xdate>\d{{4}}-\d\d(?:-\d\d)?|\d{{1,2}}[./]\d{{1,2}}\.?(?:[./]\d{{2,4}})?|\d{{1,2}}(?:st|nd|rd|th))
    | (?P<xversion>v?\d{{1,4}}(?:\.[\dx]{{1,5}}){{1,3}}(?:-[\w.]{{1,12}})?|v\d{{1,4}})
    | (?P<xnumber>[<>~+=±-]?[$€£]?\d[\d,.]{{0,15}}(?:%|k|m|bn|x|€|\$|gb|mb|kb|tb|ms|s)?)
    | (?P<xsheet>[\w./-]{{0,80}}\.(?i:{_SHEETS}))
    | (?P<xpaper>[\w./-]{{0,80}}\.(?i:{_PAPERS}))
    | (?P<xfile>[\w./@-]{{0,80}}\.(?i:{_EXTENSIONS})(?::\d+)?|Dockerfile|Makefile)
    | (?P<xbranch>(?i:feat|feature|fix|hotfix|bugfix|release|chore|docs|origin|refs|refactor)/[\w./-]{{1,80}})
    | (?P<xident>\w{{1,60}}\(\)|[A-Za-z]\w{{0,60}}_\w{{1,60}}|[\w-]{{1,40}}(?:/[\w.-]{{1,40}}){{2,6}}
        | --?[a-z][\w-]{{1,30}}|[a-z]{{2,30}}[A-Z]\w{{1,40}}
        | [A-Z][a-z]{{1,20}}(?:[A-Z][a-z0-9]{{1,20}}){{1,4}}
        | \w{{2,40}}(?:\.\w{{2,40}}){{1,4}})
    | (?P<xsha>(?=[a-f0-9]*\d)(?=[a-f0-9]*[a-f])[a-f0-9]{{7,40}})
    | (?P<xchannel>\#[\w-]{{1,80}})
    | (?P<xuser>@[\w.-]{{1,80}})
    """,
    re.VERBOSE | re.ASCII,
)
_CAMEL = re.compile(r"[a-z]{2,30}[A-Z]\w{1,40}|[A-Z][a-z]{1,20}(?:[A-Z][a-z0-9]{1,20}){1,4}")
_HEXADECIMAL = frozenset("0123456789abcdef")
_PRODUCTS = frozenset(
    {
        "clickup", "github", "gitlab", "javascript", "typescript", "youtube", "iphone", "powerpoint",
        "linkedin", "whatsapp",
        "postgresql", "graphql", "macos", "openai", "onenote", "onedrive", "dropbox", "paypal",
    }
)  # fmt: skip
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_SCRIPT_RUN = re.compile(r"[\u2e80-\uffff]+|[^\u2e80-\uffff]+")
_ITEM = re.compile(r"\s*(?:[-*•–]|\(?\d{1,2}[.)]|[a-c]\))\s+")
_STRONG = frozenset(".!?;…。！？")
_EDGES = "()[]{}\"'*_~|,.!?;:…。！？、，“”„«»=—–"
_STRESS = re.compile(r"([^\W\d_])\1{2,}")
_DASHES = frozenset({"-", "->", "=>", "--"})
_CJK_FROM = "\u2e80"
_CONTRACTIONS = {
    "dont": ("do", "not"), "cant": ("can", "not"), "wont": ("will", "not"), "doesnt": ("does", "not"),
    "didnt": ("did", "not"), "isnt": ("is", "not"), "arent": ("are", "not"), "wasnt": ("was", "not"),
    "whats": ("what", "is"), "wheres": ("where", "is"), "whos": ("who", "is"), "hows": ("how", "is"),
    "thats": ("that", "is"), "ive": ("i", "have"), "lets": ("let", "us"),
    "theres": ("there", "is"), "whens": ("when", "is"), "couldnt": ("could", "not"),
}  # fmt: skip


@dataclass(slots=True)
class Clause:
    """Tokens between two boundaries."""

    tokens: list[str] = field(default_factory=list[str])
    ends: str = ""
    """What closed it: `,`, `.`, `?`, or a new line."""
    is_item: bool = False
    """A line of a list."""
    is_cited: bool = False
    """A quoted line: somebody else's words."""


@dataclass(slots=True)
class Reading:
    """A message, read."""

    clauses: list[Clause]
    quoted: list[str]
    """Words within quotation marks and code: names and texts, not wishes."""
    plain: str
    """What was read, without markup, folded: for keywords."""


def read(text: str) -> Reading:
    """Never fails, whatever the text."""
    quoted: list[str] = []
    clauses: list[Clause] = []
    plain: list[str] = []
    for part, most_words in zip(_window(text), (HEAD_WORDS, TAIL_WORDS), strict=False):
        shown = _without_markup(_fold_width(part, len(part)), quoted)
        plain.append(shown)
        _Lines(clauses, most_words).read(shown)
    words = [word for each in quoted[:12] for word in words_of(each[:120])]
    return Reading(clauses, words[:30], "\n".join(plain).casefold())


def folded(text: str) -> str:
    """What is read of `text`, folded, with its markup: enough for keywords alone."""
    return "\n".join(_fold_width(part, len(part)) for part in _window(text)).casefold()


def words_of(text: str) -> list[str]:
    """Plain words, folded; for keywords, examples and names."""
    found: list[str] = []
    for word in _WORD.findall(text.casefold()):
        found += _spelt_out(word)
    return found


def _window(text: str) -> tuple[str, ...]:
    if len(text) <= HEAD_CHARACTERS + TAIL_CHARACTERS:
        return (text,)
    tail = text[-TAIL_CHARACTERS:]
    pieces = tail.rsplit(None, TAIL_WORDS)
    passed_over = len(pieces[0]) if len(pieces) > TAIL_WORDS else 0
    return text[:HEAD_CHARACTERS], tail[passed_over:]


def _fold_width(text: str, most: int) -> str:
    if text.isascii() or AS_IT_IS.fullmatch(text):
        return text
    # Slack's JSON can hold half of a surrogate pair, which nothing encodes.
    text = text.encode("utf-8", "replace").decode("utf-8")
    pieces, length = list[str](), 0
    for match in _PIECE.finditer(text):
        piece = unicodedata.normalize("NFKC", match[0])
        pieces.append(piece)
        length += len(piece)
        if length >= most:
            break  # One letter can stand for 18.
    return "".join(pieces)[:most]


def _without_markup(text: str, quoted: list[str]) -> str:
    if not _MARKED.search(text):
        return text

    def mark(match: re.Match[str]) -> str:
        return _mark(match, quoted)

    return _unescaped(_MARKUP.sub(mark, text, count=MOST_MARKUP))


def _unescaped(text: str) -> str:
    return text.replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&")


def _mark(match: re.Match[str], quoted: list[str]) -> str:
    kind = match.lastgroup or ""
    inner = match[kind]
    if kind == "emoji":
        return " "
    if kind in ("block", "code"):
        quoted.append(inner[:200])
        return " xcode "
    if kind == "angle":
        return _entity(inner)
    if kind == "url":
        return f" {_link(inner)} "
    quoted.append(inner)
    return " xquote "


def _entity(inner: str) -> str:
    """Slack's `<…>`: a person, a channel, a group, a link."""
    target, _, label = inner.partition("|")
    if target.startswith(("@", "!subteam")):
        return " xuser "
    if target.startswith("#"):
        return " xchannel "
    if target.startswith("!"):
        return " "
    if target.startswith(("http://", "https://")):
        # A label that repeats the address says nothing more.
        return f" {_link(target)} {'' if '/' in label or '.' in label else label} "
    return " xmail " if target.startswith("mailto:") else f" {inner} "


def _link(url: str) -> str:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:  # Brackets that are no IPv6 address.
        return "xlink"
    names = host.split(".")
    site = names[-2] if len(names) > 1 else host
    folder = next(
        (f" p{name}" for name in ("pull", "issues", "actions", "commit") if f"/{name}" in parts.path), ""
    )
    return f"xlink h{site if site.isalnum() else ''}{folder}"


class _Lines:
    """Cuts lines into clauses until it has read enough words."""

    def __init__(self, clauses: list[Clause], most_words: int) -> None:
        self._clauses = clauses
        self._left = most_words

    def read(self, text: str) -> None:
        for line in text.split("\n", MOST_LINES):
            if self._left > 0:
                self._read_line(line)

    def _read_line(self, line: str) -> None:
        is_cited = line.startswith((">", " >"))
        item = _ITEM.match(line)
        clause = Clause(is_item=item is not None, is_cited=is_cited)
        number = 1
        chunks = (line[item.end() :] if item else line).split(None, self._left)[: self._left]
        self._left -= len(chunks)
        for chunk in chunks:
            if item and chunk in (f"{number + 1})", f"{number + 1}."):
                number += 1
                _close(clause, "\n", self._clauses)
                clause = Clause(is_item=True, is_cited=is_cited)
            elif _add(chunk, clause):
                _close(clause, _boundary(chunk), self._clauses)
                clause = Clause(is_cited=is_cited)
        _close(clause, "\n", self._clauses)


def _add(chunk: str, clause: Clause) -> bool:
    """Add the chunk's words; whether it also ends the clause."""
    first, last = chunk[0], chunk[-1]
    has_edge = last in _EDGES or first in _EDGES
    core = chunk.strip(_EDGES) if has_edge else chunk
    if core:
        clause.tokens += _tokens(core)
    ends = last in _EDGES or chunk in _DASHES
    return ends and bool(clause.tokens) and bool(_boundary(chunk))


def _close(clause: Clause, ends: str, clauses: list[Clause]) -> None:
    if clause.tokens:
        clause.ends = ends
        clauses.append(clause)


def _boundary(chunk: str) -> str:
    last = chunk[-1]
    if chunk.endswith(("..", "…")):
        return ","
    if last in _STRONG:
        return "?" if "?" in chunk or "？" in chunk else "."
    return "," if last in ",:、，—–>" or chunk in _DASHES else ""


def _tokens(core: str) -> list[str]:
    if core.isalpha() and core[0] < _CJK_FROM and core[-1] < _CJK_FROM:
        folded = core.casefold()
        if (
            core.isascii()
            and not (core[1:].islower() or core.isupper() or len(core) == 1)
            and _is_camel(core)
        ):
            return ["xident"]
        return list(_CONTRACTIONS.get(folded, (folded,)))
    if len(core) <= 80 and not _is_plain(core):
        shape = _SHAPES.fullmatch(core)
        if shape is not None:
            return [shape.lastgroup or ""] if core.casefold() not in _PRODUCTS else [core.casefold()]
    found: list[str] = []
    for word in _WORD.findall(core[:400].casefold()):
        for run in (word,) if word.isascii() else _SCRIPT_RUN.findall(word):
            found += _spelt_out(run)
    return found


def _is_plain(core: str) -> bool:
    """Letters, then letters and digits, like `sev1`: none of the shapes, but for versions and hashes."""
    is_word = core[0].isalpha() and core.isalnum() and core.islower()
    return is_word and core[0] != "v" and not _HEXADECIMAL.issuperset(core)


def _is_camel(core: str) -> bool:
    return core.casefold() not in _PRODUCTS and _CAMEL.fullmatch(core) is not None


def _spelt_out(word: str) -> list[str]:
    """Split contractions; read 0 as o and the like inside words."""
    if word.isalpha():
        return list(_CONTRACTIONS.get(word, (word,)))
    for sign in ("'", "’"):
        head, found, tail = word.partition(sign)
        if found:
            return _contraction(head, tail)
    if word.isdigit():
        return ["xnumber"]
    # Digits read as letters stand inside a word: `b00k`, but not `sev1`.
    if word.isascii() and word[0].isalpha() and word[-1].isalpha():
        as_letters = word.translate(_LEET)
        return [as_letters] if as_letters.isalpha() else [word]
    return [word]


_LEET = str.maketrans("013457", "oleast")


def _contraction(head: str, tail: str) -> list[str]:
    if tail == "t" and head.endswith("n"):
        return [{"ca": "can", "wo": "will"}.get(head[:-1], head[:-1]), "not"]
    if tail in ("s", "re", "m") and head in (
        "what",
        "where",
        "who",
        "how",
        "that",
        "there",
        "when",
        "it",
        "i",
        "we",
    ):
        return [head, "is"]
    if tail in ("s", "re", "ve", "ll", "d", "m"):
        return [head]
    return [head, tail]


def calmed(word: str) -> str:
    """`pleaseee` is `please`."""
    return _STRESS.sub(r"\1", word) if len(word) > 4 else word
