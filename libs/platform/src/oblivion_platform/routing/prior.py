"""What is known of the default squad before a tenant says anything: weights of features.

`prior.tsv` is learnt from phrases by `libs/platform/training`; it holds one feature a line, with a weight for
each agent of its head line. A tenant's own agents need none of it: keywords and examples find them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

SCALE = 100
"""Weights are stored as whole hundredths."""


@dataclass(frozen=True, slots=True)
class Prior:
    """Log-odds up to a constant, by agent."""

    agents: tuple[str, ...]
    weights: Mapping[str, tuple[int, ...]]
    known_words: frozenset[str]
    """Common words, which are spelt right even if they look like another."""

    def scores(self, features: Iterable[str]) -> dict[str, float]:
        """One score for each agent the prior knows."""
        known = [row for feature in dict.fromkeys(features) if (row := self.weights.get(feature)) is not None]
        return {
            agent: sum(column) / SCALE
            for agent, column in zip(self.agents, zip(*known, strict=True), strict=True)
        }

    def points_to(self, agent: str, feature: str) -> float:
        """How much more a feature says of this agent than of the others on average; 0 for what is unknown."""
        row = self.weights.get(feature)
        if row is None or agent not in self.agents:
            return 0.0
        return (row[self.agents.index(agent)] - sum(row) / len(row)) / SCALE


@cache
def prior() -> Prior:
    """The prior of the default squad, read once a process."""
    folder = files("oblivion_platform.routing")
    lines = (folder / "prior.tsv").read_text("utf-8").splitlines()
    weights: dict[str, tuple[int, ...]] = {}
    for line in lines[1:]:
        name, _, numbers = line.partition("\t")
        weights[name] = tuple(map(int, numbers.split(" ")))
    words = frozenset((folder / "words.txt").read_text("utf-8").split())
    return Prior(tuple(lines[0].split("\t")), weights, words)
