"""Words by what they mean for a route: `lexicon.yaml`, compiled once a process.

Gives each token its concepts, and the nearest known word to one that is mistyped.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

import yaml
from ahocorasick_rs import AhoCorasick, MatchKind

from oblivion_platform.routing.text import words_of

LONGEST_PHRASE = 6
MOST_CORRECTIONS = 8
"""A message with more unknown words than this is not English with typing errors."""
_SHORTEST_CORRECTED = 4
_CJK_FROM = "\u2e80"
_VOWELS = "aeiou"
_DOUBLED = "bdgmnprt"

Concepts = tuple[str, ...]


@dataclass(slots=True)
class Lexicon:
    """Look-ups only; nothing here scans."""

    words: dict[str, Concepts] = field(default_factory=dict[str, Concepts])
    phrases: dict[str, list[tuple[tuple[str, ...], Concepts]]] = field(
        default_factory=dict[str, list[tuple[tuple[str, ...], Concepts]]]
    )
    """By first word, longest first; the tuple holds the words after it."""
    imperatives: set[str] = field(default_factory=set[str])
    """First words of the English verbs, as a wish begins."""
    grammar: dict[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """Words that say how a sentence is put together."""
    _deletions: dict[str, str] = field(default_factory=dict[str, str])
    _signs: list[tuple[str, Concepts]] = field(default_factory=list[tuple[str, Concepts]])
    _automaton: AhoCorasick | None = None

    def within(self, token: str) -> list[tuple[str, str]]:
        """(sign, concept) of a token in a script that writes without spaces."""
        if self._automaton is None:
            return []
        found = self._automaton.find_matches_as_indexes(token)
        return [
            (self._signs[number][0], concept) for number, _, _ in found for concept in self._signs[number][1]
        ]

    def corrected(self, token: str) -> str:
        """The known word that is one typing error away, or the token itself."""
        if len(token) < _SHORTEST_CORRECTED or not token.isalpha():
            return token
        missing = self._deletions.get(token)
        if missing and missing[0] == token[0]:
            return missing
        for shorter in _without_one(token):
            known = shorter if shorter in self.words and len(shorter) > 3 else self._deletions.get(shorter)
            if known and _is_near(token, known):
                return known
        return token


@cache
def lexicon() -> Lexicon:
    """The one lexicon of this process."""
    raw = (files("oblivion_platform.routing") / "lexicon.yaml").read_text("utf-8")
    return _compiled(yaml.load(raw, getattr(yaml, "CSafeLoader", yaml.SafeLoader)))  # noqa: S506 - safe either way


def _compiled(document: dict[str, Any]) -> Lexicon:
    found: dict[tuple[str, ...], list[str]] = {}
    signs: dict[str, list[str]] = {}
    imperatives: set[str] = set()
    for part, inflected in (("verbs", _verb_forms), ("nouns", _noun_forms), ("others", _as_it_is)):
        for concept, entries in document[part].items():
            for entry in map(str, entries):
                if any(letter >= _CJK_FROM for letter in entry):
                    _note(signs, entry.casefold(), concept)
                    continue
                words = words_of(entry)
                if part == "verbs":
                    imperatives.add(words[0])
                for form in inflected(words):
                    _note(found, form, concept)
    grammar = {name: frozenset(words) for name, words in document["grammar"].items()}
    made = Lexicon(imperatives=imperatives, grammar=grammar)
    for form, concepts in found.items():
        if len(form) == 1:
            made.words[form[0]] = tuple(concepts)
        else:
            made.phrases.setdefault(form[0], []).append((form[1:], tuple(concepts)))
    for tails in made.phrases.values():
        tails.sort(key=lambda tail: -len(tail[0]))
    made._signs = [(sign, tuple(concepts)) for sign, concepts in signs.items()]  # pyright: ignore[reportPrivateUsage]
    made._automaton = AhoCorasick(list(signs), matchkind=MatchKind.LeftmostLongest)  # pyright: ignore[reportPrivateUsage]
    made._deletions = _deletions(made.words)  # pyright: ignore[reportPrivateUsage]
    return made


def _note(into: dict[Any, list[str]], form: object, concept: str) -> None:
    concepts = into.setdefault(form, [])
    if concept not in concepts:
        concepts.append(concept)


def _as_it_is(words: list[str]) -> Iterator[tuple[str, ...]]:
    yield tuple(words)


def _noun_forms(words: list[str]) -> Iterator[tuple[str, ...]]:
    yield tuple(words)
    last = words[-1]
    if last.endswith("y") and last[-2:-1] not in _VOWELS:
        yield (*words[:-1], f"{last[:-1]}ies")
    elif last.endswith(("s", "x", "ch", "sh")):
        yield (*words[:-1], f"{last}es")
    else:
        yield (*words[:-1], f"{last}s")


def _verb_forms(words: list[str]) -> Iterator[tuple[str, ...]]:
    """The first word bends: `sum up`, `sums up`, `summed up`, `summing up`."""
    verb, rest = words[0], tuple(words[1:])
    yield (verb, *rest)
    if verb.endswith("e"):
        endings = (f"{verb}s", f"{verb}d", f"{verb[:-1]}ing")
    elif verb.endswith("y") and verb[-2:-1] not in _VOWELS:
        endings = (f"{verb[:-1]}ies", f"{verb[:-1]}ied", f"{verb}ing")
    elif len(verb) < 6 and verb[-1] in _DOUBLED and verb[-2] in _VOWELS and verb[-3:-2] not in _VOWELS:
        endings = (f"{verb}s", f"{verb}{verb[-1]}ed", f"{verb}{verb[-1]}ing")
    else:
        endings = (
            f"{verb}es" if verb.endswith(("s", "x", "ch", "sh")) else f"{verb}s",
            f"{verb}ed",
            f"{verb}ing",
        )
    for form in endings:
        yield (form, *rest)


def _deletions(words: Iterable[str]) -> dict[str, str]:
    """Each known word with one letter left out, to the word; the commonest shape of a typing error."""
    made: dict[str, str] = {}
    known = [word for word in words if len(word) > _SHORTEST_CORRECTED and word.isalpha() and word.isascii()]
    for word in known:
        for shorter in _without_one(word):
            made.setdefault(shorter, word)
    return {shorter: word for shorter, word in made.items() if shorter not in words}


def _without_one(word: str) -> Iterator[str]:
    for at in range(min(len(word), 16)):
        yield word[:at] + word[at + 1 :]


def _is_near(token: str, known: str) -> bool:
    """One letter too many, one exchanged, or two swapped; the first letter is seldom wrong."""
    if abs(len(token) - len(known)) > 1:
        return False
    return token[0] == known[0] or token[:2] == known[1::-1]
