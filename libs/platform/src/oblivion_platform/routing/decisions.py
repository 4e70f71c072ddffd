"""What routing answers: who does it, which task, how sure, and why."""

from dataclasses import dataclass, replace
from enum import StrEnum

DEFAULT_TASK = "default"
"""What an agent's bare handler takes."""
GENERAL = "general"
"""The agent that takes what nobody else does, where a tenant has one."""


class Stage(StrEnum):
    """The step of the order in `docs/reference/routing.md` that decided."""

    OVERRIDE = "override"
    NAMED = "named"
    THREAD = "thread"
    CHANNEL = "channel"
    FAST = "fast"
    SLOW = "slow"
    GUESS = "guess"
    GENERAL = "general"
    NONE = "none"
    """Nobody: a person has to be asked."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An agent and its share of the belief; all candidates of a decision sum up to 1 at most."""

    agent: str
    score: float


@dataclass(frozen=True, slots=True)
class Decision:
    """The route of one message. `agent` is None when the stage abstains; `candidates` say who is near."""

    agent: str | None
    task: str | None
    score: float
    """0 to 1: how likely the agent is right."""
    reason: str
    """A sentence for people. Of the message it holds what stands in the registry or the lexicon too."""
    candidates: tuple[Candidate, ...] = ()
    """Best first."""
    stage: Stage = Stage.FAST

    @property
    def best_guess(self) -> str | None:
        """Whom to take when nothing better comes."""
        return self.agent or (self.candidates[0].agent if self.candidates else None)

    def at(self, stage: Stage, reason: str | None = None) -> "Decision":
        """The same, decided by another stage."""
        return replace(self, stage=stage, reason=reason or self.reason)
