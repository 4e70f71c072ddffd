"""A message as the features that the weights know: words, what they mean, where they stand.

`l:` the verb that leads the wish, `w:` a word of the wish, `t:` a word anywhere, capitals are concepts of the
lexicon, `+` joins two. Words that are negated ("no ticket needed") do not count.
"""

from dataclasses import dataclass
from itertools import pairwise

from oblivion_platform.routing.lexicon import LONGEST_PHRASE, MOST_CORRECTIONS, Lexicon, lexicon
from oblivion_platform.routing.text import Reading, read
from oblivion_platform.routing.wish import first_wish, politeness

_CJK_FROM = "\u2e80"
_NEGATIONS, _NEGATED_VERBS = lexicon().grammar["NEGATIONS"], lexicon().grammar["NEGATED_VERBS"]
_BARE_NEGATIONS = frozenset({"not", "nicht", "pas"})
_INSTEAD = frozenset({"instead", "rather"})
_UNSAID = 3
"""So many words after a negation do not count."""
MOST_WORDS = 120


@dataclass(slots=True)
class Spoken:
    """What the weights are applied to."""

    features: list[str]
    wish: list[str]
    """Corrected words of the first wish, for the meaning of words."""
    around: list[str]
    reading: Reading


def spoken(text: str, known: frozenset[str] = frozenset()) -> Spoken:
    """Read `text`; words in `known` are spelt right."""
    words = lexicon()
    reading = read(text)
    _correct(reading, words, known)
    wish = first_wish(reading, words)
    tokens, around = _affirmed(wish.tokens[:MOST_WORDS]), _affirmed(wish.context[:MOST_WORDS])
    found: list[str] = ["bias"]
    concepts = _Concepts(words)
    inside = concepts.of(tokens)
    outside = concepts.of(around)
    found += _lead(tokens, inside, is_question=wish.is_question)
    found += _words("w", tokens)
    found += _words("t", around)
    found += _meanings(inside, outside)
    found += [f"q:{word}" for word in reading.quoted[:12]]
    found += _shape(tokens, reading, asked=wish.is_asked, question=wish.is_question)
    return Spoken(found, tokens, around, reading)


def _correct(reading: Reading, words: Lexicon, known: frozenset[str]) -> None:
    left = MOST_CORRECTIONS
    for clause in reading.clauses:
        for at, token in enumerate(clause.tokens):
            if left and _may_be_mistyped(token, words, known):
                left -= 1
                clause.tokens[at] = words.corrected(token)


def _may_be_mistyped(token: str, words: Lexicon, known: frozenset[str]) -> bool:
    # Marks such as `xkey` begin with an x.
    is_known = token in words.words or token in known
    return not is_known and len(token) > 3 and token[0] != "x" and token < _CJK_FROM


def _affirmed(tokens: list[str]) -> list[str]:
    """Leave out what is negated: "no ticket needed", "don't book", "instead of a page"."""
    kept: list[str] = []
    skip = 0
    for at, word in enumerate(tokens):
        if skip:
            skip -= 1
            continue
        following = tokens[at + 1] if at + 1 < len(tokens) else ""
        if word in _NEGATIONS and following not in ("", "yet", "longer"):
            kept.append("not")
            negates_verb = at > 0 and tokens[at - 1] in _NEGATED_VERBS
            skip = _UNSAID if negates_verb or word not in _BARE_NEGATIONS else 0
        elif word in _INSTEAD and following in ("of", "than"):
            skip = _UNSAID
        else:
            kept.append(word)
    return kept


class _Concepts:
    """Finds concepts in tokens; longest phrases first."""

    def __init__(self, words: Lexicon) -> None:
        self._words = words

    def of(self, tokens: list[str]) -> list[tuple[int, str]]:
        """(position, concept), in order."""
        found: list[tuple[int, str]] = []
        covered_to = 0
        for at, token in enumerate(tokens):
            if token >= _CJK_FROM:
                found += [(at, concept) for _, concept in self._words.within(token)]
                continue
            if at < covered_to:
                continue
            phrase = self._phrase(tokens, at)
            if phrase:
                length, concepts = phrase
                covered_to = at + length
            else:
                concepts = self._words.words.get(token, ())
            found += [(at, concept) for concept in concepts]
        return found

    def _phrase(self, tokens: list[str], at: int) -> tuple[int, tuple[str, ...]] | None:
        tails = self._words.phrases.get(tokens[at])
        if not tails:
            return None
        following = tuple(tokens[at + 1 : at + LONGEST_PHRASE])
        for tail, concepts in tails:
            if following[: len(tail)] == tail:
                return 1 + len(tail), concepts
        return None


def _lead(tokens: list[str], inside: list[tuple[int, str]], *, is_question: bool) -> list[str]:
    if not tokens:
        return []
    kind = "?" if is_question else "!"
    begin = politeness(tokens)
    opening = tokens[begin : begin + 3]
    found = [f"l:{opening[0]}", f"s:{' '.join(opening[:2])}", f"s:{' '.join(opening)}"]
    leads = [concept for at, concept in inside if at == begin] or ["-"]
    nouns = dict.fromkeys(concept for at, concept in inside if at > begin)
    for lead in leads:
        found.append(f"l:{lead}")
        found += [f"{lead}+{noun}" for noun in list(nouns)[:16]]
    found += [f"{kind}{noun}" for noun in list(nouns)[:16]]
    first = next((concept for at, concept in inside if at > begin), "-")
    found.append(f"{leads[0]}>{first}")
    return found


def _words(zone: str, tokens: list[str]) -> list[str]:
    found: list[str] = []
    last = "^"
    for token in tokens:
        if token >= _CJK_FROM:
            found += [f"c:{token[at : at + 2]}" for at in range(min(len(token) - 1, 40))]
        elif zone == "w":
            found += (f"w:{token}", f"t:{token}", f"b:{last} {token}")
            last = token
        else:
            found.append(f"t:{token}")
    return list(dict.fromkeys(found))


def _meanings(inside: list[tuple[int, str]], outside: list[tuple[int, str]]) -> list[str]:
    names = list(dict.fromkeys(concept for _, concept in inside))
    found = [f"W:{name}" for name in names]
    found += [f"T:{name}" for name in dict.fromkeys([*names, *(concept for _, concept in outside)])]
    order = [concept for _, concept in inside][:12]
    found += dict.fromkeys(f"{left}~{right}" for left, right in pairwise(order))
    return found


def _shape(tokens: list[str], reading: Reading, *, asked: bool, question: bool) -> list[str]:
    found = [f"asked:{asked}", f"question:{question}", f"length:{min(len(tokens).bit_length(), 6)}"]
    if reading.quoted:
        found.append("quotes")
    if any(clause.is_cited for clause in reading.clauses):
        found.append("cites")
    if any(token >= _CJK_FROM for token in tokens):
        found.append("cjk")
    return found
