"""The fast path: which agent, which task, how sure; from the text alone.

    router = compile_router(profiles)         # once for a tenant and a change of its registry
    decision = router.decide("move my 3pm to Thursday")

Pure and immutable; safe to share between tasks. A decision costs time in proportion to what is read of the
message, which is bounded, whatever the message is.
"""

import math
from collections.abc import Iterable, Mapping, Sequence

from oblivion_platform.routing.decisions import DEFAULT_TASK, GENERAL, Candidate, Decision, Stage
from oblivion_platform.routing.examples import ExampleIndex
from oblivion_platform.routing.features import Spoken, spoken
from oblivion_platform.routing.keywords import KeywordHit, KeywordIndex
from oblivion_platform.routing.prior import Prior, prior
from oblivion_platform.routing.profiles import AgentProfile, default_squad
from oblivion_platform.routing.reasons import LIKE_FROM, reason
from oblivion_platform.routing.text import words_of

ANSWERS_FROM = 0.80
"""The fast path abstains below this score."""
LEAVES_THREAD_FROM = 0.93
"""So sure of another agent must it be to leave a thread's."""
_NEAR_KEYWORD, _NEAR_PHRASE, _FAR_KEYWORD = 0.88, 0.92, 0.45
_LIKE_SLOPE, _LIKE_MOST = 1.6, 0.97
_CANDIDATES = 5
_CJK_FROM = "\u2e80"
"""Words of these scripts stand inside longer tokens."""


class Router:
    """One registry, compiled."""

    def __init__(self, profiles: Iterable[AgentProfile], known: Prior, answers_from: float) -> None:
        self.profiles: Mapping[str, AgentProfile] = {profile.name: profile for profile in profiles}
        self._prior = known
        self._answers_from = answers_from
        said = {profile.name: _own(profile) for profile in self.profiles.values()}
        self._keywords = KeywordIndex({name: keywords for name, (keywords, _) in said.items()})
        self._examples = ExampleIndex({name: examples for name, (_, examples) in said.items()})
        self._keyword_words = {word: frozenset(words_of(word)) for word in self._keywords.keywords}
        self._tasks = {name: _task_words(profile) for name, profile in self.profiles.items()}

    def decide(self, text: str, thread_agent: str | None = None) -> Decision:
        """Who does it, or nobody (`agent` None) when that is not clear enough.

        With `thread_agent`, that agent unless the message is clearly for another one.
        """
        heard = spoken(text, self._prior.known_words)
        hits = self._keywords.find(heard.reading.plain)
        beliefs = self._beliefs(heard, hits)
        ranked = sorted(beliefs.items(), key=lambda each: (-each[1], each[0]))
        candidates = tuple(Candidate(agent, round(score, 4)) for agent, score in ranked[:_CANDIDATES])
        best, score = ranked[0] if ranked else (None, 0.0)
        if thread_agent and thread_agent in self.profiles and not self._leaves(thread_agent, best, score):
            why, task = f"{thread_agent} works in this thread.", self._task(thread_agent, heard)
            return Decision(thread_agent, task, beliefs[thread_agent], why, candidates, Stage.THREAD)
        if best is None or score < self._answers_from:
            return Decision(None, None, score, "No agent is clearly meant.", candidates)
        why = self._reason(best, heard, hits)
        return Decision(best, self._task(best, heard), score, why, candidates)

    def task_for(self, agent: str, text: str) -> str:
        """Which of the agent's tasks the text means."""
        return self._task(agent, spoken(text, self._prior.known_words))

    def _leaves(self, thread_agent: str, best: str | None, score: float) -> bool:
        # Small talk and questions belong into the conversation in which they come up.
        return best not in (None, thread_agent, GENERAL) and score >= LEAVES_THREAD_FROM

    def _beliefs(self, heard: Spoken, hits: Sequence[KeywordHit]) -> dict[str, float]:
        """By agent; what the prior gives to agents that this registry lacks is nobody's."""
        own = self._own_evidence(heard, hits)
        left = 1.0
        for value in own.values():
            left *= 1.0 - value
        shares = _softmax(self._prior.scores(heard.features))
        taken = 1.0 - left
        total = sum(own.values()) or 1.0
        return {
            name: shares.get(name, 0.0) * left + taken * own.get(name, 0.0) / total for name in self.profiles
        }

    def _own_evidence(self, heard: Spoken, hits: Sequence[KeywordHit]) -> dict[str, float]:
        """What keywords and examples of the registry's own say, 0 to 1 by agent."""
        doubt: dict[str, float] = {}
        wish = frozenset(heard.wish)
        for keyword, agents in {hit.keyword: hit.agents for hit in hits}.items():
            words = self._keyword_words[keyword]
            near = _NEAR_PHRASE if len(words) > 1 else _NEAR_KEYWORD
            is_near = not words or not words.isdisjoint(wish) or max(keyword) >= _CJK_FROM
            strength = near if is_near else _FAR_KEYWORD
            for agent in agents:
                doubt[agent] = doubt.get(agent, 1.0) * (1.0 - strength / len(agents))
        for agent, likeness in self._examples.nearest(heard.wish).items():
            strength = min(_LIKE_MOST, max(0.0, (likeness.score - LIKE_FROM) * _LIKE_SLOPE))
            doubt[agent] = doubt.get(agent, 1.0) * (1.0 - strength)
        return {agent: 1.0 - value for agent, value in doubt.items() if value < 1.0}

    def _task(self, agent: str, heard: Spoken) -> str:
        wish = frozenset(heard.wish)
        tasks = self._tasks[agent]
        best, words = max(tasks, key=lambda task: len(task[1] & wish))
        if words & wish:
            return best
        names = [name for name, _ in tasks]
        return DEFAULT_TASK if DEFAULT_TASK in names else names[0]

    def _reason(self, agent: str, heard: Spoken, hits: Sequence[KeywordHit]) -> str:
        keywords = list(dict.fromkeys(hit.keyword for hit in hits if agent in hit.agents))
        like = self._examples.nearest(heard.wish).get(agent)
        return reason(agent, heard, keywords, like, self._prior)


def compile_router(
    profiles: Iterable[AgentProfile], *, known: Prior | None = None, answers_from: float = ANSWERS_FROM
) -> Router:
    """Compile a registry: some milliseconds, and the default squad's weights once a process."""
    return Router(profiles, known or prior(), answers_from)


def _own(profile: AgentProfile) -> tuple[list[str], list[str]]:
    """Keywords and examples beyond those that the prior has learnt already."""
    default = next((each for each in default_squad() if each.name == profile.name), None)
    if default is None:
        return list(profile.keywords), list(profile.examples)
    keywords = [word for word in profile.keywords if word not in default.keywords]
    return keywords, [text for text in profile.examples if text not in default.examples]


def _task_words(profile: AgentProfile) -> list[tuple[str, frozenset[str]]]:
    return [
        (
            task.name,
            frozenset(words_of(task.name.replace("_", " ").replace("-", " ") + " " + task.description)),
        )
        for task in profile.tasks
    ]


def _softmax(scores: Mapping[str, float]) -> dict[str, float]:
    most = max(scores.values(), default=0.0)
    raised = {agent: math.exp(score - most) for agent, score in scores.items()}
    total = sum(raised.values()) or 1.0
    return {agent: value / total for agent, value in raised.items()}
