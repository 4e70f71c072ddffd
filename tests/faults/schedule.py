"""What goes wrong, and when: drawn from a seed, so that a failing schedule can be played again."""

import random
from dataclasses import dataclass
from enum import StrEnum

VICTIMS = ("postgres", "redis", "ingestion", "router-worker", "gateway", "squad", "sandbox")

LOAD_S = 6.0
"""How long people work; every fault begins within it."""


class Harm(StrEnum):
    """What is done to a victim."""

    KILL = "SIGKILL"
    STOP = "SIGSTOP"
    WIPE = "FLUSHALL"


@dataclass(frozen=True)
class Fault:
    """One harm at one moment, in seconds after the load began; a stop lasts `for_s`."""

    at_s: float
    victim: str
    harm: Harm
    for_s: float = 0.0

    def __str__(self) -> str:
        lasting = f" for {self.for_s:.1f} s" if self.for_s else ""
        return f"{self.at_s:.1f} s {self.harm} {self.victim}{lasting}"


@dataclass(frozen=True)
class Misbehaviour:
    """A rule of the sandbox, on one side, with the probability that it applies to a call."""

    side: str
    match: str
    action: str
    probability: float


@dataclass(frozen=True)
class Schedule:
    """The faults and misbehaviours of one seed."""

    seed: int
    faults: tuple[Fault, ...]
    misbehaviours: tuple[Misbehaviour, ...]

    def __str__(self) -> str:
        rules = ", ".join(f"{rule.action} on {rule.side} {rule.match}" for rule in self.misbehaviours)
        return "; ".join(map(str, self.faults)) + (f"; {rules}" if rules else "")


_CALL_FAULTS = ("http_500_before", "http_500_after", "cut_before", "cut_after", "rate_limited")
_CALLS = (("slack", "chat.*"), ("clickup", "POST /task/*/comment"), ("clickup", "GET /task/*"))


def draw_schedule(seed: int) -> Schedule:
    """Two to four faults, one of the parts each, and up to two kinds of misbehaviour."""
    dice = random.Random(seed)
    faults = sorted((_draw_fault(dice) for _ in range(dice.randint(2, 4))), key=lambda fault: fault.at_s)
    rules = [
        Misbehaviour(*dice.choice(_CALLS), action=dice.choice(_CALL_FAULTS), probability=0.1)
        for _ in range(dice.randint(0, 2))
    ]
    return Schedule(seed, tuple(faults), tuple(rules))


def _draw_fault(dice: random.Random) -> Fault:
    at_s = dice.uniform(0.2, LOAD_S)
    if dice.random() < 0.1:
        return Fault(at_s, "redis", Harm.WIPE)
    victim = dice.choice(VICTIMS)
    if dice.random() < 0.4:
        return Fault(at_s, victim, Harm.STOP, for_s=dice.uniform(0.5, 5.0))
    return Fault(at_s, victim, Harm.KILL)
