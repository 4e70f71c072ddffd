"""The order in which a message finds its agent, up to where a model would have to be asked.

An admin's override, an agent named in the message, the thread's agent for a follow-up, the channel's default,
the fast path. A decision without an agent means: ask the slow path, and then `settle` what it says.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from oblivion_platform.routing.decisions import DEFAULT_TASK, GENERAL, Decision, Stage
from oblivion_platform.routing.router import Router

SQUAD_ALIASES = frozenset({"ai_squad", "squad", "oblivion"})
"""Mean all agents: routed as if they were not there."""
GUESSES_FROM = 0.4
_MENTION = re.compile(r"(?<![\w@/.])@([\w.-]{1,64})")
_ADDRESS = re.compile(r"\s*(?:(?:hey|hi|hello|ask|dear)\s+)?([\w.-]{1,64})\s*[:,]\s", re.IGNORECASE)
_NOT_SPOKEN = re.compile(r"```[^`]*(?:```|\Z)|`[^`\n]{1,200}`|<[^<>\n]{1,600}>|\"[^\"\n]{1,160}\"")
_READ_CHARACTERS = 600


@dataclass(frozen=True, slots=True)
class RouteContext:
    """What is known of a message besides its text; names of agents."""

    override: str | None = None
    """Set by an admin for this channel, or for all."""
    thread_agent: str | None = None
    """Who worked in this thread last; set only for messages within a thread."""
    channel_agent: str | None = None
    override_task: str | None = None
    """What the override's agent shall do; another agent's task, or one it has no more, counts for nothing."""
    channel_task: str | None = None


def route(router: Router, text: str, context: RouteContext | None = None) -> Decision:
    """The first stage that knows decides; `agent` is None where only the slow path or a person can."""
    context = context or RouteContext()
    if context.override in router.profiles:
        decision = _certain(
            router,
            context.override,
            text,
            Stage.OVERRIDE,
            f"A rule of an admin's gives it to {context.override}.",
        )
        return _ruled(router, decision, context.override_task)
    named = agent_named(router, text)
    if named:
        return _certain(router, named, text, Stage.NAMED, f"The message names {named}.")
    if context.thread_agent in router.profiles:
        return router.decide(text, context.thread_agent)
    if context.channel_agent in router.profiles:
        decision = _certain(
            router,
            context.channel_agent,
            text,
            Stage.CHANNEL,
            f"{context.channel_agent} is this channel's default agent.",
        )
        return _ruled(router, decision, context.channel_task)
    return router.decide(text)


def settle(router: Router, decision: Decision) -> Decision:
    """The end of the order, when no model answers: the fast path's best guess, `general`, or a person."""
    if decision.agent:
        return decision
    guess = decision.candidates[0] if decision.candidates else None
    # A guess that is more likely wrong than right is worse than a generalist.
    if guess and guess.score > 0 and (guess.score >= GUESSES_FROM or GENERAL not in router.profiles):
        why = f"No agent is clearly meant; {guess.agent} is the likeliest."
        return _assumed(router, decision, guess.agent, guess.score, Stage.GUESS, why)
    if GENERAL in router.profiles:
        why = f"No agent is clearly meant, so {GENERAL} takes it."
        return _assumed(router, decision, GENERAL, 0.0, Stage.GENERAL, why)
    return decision.at(Stage.NONE, "No agent is clearly meant: a person has to choose.")


def agent_named(router: Router, text: str) -> str | None:
    """The agent named by `@name`, `@alias`, or as in "github: …"; outside of quotes, code and links."""
    names = {name: agent for agent, profile in router.profiles.items() for name in profile.names}
    # Markdown may escape the underscore of a name.
    spoken = _NOT_SPOKEN.sub(" ", text[:_READ_CHARACTERS]).replace("\\_", "_")
    found = (match[1].rstrip(".-").casefold() for match in _MENTION.finditer(spoken))
    mentioned = _first(found, names)
    if mentioned:
        return mentioned
    without_squad = _MENTION.sub(lambda m: "" if m[1].casefold() in SQUAD_ALIASES else m[0], spoken)
    address = _ADDRESS.match(without_squad)
    return _first([address[1].casefold()], names) if address else None


def _first(spoken: Iterable[str], names: dict[str, str]) -> str | None:
    return next((names[name] for name in spoken if name in names and name not in SQUAD_ALIASES), None)


def _certain(router: Router, agent: str | None, text: str, stage: Stage, reason: str) -> Decision:
    if agent is None:
        raise ValueError("no agent to decide for")
    return Decision(agent, router.task_for(agent, text), 1.0, reason, stage=stage)


def _ruled(router: Router, decision: Decision, task: str | None) -> Decision:
    """With the rule's task, if its agent has one of that name."""
    has = decision.agent is not None and any(
        each.name == task for each in router.profiles[decision.agent].tasks
    )
    return replace(decision, task=task) if has else decision


def _assumed(
    router: Router, decision: Decision, agent: str, score: float, stage: Stage, reason: str
) -> Decision:
    names = [task.name for task in router.profiles[agent].tasks]
    task = DEFAULT_TASK if DEFAULT_TASK in names else names[0]
    return Decision(agent, task, score, reason, decision.candidates, stage)
