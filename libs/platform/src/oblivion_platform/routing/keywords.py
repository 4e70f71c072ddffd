"""Keywords of all agents, found in one pass: the time grows with what is read, not with how many there are.

Letters are folded and widths normalised; a keyword counts only as whole words, but in scripts that write
without spaces it counts wherever it stands.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ahocorasick_rs import AhoCorasick, MatchKind

from oblivion_platform.routing.text import read

MOST_MATCHES = 16
"""More than these change no decision."""
_CJK_FROM = "\u2e80"


@dataclass(frozen=True, slots=True)
class KeywordHit:
    """One keyword found."""

    keyword: str
    agents: tuple[str, ...]
    start: int
    """Characters from the beginning of what was read."""


class KeywordIndex:
    """Compiled once for a registry."""

    def __init__(self, keywords: Mapping[str, Iterable[str]]) -> None:
        owners: dict[str, list[str]] = {}
        for agent, words in keywords.items():
            for word in words:
                folded = read(word).plain.strip()
                if folded and agent not in owners.setdefault(folded, []):
                    owners[folded].append(agent)
        self.keywords = tuple(owners)
        self._owners = [tuple(agents) for agents in owners.values()]
        self._automaton = AhoCorasick(self.keywords, matchkind=MatchKind.LeftmostLongest)

    def __len__(self) -> int:
        return len(self.keywords)

    def find(self, plain: str) -> list[KeywordHit]:
        """The hits in a text that `read` made plain, in the order of the text; at most MOST_MATCHES."""
        hits: list[KeywordHit] = []
        for number, start, end in self._automaton.find_matches_as_indexes(plain):
            if _stands_alone(plain, start, end):
                hits.append(KeywordHit(self.keywords[number], self._owners[number], start))
                if len(hits) == MOST_MATCHES:
                    break
        return hits


def _stands_alone(plain: str, start: int, end: int) -> bool:
    before = plain[start - 1] if start else " "
    after = plain[end] if end < len(plain) else " "
    return not (_joins(before, plain[start]) or _joins(plain[end - 1], after))


def _joins(left: str, right: str) -> bool:
    """Whether the two letters belong to one word."""
    return left.isalnum() and right.isalnum() and left < _CJK_FROM and right < _CJK_FROM
