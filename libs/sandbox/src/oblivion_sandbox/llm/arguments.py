"""Arguments for a tool, filled from the words of a request by the names and types of its schema."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

from oblivion_sandbox.llm.words import overlap, shortened, stems
from oblivion_sandbox.store import Json

_QUOTED = re.compile(r"[\"“”«»„]([^\"“”«»„]{1,2000})[\"“”«»„]|(?<!\w)'([^'\n]{2,2000})'(?!\w)|`([^`\n]+)`")
_REPO = re.compile(r"(?<![\w./-])([A-Za-z0-9][\w-]*)/([A-Za-z0-9][\w.-]*)(?![\w/])")
_PATH = re.compile(r"(?<![\w/])((?:[\w.-]+/)*[\w-]+\.[A-Za-z][A-Za-z0-9]{0,5})(?![\w/])")
_URL = re.compile(r"https?://[^\s<>|\"']+")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2})?(?:Z|[+-]\d{2}:\d{2})?)?")
_NUMBER = re.compile(r"(?<![\w.-])#?(\d{1,9})(?![\w-])")
_CHANNEL = re.compile(r"(?<!\w)#([a-z0-9][\w-]*)")
_NAMED = re.compile(r"\b(?:titled|called|named|title|name)\s+(.{2,80}?)(?:[.,;\n]|$)", re.I)
_SEARCH = re.compile(r"\b(?:for|about|on|mentioning|containing)\s+(.{2,120}?)(?:[.?!;\n]|$)", re.I)
_WHEN = re.compile(
    r"\b(?:today|tomorrow|tonight|(?:next |this )?(?:week|month|monday|tuesday|wednesday|thursday|friday))\b",
    re.I,
)
_TITLES = frozenset({"title", "name", "summary", "subject"})
_BODIES = frozenset({"body", "content", "description", "text", "comment", "message", "markdown"})
_QUERIES = frozenset({"query", "q", "search", "keyword", "keywords", "term", "question"})
_DATES = frozenset({"date", "time", "start", "end", "due", "when", "from", "until", "day"})


def fill(schema: Json, request: str) -> Json:
    """The arguments that a request gives, and something of the right type for every required one."""
    hints = _Hints(request, schema)
    arguments: Json = {}
    required = _strings(schema.get("required"))
    for name, given in _objects(schema.get("properties")).items():
        kind = resolved(given, schema)
        value = hints.value(name, kind)
        if value is None and name in required:
            value = hints.placeholder(name, kind)
        if value is not None:
            arguments[name] = value
    return arguments


def resolved(kind: Json, root: Json) -> Json:
    """A property without references and alternatives: the first alternative that is not null."""
    if isinstance(reference := kind.get("$ref"), str):
        found = _objects(root.get("$defs")).get(reference.rpartition("/")[2], {})
        return resolved(found, root)
    for word in ("anyOf", "oneOf", "allOf"):
        options = [
            option for option in cast("list[Json]", kind.get(word) or []) if option.get("type") != "null"
        ]
        if options:
            return resolved(options[0], root) | {
                key: kind[key] for key in ("default", "description") if key in kind
            }
    return kind


@dataclass(frozen=True)
class _Hints:
    """What a request says, sorted by what it could be used for."""

    text: str
    schema: Json

    @cached_property
    def quoted(self) -> list[str]:
        return [next(part for part in match if part) for match in _QUOTED.findall(self.text)]

    @cached_property
    def repo(self) -> tuple[str, str] | None:
        found = _REPO.search(_URL.sub(" ", self.text))
        return (found[1], found[2].rstrip(".")) if found else None

    def value(self, name: str, kind: Json) -> Any:
        """What the request says about this argument; None when it says nothing."""
        if kind.get("enum"):
            return self._enum(cast("list[Any]", kind["enum"]))
        match kind.get("type"):
            case "integer" | "number":
                return self._number(name)
            case "boolean" | "null":
                return None
            case "array":
                return self._array(name, kind)
            case "object":
                return None
            case _:
                return self._text(name)

    def placeholder(self, name: str, kind: Json) -> Any:
        """Something of the right type for what must be there and was not said."""
        if "default" in kind:
            return kind["default"]
        if kind.get("enum"):
            return cast("list[Any]", kind["enum"])[0]
        simple: Json = {"integer": 1, "number": 1, "boolean": False, "null": None}
        if kind.get("type") in simple:
            return simple[str(kind["type"])]
        if kind.get("type") == "array":
            return []
        if kind.get("type") == "object":
            return fill({"$defs": self.schema.get("$defs", {}), **kind}, self.text)
        return self.subject if _parts(name) & (_TITLES | _QUERIES) else shortened(self.text, 400)

    @cached_property
    def subject(self) -> str:
        """What the request is about, when nothing names it."""
        if self.quoted:
            return self.quoted[0]
        for pattern in (_NAMED, _SEARCH):
            if found := pattern.search(self.text):
                return found[1].strip()
        return shortened(self.text, 80)

    def _enum(self, options: list[Any]) -> Any:
        asked = stems(self.text)
        return next((option for option in options if overlap(stems(str(option)), asked)), None)

    def _number(self, name: str) -> int | None:
        if _parts(name) & {"limit", "page", "size", "max", "perpage", "per"}:
            return None
        found = _NUMBER.search(self.text)
        return int(found[1]) if found else None

    def _array(self, name: str, kind: Json) -> list[Any] | None:
        if resolved(cast("Json", kind.get("items") or {}), self.schema).get("type", "string") != "string":
            return None
        if "@" in self.text and _parts(name) & {"attendees", "emails", "guests", "invitees"}:
            return _EMAIL.findall(self.text)
        return None

    def _text(self, name: str) -> str | None:
        parts = _parts(name)
        if parts & {"owner", "org", "organization"} and self.repo:
            return self.repo[0]
        if parts & {"repo", "repository"} and self.repo:
            alone = not any(
                _parts(other) & {"owner", "org"} for other in _objects(self.schema.get("properties"))
            )
            return "/".join(self.repo) if alone else self.repo[1]
        if parts & {"path", "file", "filename"}:
            return self._path()
        for words, pattern in (({"url", "link"}, _URL), ({"email"}, _EMAIL), ({"channel"}, _CHANNEL)):
            if parts & words and (found := pattern.search(self.text)):
                return found[found.re.groups]
        if parts & _DATES:
            found = _DATE.search(self.text) or _WHEN.search(self.text)
            return found[0] if found else None
        if parts & (_TITLES | _QUERIES):
            return self.subject
        return self._body() if parts & _BODIES else self._identifier(parts)

    def _path(self) -> str | None:
        repo = f"{'/'.join(self.repo)}" if self.repo else ""
        found = _PATH.search(self.text.replace(repo, " ") if repo else self.text)
        if found:
            return found[1]
        return "README.md" if re.search(r"\breadme\b", self.text, re.I) else None

    def _body(self) -> str:
        has_title = any(_parts(name) & _TITLES for name in _objects(self.schema.get("properties")))
        place = 1 if has_title else 0
        return self.quoted[place] if len(self.quoted) > place else self.text.strip()

    def _identifier(self, parts: set[str]) -> str | None:
        """Ids such as ENG-12, numbers, or the words after the argument's own name."""
        if not parts & {"id", "key", "number", "issue", "task", "page", "event"}:
            return None
        found = re.search(r"\b[A-Z][A-Z0-9]+-\d+\b|\b[0-9a-f]{8,}\b|#?\d+", self.text)
        return found[0].removeprefix("#") if found else (self.quoted[0] if self.quoted else None)


def _parts(name: str) -> set[str]:
    return set(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower().replace("-", "_").split("_"))


def _objects(value: object) -> dict[str, Json]:
    return cast("dict[str, Json]", value) if isinstance(value, dict) else {}


def _strings(value: object) -> list[str]:
    return cast("list[str]", value) if isinstance(value, list) else []
