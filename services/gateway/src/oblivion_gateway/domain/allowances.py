"""How often somebody may ask, and what is left of it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so many in any minute; `space` is the tenant's id, or `-` before it is known."""

    whose: str
    space: str
    key: str
    per_minute: int


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one request left of a limit."""

    limit: Limit
    granted: bool
    remaining: int
    reset_s: float


def tightest(allowances: list[Allowance]) -> Allowance:
    """The one to tell the caller of: what is refused first, else what has least left."""
    return min(allowances, key=lambda each: (each.granted, each.remaining))
