"""Why the fast path chose an agent, in a sentence for people.

It quotes keywords and examples of the registry, and words of the lexicon that the message holds. Whatever
else a message says stands in no reason, since reasons are kept with their decisions.
"""

from collections.abc import Sequence

from oblivion_platform.routing.examples import Likeness
from oblivion_platform.routing.features import Spoken, meant
from oblivion_platform.routing.prior import Prior

LIKE_FROM = 0.35
"""Less than that is like everything."""
_POINTS_FROM = 0.3
_WORDS_MAX = 3
_EXAMPLE_MAX = 100


def reason(agent: str, heard: Spoken, keywords: Sequence[str], like: Likeness | None, known: Prior) -> str:
    """What of the message spoke for the agent."""
    parts: list[str] = []
    if keywords:
        kind = "a keyword" if len(keywords[:_WORDS_MAX]) == 1 else "keywords"
        parts.append(f"{_listed(keywords[:_WORDS_MAX], 'is', 'are')} {kind} of {agent}.")
    if like is not None and like.score >= LIKE_FROM:
        parts.append(f"It is like an example of {agent}: “{_cut(like.example)}”.")
    words = [] if parts else _pointing(agent, heard, known)
    if words:
        parts.append(f"{_listed(words, 'points', 'point')} to {agent}.")
    if not parts:
        parts.append(f"It is like what {agent} is usually asked.")
    return " ".join([*parts, "No model was asked."])


def _pointing(agent: str, heard: Spoken, known: Prior) -> list[str]:
    """Words of the lexicon that say the most for the agent, in the message's order."""
    weights: dict[str, float] = {}
    for words, concept in meant(heard.wish):
        # What stands there otherwise is a mark for a key, a number or a file.
        if words in heard.reading.plain:
            weights[words] = max(weights.get(words, 0.0), known.points_to(agent, f"W:{concept}"))
    most = sorted(weights, key=lambda each: -weights[each])[:_WORDS_MAX]
    return [words for words, weight in weights.items() if words in most and weight >= _POINTS_FROM]


def _listed(words: Sequence[str], one: str, many: str) -> str:
    *others, last = (f"“{word}”" for word in words)
    return f"{', '.join(others)} and {last} {many}" if others else f"{last} {one}"


def _cut(example: str) -> str:
    said = " ".join(example.split())
    return said if len(said) <= _EXAMPLE_MAX else f"{said[: _EXAMPLE_MAX - 1].rstrip()}…"
