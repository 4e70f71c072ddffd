"""What goes wrong, and when: drawn from a seed, so that a failing schedule can be played again."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

VICTIMS = ("postgres", "redis", "ingestion", "router-worker", "gateway", "squad", "steady", "sandbox")
"""Parts that each schedule has; `steady` is the agent of `tests.faults.agent`."""
SECONDS = ("gateway-2", "squad-2", "steady-2")
"""Second replicas, in every other schedule: the agents' are at the second gateway."""

BY_SOCKET_EVERY = 3
"""Of so many schedules Slack delivers one by Socket Mode: some of them doubled, some not."""

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
    is_doubled: bool
    """With a second gateway and second processes of the agents."""
    by_socket: bool
    """Slack's events come by Socket Mode, not by HTTP."""
    faults: tuple[Fault, ...]
    misbehaviours: tuple[Misbehaviour, ...]

    def __str__(self) -> str:
        rules = ", ".join(f"{rule.action} on {rule.side} {rule.match}" for rule in self.misbehaviours)
        doubled = "two replicas; " if self.is_doubled else ""
        by_socket = "Socket Mode; " if self.by_socket else ""
        return doubled + by_socket + "; ".join(map(str, self.faults)) + (f"; {rules}" if rules else "")


_STRIKES = (Harm.KILL, Harm.STOP)
HARMS = (*((victim, harm) for victim in VICTIMS for harm in _STRIKES), ("redis", Harm.WIPE))
"""Every harm to every part: as many seeds in a row have each of them."""
SECOND_HARMS = tuple((victim, harm) for victim in SECONDS for harm in _STRIKES)
"""The same for the second replicas: twice as many seeds in a row have each of them."""

_CALL_FAULTS = ("http_500_before", "http_500_after", "cut_before", "cut_after", "rate_limited")
_CALLS = (("slack", "chat.*"), ("clickup", "POST /task/*/comment"), ("clickup", "GET /task/*"))


def draw_schedule(seed: int) -> Schedule:
    """Two to four faults, the first of them by turns, and up to two kinds of misbehaviour."""
    dice = random.Random(seed)
    is_doubled = seed % 2 == 0
    drawn = [HARMS[seed % len(HARMS)]]
    drawn += [SECOND_HARMS[seed // 2 % len(SECOND_HARMS)]] if is_doubled else []
    victims = VICTIMS + SECONDS if is_doubled else VICTIMS
    drawn += [_draw_harm(dice, victims) for _ in range(dice.randint(1, 4 - len(drawn)))]
    faults = sorted((_draw_fault(dice, *each) for each in drawn), key=lambda fault: fault.at_s)
    rules = [
        Misbehaviour(*dice.choice(_CALLS), action=dice.choice(_CALL_FAULTS), probability=0.1)
        for _ in range(dice.randint(0, 2))
    ]
    return Schedule(seed, is_doubled, seed % BY_SOCKET_EVERY == 0, tuple(faults), tuple(rules))


def _draw_harm(dice: random.Random, victims: Sequence[str]) -> tuple[str, Harm]:
    if dice.random() < 0.1:
        return "redis", Harm.WIPE
    return dice.choice(victims), Harm.STOP if dice.random() < 0.4 else Harm.KILL


def _draw_fault(dice: random.Random, victim: str, harm: Harm) -> Fault:
    at_s = dice.uniform(0.2, LOAD_S)
    return Fault(at_s, victim, harm, for_s=dice.uniform(0.5, 5.0) if harm is Harm.STOP else 0.0)
