"""How near a message is to an agent's examples: shared words, the rarer the more they say."""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from oblivion_platform.routing.features import spoken

MOST_POSTINGS = 40
"""A word in more examples than this tells none from another."""
MOST_WORDS = 12
"""Of a message, the rarest so many are looked up."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """How like a message is to an agent's nearest example."""

    score: float
    """0 to 1: the cosine over rare words."""
    example: str


class ExampleIndex:
    """Compiled once for a registry; a look-up costs as much as the words of the message."""

    def __init__(self, examples: Mapping[str, Sequence[str]]) -> None:
        self._postings: dict[str, list[tuple[int, float]]] = defaultdict(list)
        self._agents: list[str] = []
        self._texts: list[str] = []
        self._norms: list[float] = []
        bags = [(agent, text, _bag(text)) for agent, texts in examples.items() for text in texts]
        seen = Counter(word for _, _, bag in bags for word in bag)
        self._rarity = {word: math.log(1 + len(bags) / count) for word, count in seen.items()}
        for agent, text, bag in bags:
            self._add(agent, text, bag)
        for word in [word for word, postings in self._postings.items() if len(postings) > MOST_POSTINGS]:
            del self._postings[word]

    def nearest(self, wish: Sequence[str]) -> dict[str, Likeness]:
        """The nearest example of each agent that shares a word."""
        weights = {word: self._rarity.get(word, 3.0) for word in dict.fromkeys(wish)}
        norm = math.sqrt(sum(weight * weight for weight in weights.values())) or 1.0
        dots: dict[int, float] = defaultdict(float)
        for word in sorted(weights, key=lambda each: -weights[each])[:MOST_WORDS]:
            for number, value in self._postings.get(word, ()):
                dots[number] += weights[word] * value
        best: dict[str, Likeness] = {}
        for number, dot in dots.items():
            agent, score = self._agents[number], dot / (norm * self._norms[number])
            if agent not in best or score > best[agent].score:
                best[agent] = Likeness(score, self._texts[number])
        return best

    def _add(self, agent: str, text: str, bag: Sequence[str]) -> None:
        number = len(self._agents)
        self._agents.append(agent)
        self._texts.append(text)
        weights = {word: self._rarity[word] for word in bag}
        self._norms.append(math.sqrt(sum(weight * weight for weight in weights.values())) or 1.0)
        for word, weight in weights.items():
            self._postings[word].append((number, weight))


def _bag(text: str) -> list[str]:
    return list(dict.fromkeys(spoken(text).wish))
