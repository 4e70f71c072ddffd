"""The part of JQL that is imitated: clauses with AND, OR, NOT and parentheses, and ORDER BY.

Source: https://support.atlassian.com/jira-software-cloud/docs/jql-fields/
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from oblivion_sandbox.jira.dialect import refusal
from oblivion_sandbox.vendor.wire import Refusal

_TOKEN = re.compile(
    r"\s*(?:(?P<quoted>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')|(?P<sign>!=|!~|<=|>=|[=~<>(),])"
    r"|(?P<word>[^\s=~!<>(),\"']+))"
)
_RESERVED = frozenset({"and", "or", "not", "in", "is", "order", "by", "asc", "desc"})
_FIELDS = """
project key issuekey status statuscategory assignee reporter summary description text comment labels issuetype
type priority created updated resolution
"""
FIELDS = frozenset(_FIELDS.split())

Facts = Callable[[str], list[str]]
"""What an issue has in a field: its values, in small letters."""
Test = Callable[[Facts], bool]


@dataclass
class Query:
    """A parsed query."""

    test: Test
    is_bounded: bool
    order: list[tuple[str, bool]] = field(default_factory=list[tuple[str, bool]])
    """Fields to sort by, and whether descending."""


@dataclass(frozen=True)
class _Token:
    text: str
    quoted: bool

    @property
    def word(self) -> str:
        return "" if self.quoted else self.text.lower()


def parse(jql: str) -> Query:
    """Read a query.

    Raises:
        Refusal: 400 with what is wrong, as Jira words it.
    """
    return _Parser(_tokens(jql)).query()


def _error(detail: str) -> Refusal:
    return refusal(400, f"Error in the JQL Query: {detail}")


def _tokens(jql: str) -> list[_Token]:
    found: list[_Token] = []
    at = 0
    text = jql.strip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _error(f"The character '{text[at]}' is a reserved JQL character.")
        quoted = match["quoted"]
        plain = re.sub(r"\\(.)", r"\1", quoted[1:-1]) if quoted else (match["sign"] or match["word"])
        found.append(_Token(plain, bool(quoted)))
        at = match.end()
    return found


class _Parser:
    """Recursive descent over the tokens."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0

    def query(self) -> Query:
        has_clause = bool(self._tokens) and self._tokens[0].word != "order"
        test: Test = self._any() if has_clause else (lambda _facts: True)
        order = self._order() if self._take("order") else []
        if self._at < len(self._tokens):
            raise _error(f"Expecting either 'OR' or 'AND' but got '{self._tokens[self._at].text}'.")
        return Query(test, has_clause, order)

    def _any(self) -> Test:
        tests = [self._every()]
        while self._take("or"):
            tests.append(self._every())
        return lambda facts: any(test(facts) for test in tests)

    def _every(self) -> Test:
        tests = [self._one()]
        while self._take("and"):
            tests.append(self._one())
        return lambda facts: all(test(facts) for test in tests)

    def _one(self) -> Test:
        if self._take("not"):
            inner = self._one()
            return lambda facts: not inner(facts)
        if self._take("("):
            inner = self._any()
            self._need(")")
            return inner
        return self._clause()

    def _clause(self) -> Test:
        name = self._field()
        operator = self._next("an operator").word
        if operator == "not":
            self._need("in")
            operator = "not in"
        if operator == "is":
            return self._emptiness(name)
        if operator in ("in", "not in"):
            wanted = self._several()
            inside: Test = lambda facts: bool(set(facts(name)) & set(wanted))  # noqa: E731
            return inside if operator == "in" else (lambda facts: not inside(facts))
        return _comparison(name, operator, self._value())

    def _emptiness(self, name: str) -> Test:
        negated = self._take("not")
        if self._next("EMPTY").word not in ("empty", "null"):
            raise _error("The operator 'is' needs EMPTY.")
        return lambda facts: bool(facts(name)) is negated

    def _several(self) -> list[str]:
        self._need("(")
        values = [self._value()]
        while self._take(","):
            values.append(self._value())
        self._need(")")
        return values

    def _order(self) -> list[tuple[str, bool]]:
        self._need("by")
        order: list[tuple[str, bool]] = []
        while True:
            name = self._field()
            descending = self._take("desc")
            if not descending:
                self._take("asc")
            order.append((name, descending))
            if not self._take(","):
                return order

    def _field(self) -> str:
        name = self._next("a field name").text.lower()
        if name not in FIELDS:
            raise _error(f"Field '{name[:60]}' does not exist or you do not have permission to view it.")
        return {"issuekey": "key", "type": "issuetype"}.get(name, name)

    def _value(self) -> str:
        token = self._next("a value")
        if token.word in _RESERVED:
            raise _error(f"'{token.text}' is a reserved JQL word. Surround it in quotation marks to use it.")
        if self._take("("):  # A function: currentUser() and such.
            self._need(")")
            return f"{token.text.lower()}()"
        return token.text.lower()

    def _next(self, wanted: str) -> _Token:
        if self._at >= len(self._tokens):
            raise _error(f"Expecting {wanted} before the end of the query.")
        self._at += 1
        return self._tokens[self._at - 1]

    def _take(self, word: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at].word == word:
            self._at += 1
            return True
        return False

    def _need(self, word: str) -> None:
        if not self._take(word):
            raise _error(f"Expecting '{word}'.")


def _comparison(name: str, operator: str, wanted: str) -> Test:
    words = re.findall(r"\w+", wanted)
    tests: dict[str, Test] = {
        "=": lambda facts: wanted in facts(name),
        "!=": lambda facts: wanted not in facts(name),
        "~": lambda facts: _holds(facts(name), words),
        "!~": lambda facts: not _holds(facts(name), words),
        ">=": lambda facts: any(value[: len(wanted)] >= wanted for value in facts(name)),
        "<=": lambda facts: any(value[: len(wanted)] <= wanted for value in facts(name)),
        ">": lambda facts: any(value[: len(wanted)] > wanted for value in facts(name)),
        "<": lambda facts: any(value[: len(wanted)] < wanted for value in facts(name)),
    }
    if operator not in tests:
        raise _error(f"Expecting operator but got '{operator[:20]}'.")
    return tests[operator]


def _holds(values: list[str], words: list[str]) -> bool:
    there = set(re.findall(r"\w+", " ".join(values)))
    return bool(words) and all(any(word.startswith(wanted) for word in there) for wanted in words)
