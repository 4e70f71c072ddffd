"""What is known of the default squad before a tenant says anything: weights of features.

`prior.tsv` is learnt from phrases by `libs/platform/training`; it holds one feature or word a line, with a
weight for each agent of its head line. A tenant's own agents need none: keywords and examples find them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

SCALE = 100
"""Weights are stored as whole hundredths."""
_WORD = "e:"


@dataclass(frozen=True, slots=True)
class Prior:
    """Log-odds up to a constant, by agent."""

    agents: tuple[str, ...]
    weights: Mapping[str, tuple[int, ...]]
    known_words: frozenset[str]
    """Words that are spelt right."""

    def scores(self, features: Iterable[str], wish: Sequence[str], around: Sequence[str]) -> dict[str, float]:
        """One score for each agent the prior knows."""
        width = len(self.agents)
        totals = [0.0] * width
        for feature in features:
            row = self.weights.get(feature)
            if row is not None:
                for at in range(width):
                    totals[at] += row[at]
        for zone, words in ((0, wish), (1, around)):
            for at, value in enumerate(self._meaning(zone, words)):
                totals[at] += value
        return {agent: totals[at] / SCALE for at, agent in enumerate(self.agents)}

    def _meaning(self, zone: int, words: Sequence[str]) -> list[float]:
        """The mean over the words: what the neighbourhood of their meaning speaks for."""
        width = len(self.agents)
        totals, count = [0.0] * width, 0
        for word in words:
            row = self.weights.get(f"{_WORD}{word}")
            if row is not None:
                count += 1
                for at in range(width):
                    totals[at] += row[zone * width + at]
        return [total / count for total in totals] if count else totals


@cache
def prior() -> Prior:
    """The prior of the default squad, read once a process."""
    lines = (files("oblivion_platform.routing") / "prior.tsv").read_text("utf-8").splitlines()
    weights: dict[str, tuple[int, ...]] = {}
    for line in lines[1:]:
        name, _, numbers = line.partition("\t")
        weights[name] = tuple(map(int, numbers.split(" ")))
    words = frozenset(name[len(_WORD) :] for name in weights if name.startswith(_WORD))
    return Prior(tuple(lines[0].split("\t")), weights, words)
