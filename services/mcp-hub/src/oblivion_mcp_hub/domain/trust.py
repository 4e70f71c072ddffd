"""How far the words in a run's context are trusted: as far as the least trusted of those who wrote them."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Literal

from oblivion_mcp_hub.domain.tool_names import SEPARATOR


class Trust(IntEnum):
    """In rising order."""

    OUTSIDER = 0
    """Nobody that the tenant knows; also what tools returned."""
    GUEST = 1
    MEMBER = 2

    @property
    def label(self) -> str:
        return self.name.lower()


_OF_ROLE = {"admin": Trust.MEMBER, "user": Trust.MEMBER, "guest": Trust.GUEST}


def lowest(roles: Iterable[str], *, heard_tools: bool) -> Trust:
    """Of everybody who speaks in a run; whoever has no role is an outsider, and nobody at all is none."""
    voices = [_OF_ROLE.get(role, Trust.OUTSIDER) for role in roles]
    if heard_tools or not voices:
        return Trust.OUTSIDER
    return min(voices)


Writing = Literal["free", "with_approval", "never"]


@lru_cache(maxsize=10_000)
def _holds(patterns: tuple[str, ...], name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


@dataclass(frozen=True, slots=True)
class Standing:
    """What a caller may do at this moment."""

    trust: Trust
    writing: Writing
    patterns: tuple[str, ...] | None = None
    """The only tools, by name or `provider__*`; None: all."""
    run_patterns: tuple[str, ...] | None = None
    """What is left of them for this very run."""
    calls_max: int | None = None
    """In this run, those made already included."""
    calls_made: int = 0

    def allows(self, name: str) -> bool:
        """Whether the lists hold the tool, whatever it does."""
        lists = (self.patterns, self.run_patterns)
        return all(each is None or _holds(each, name) for each in lists)

    def sees(self, connection: str) -> bool:
        """Whether everything of a connection is theirs, what is no tool included."""
        return self.allows(f"{connection}{SEPARATOR}")


def writing_in_run(trust: Trust) -> Writing:
    """What tools that change something need in a run."""
    return "free" if trust is Trust.MEMBER else "with_approval"
