"""What a message asks for first, apart from what it tells and what it asks for later.

Order in time beats order in the text: "do A, but first B" asks for B first. Telling ("it crashes since
yesterday") stays as context; reading a source ("read the page and tell me ..") is no wish of its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from oblivion_platform.routing.lexicon import Lexicon, lexicon
from oblivion_platform.routing.text import Clause, Reading

MOST_TOKENS = 100

_GRAMMAR = lexicon().grammar
_THEN, _FIRST, _AND, _JOINING = (_GRAMMAR[name] for name in ("THEN", "FIRST", "AND", "JOINING"))
_SKIPPED = _GRAMMAR["FILLERS"] | _GRAMMAR["ARTICLES"] | _GRAMMAR["OPENERS"] | _FIRST | _THEN
_QUESTION, _READS, _SELDOM_VERBS = (_GRAMMAR[name] for name in ("QUESTION", "READS", "SELDOM_VERBS"))
_SUBJECTS, _POLITE, _DONE = _GRAMMAR["SUBJECTS"], _GRAMMAR["POLITE"], _GRAMMAR["DONE"]
_THAT = frozenset({"that", "this"})
_NEGATIONS, _AUXILIARIES = _GRAMMAR["NEGATIONS"], frozenset({"do", "does", "did"})
_COURTESIES = frozenset({"GREET", "THANK"})
_NOUNS_THAT_ASK = frozenset({"SUMMARISE", "REMIND"})
"""Of "tl;dr please" and "reminder: …" the noun is the wish."""
_POLITE_CONCEPTS = frozenset({"PLEASE", "ASK"})
_BUT = frozenset({"but", "aber"})
_CJK_FROM = "\u2e80"


@dataclass(slots=True)
class Unit:
    """A piece of a clause with at most one verb that asks."""

    tokens: list[str]
    ends: str = ""
    opens: str = ""
    """`then`, `and`, `but`, `first`, `before` or `after`: how it hangs on what stood before it."""
    is_item: bool = False
    is_cited: bool = False
    asks: bool = False
    is_first: bool = False


@dataclass(slots=True)
class Wish:
    """The first wish and what is told around it."""

    tokens: list[str]
    context: list[str]
    is_question: bool
    is_asked: bool
    """Whether anything asks at all; otherwise `tokens` is everything."""


def first_wish(reading: Reading, words: Lexicon) -> Wish:
    """Never empty-handed: where nothing asks, everything counts as the wish."""
    units = _judged(_units(reading, words), words)
    asking = [unit for unit in units if unit.asks]
    if not asking:
        own = [token for unit in units if not unit.is_cited for token in unit.tokens]
        cited = [token for unit in units if unit.is_cited for token in unit.tokens]
        is_question = any(unit.ends == "?" for unit in units)
        return Wish(own or cited, cited if own else [], is_question, is_asked=False)
    chosen = _chosen(asking)
    context = [token for unit in units if not unit.asks for token in unit.tokens]
    is_question = chosen.ends == "?" or _opens_question(chosen)
    return Wish(chosen.tokens, context, is_question, is_asked=True)


def bare(tokens: list[str]) -> list[str]:
    """Without the words before the verb that only make it polite."""
    return tokens[politeness(tokens) :]


def politeness(tokens: list[str]) -> int:
    """How many words before the verb only make it polite; 0 when nothing else would be left."""
    return next((at for at, word in enumerate(tokens) if word not in _SKIPPED), 0)


def _chosen(asking: list[Unit]) -> Unit:
    for unit in asking:
        if unit.is_first:
            return unit
    earlier = [unit for unit in asking if unit.opens == "after"]
    if earlier:
        return earlier[0]
    timely = [unit for unit in asking if unit.opens != "before"] or asking
    if len(timely) > 1 and _only_reads(timely[0]) and not timely[1].is_item:
        # "Read the page and tell me": the source is no wish; it stays as words of the second.
        timely[1].tokens = [*timely[1].tokens, *timely[0].tokens]
        return timely[1]
    return timely[0]


def _only_reads(unit: Unit) -> bool:
    lead = bare(unit.tokens)
    return bool(lead) and lead[0] in _READS and unit.ends != "?"


def _opens_question(unit: Unit) -> bool:
    lead = bare(unit.tokens)
    return bool(lead) and lead[0] in _QUESTION


def _judged(units: list[Unit], words: Lexicon) -> list[Unit]:
    for unit in units:
        unit.is_first = unit.is_first or _says_first(unit)
        unit.asks = not unit.is_cited and _asks(unit, words)
    items = [unit for unit in units if unit.is_item]
    if any(unit.asks for unit in items) and not any(unit.asks for unit in units if not unit.is_item):
        # A list of wishes: "new row in the tracker" asks as much as the line after it.
        for unit in items:
            unit.asks = True
    return units


def _says_first(unit: Unit) -> bool:
    tokens = unit.tokens
    begins = [token for token in tokens[:4] if token in _FIRST or token[:2] in _FIRST]
    ends = len(tokens) > 2 and tokens[-1] in _FIRST
    is_adjective = len(tokens) > 1 and tokens[0] == "the"
    return bool(begins or ends) and not is_adjective


def _asks(unit: Unit, words: Lexicon) -> bool:
    begin = politeness(unit.tokens)
    lead = unit.tokens[begin:]
    if not lead or (begin == 0 and lead[0] in _SKIPPED):
        return False
    meant = _lead_concepts(lead, words)
    if not _COURTESIES.isdisjoint(meant):
        return False
    if not _NOUNS_THAT_ASK.isdisjoint(meant):
        return True
    if unit.opens == "after":
        return True
    if _is_negated(lead):
        return False
    # "I'm stuck" is told, "am I free" is asked.
    is_told = begin > 0 and unit.tokens[begin - 1] in _SUBJECTS
    if unit.ends == "?" or (lead[0] in _QUESTION and not is_told):
        return True
    if lead[0] in words.imperatives and not (lead[0] in _SELDOM_VERBS and lead is unit.tokens):
        return True
    return any(_is_polite(word, words) for word in unit.tokens)


def _lead_concepts(lead: list[str], words: Lexicon) -> tuple[str, ...]:
    """What the beginning means; of a phrase such as "how are you" as a whole."""
    phrases = words.phrases.get(lead[0], ())
    found = next((concepts for tail, concepts in phrases if tuple(lead[1 : 1 + len(tail)]) == tail), None)
    return words.words.get(lead[0], ()) if found is None else found


def _is_negated(lead: list[str]) -> bool:
    """Begins with what is not wanted: "don't open a ticket", "no need to merge"."""
    return lead[0] in _NEGATIONS or (lead[0] in _AUXILIARIES and lead[1:2] == ["not"])


def _is_polite(word: str, words: Lexicon) -> bool:
    if word >= _CJK_FROM:
        return any(concept in _POLITE_CONCEPTS for _, concept in words.within(word))
    return word in _POLITE


def _units(reading: Reading, words: Lexicon) -> list[Unit]:
    units: list[Unit] = []
    budget = MOST_TOKENS
    for clause in reading.clauses:
        clause.tokens = clause.tokens[:budget]
        budget -= len(clause.tokens)
        units += _split(clause, words)
        if budget <= 0:
            break
    return _joined(units, words)


def _split(clause: Clause, words: Lexicon) -> Iterator[Unit]:
    start, opens = 0, ""
    for at in range(len(clause.tokens)):
        new = _opening(clause.tokens, at, words)
        if new is not None:
            if at > start:
                yield _unit(clause, start, at, opens)
            start, opens = at + _OPENING_WORDS[new], new
    if start < len(clause.tokens):
        yield _unit(clause, start, len(clause.tokens), opens)


def _unit(clause: Clause, start: int, end: int, opens: str) -> Unit:
    tokens = clause.tokens[start:end]
    if opens == "after":
        # "you have merged it" asks for merging.
        tokens = tokens[next((at for at, word in enumerate(tokens) if word not in _DONE), 0) :]
    ends = clause.ends if end == len(clause.tokens) else ""
    return Unit(tokens, ends, opens, clause.is_item, clause.is_cited, is_first=opens == "first")


_OPENING_WORDS = {"but": 1, "then": 1, "and": 1, "first": 2, "before": 2, "after": 2}
"""How many words the opening itself takes."""


def _opening(tokens: list[str], at: int, words: Lexicon) -> str | None:
    """How the word at `at` opens a new unit, if it does."""
    word = tokens[at]
    following = tokens[at + 1] if at + 1 < len(tokens) else ""
    if not following:
        return None
    if word in _BUT:
        return "but"
    if word in _THEN:
        return "then"
    if word in _AND:
        is_verb = following in words.imperatives or following in _THEN or following in _FIRST
        return "and" if at and is_verb else None
    return _in_time(word, following)


def _in_time(word: str, following: str) -> str | None:
    if word == "before":
        if following in _THAT:
            return "first"
        return "before" if following in _SUBJECTS or following.endswith("ing") else None
    return "after" if word in _JOINING and following in _SUBJECTS - {"i", "we"} else None


def _joined(units: list[Unit], words: Lexicon) -> list[Unit]:
    """A piece after a comma that opens nothing belongs to the piece before it: "on Monday, Lena and me"."""
    made: list[Unit] = []
    for unit in units:
        if made and made[-1].ends == "," and not unit.is_item and not _begins_anew(unit, made[-1], words):
            made[-1].tokens = [*made[-1].tokens, *unit.tokens]
            made[-1].ends = unit.ends
        else:
            made.append(unit)
    return made


def _begins_anew(unit: Unit, last: Unit, words: Lexicon) -> bool:
    if unit.opens or unit.is_cited != last.is_cited:
        return True
    return _asks(Unit(unit.tokens, ""), words) or _says_first(unit)
