"""A message as the features that the weights know: words, what they mean, where they stand.

`l:` the verb that leads the wish, `h:` its head ("book a room" of "book a room for the review"), `p:` what
a preposition points at, `w:` a word of the wish, `t:` a word anywhere; capitals are concepts of the lexicon,
`+` joins two. Words that are negated ("no ticket needed") do not count.
"""

from dataclasses import dataclass
from itertools import pairwise

from oblivion_platform.routing.lexicon import LONGEST_PHRASE, MOST_CORRECTIONS, Lexicon, lexicon
from oblivion_platform.routing.text import Reading, calmed, read
from oblivion_platform.routing.wish import first_wish, politeness

_CJK_FROM = "\u2e80"
_NEGATIONS, _NEGATED_VERBS = lexicon().grammar["NEGATIONS"], lexicon().grammar["NEGATED_VERBS"]
_BARE_NEGATIONS = frozenset({"not", "nicht", "pas"})
_INSTEAD = frozenset({"instead", "rather"})
_TOPIC, _PLACE = lexicon().grammar["TOPIC"], lexicon().grammar["PLACE"]
_ABOUT, _TOPICAL, _OURS = (lexicon().grammar[name] for name in ("ABOUT", "TOPICAL", "OURS"))
_TOPICAL_HEADS = frozenset({"TICKET", "STORY", "MEETING", "REMIND"})
"""What follows these after a preposition is their topic: "a ticket for the wrong totals"."""
_REACH = 4
"""So many words after a preposition it may point at something."""
_POINTING = 4
"""A wish of so few words points at what was told: "log it please"."""
_UNSAID = 3
"""So many words after a negation do not count."""
MOST_WORDS = 50


@dataclass(slots=True)
class Spoken:
    """A message as the weights and the examples take it."""

    features: list[str]
    wish: list[str]
    """Corrected words of the first wish."""
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
    told = _topic_from(tokens, inside)
    topic = [concept for at, concept in inside if at >= told]
    tokens, beyond = tokens[:told], tokens[told:]
    inside = [each for each in inside if each[0] < told]
    found += _lead(tokens, inside, is_question=wish.is_question)
    found += _head(tokens, inside)
    found += _pointed_at(tokens, inside)
    found += _words("w", tokens)
    found += _words("t", around)
    found += [f"o:{word}" for word in beyond] + [f"O:{concept}" for concept in topic]
    found += _ours(wish.tokens, inside, is_question=wish.is_question)
    found += _meanings(inside, outside)
    found += _leads_to(tokens, inside, outside)
    found += [f"q:{word}" for word in reading.quoted[:12]]
    found += _shape(tokens, reading, asked=wish.is_asked, question=wish.is_question)
    return Spoken(found, tokens + beyond, around, reading)


def meant(tokens: list[str]) -> list[tuple[str, str]]:
    """Words of the lexicon that stand there, each with its concept."""
    found = _Concepts(lexicon()).found(tokens)
    return [(words, concept) for _, words, concepts in found for concept in concepts]


def _correct(reading: Reading, words: Lexicon, known: frozenset[str]) -> None:
    left = MOST_CORRECTIONS
    for clause in reading.clauses:
        for at, token in enumerate(clause.tokens):
            if left and _may_be_mistyped(token, words, known):
                left -= 1
                clause.tokens[at] = words.corrected(calmed(token))


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
        return [(at, concept) for at, _, concepts in self.found(tokens) for concept in concepts]

    def found(self, tokens: list[str]) -> list[tuple[int, str, tuple[str, ...]]]:
        """(position, words, what they mean), in order."""
        found: list[tuple[int, str, tuple[str, ...]]] = []
        covered_to = 0
        for at, token in enumerate(tokens):
            if token >= _CJK_FROM:
                found += [(at, sign, (concept,)) for sign, concept in self._words.within(token)]
                continue
            if at < covered_to:
                continue
            length, concepts = self._phrase(tokens, at) or (1, self._words.words.get(token, ()))
            covered_to = at + length
            found.append((at, " ".join(tokens[at:covered_to]), concepts))
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


def _topic_from(tokens: list[str], inside: list[tuple[int, str]]) -> int:
    """Where the wish turns to what it is about: "set up a call | about the broken build"."""
    begin = politeness(tokens)
    seen = min(
        (at for at, concept in inside if concept in _TOPICAL_HEADS and at >= begin), default=len(tokens)
    )
    for at in range(begin + 1, len(tokens)):
        word = tokens[at]
        if (word in _ABOUT and at > begin + 1) or (word in _TOPICAL and at > seen):
            return at
    return len(tokens)


def _ours(tokens: list[str], inside: list[tuple[int, str]], *, is_question: bool) -> list[str]:
    """Asking about something of one's own is seldom small talk or how-to."""
    kind = "own" if not _OURS.isdisjoint(tokens) else "general"
    begin = politeness(tokens)
    leads = [concept for at, concept in inside if at == begin] or ["-"]
    opening = tokens[begin] if tokens else ""
    found = [f"{kind}^{lead}" for lead in leads] + [f"{kind}^{opening}"]
    return [*found, f"{kind}?"] if is_question else found


def _head(tokens: list[str], inside: list[tuple[int, str]]) -> list[str]:
    """The wish up to where it turns to its topic: "open a ticket" of "open a ticket for the totals"."""
    begin = politeness(tokens)
    end = next((at for at in range(begin + 2, len(tokens)) if tokens[at] in _TOPIC), len(tokens))
    found = [f"h:{word}" for word in tokens[begin:end][:8]]
    return found + [f"h:{concept}" for at, concept in inside if begin <= at < end]


def _pointed_at(tokens: list[str], inside: list[tuple[int, str]]) -> list[str]:
    """`p:in>CALENDAR` for "in the team calendar"."""
    places = [at for at, word in enumerate(tokens) if word in _PLACE][:12]
    begin = politeness(tokens)
    lead = next((concept for at, concept in inside if at == begin), "-")
    near = [
        (tokens[place], concept)
        for place in places
        for at, concept in inside
        if place < at <= place + _REACH and at > begin
    ]
    pairs = list(dict.fromkeys(near))[:16]
    return [f"p:{word}>{concept}" for word, concept in pairs] + [
        f"p:{lead}:{word}>{concept}" for word, concept in pairs
    ]


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


def _leads_to(tokens: list[str], inside: list[tuple[int, str]], outside: list[tuple[int, str]]) -> list[str]:
    """What is told matters most where the wish only points at it: "it crashes on start. please fix that"."""
    begin = politeness(tokens)
    lead = next((concept for at, concept in inside if at == begin), "-")
    told = list(dict.fromkeys(concept for _, concept in outside))[:10]
    found = [f"{lead}&{concept}" for concept in told]
    if len(tokens) - begin <= _POINTING:
        found += [f"a:{concept}" for concept in told]
    return found


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
