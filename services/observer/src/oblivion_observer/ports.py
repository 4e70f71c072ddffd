"""What the queue board's door needs of the world."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Person:
    """Who is signed in in a browser."""

    id: str
    is_operator: bool


class SignedIn(Protocol):
    """Whose browser asks."""

    async def person(
        self, cookie: str, *, anew: bool = False, forwarded_for: str | None = None
    ) -> Person | None:
        """None: nobody's, or not any more. `anew`: as of now. `forwarded_for`: the header, for whom to count.

        Raises: DependencyUnavailable.
        """
        ...


@dataclass(frozen=True, slots=True)
class BoardAnswer:
    """What the board said."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Board(Protocol):
    """Bull Board, without any sign-in."""

    async def ask(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> BoardAnswer | None:
        """None: it does not run. Raises: DependencyUnavailable: it does not answer."""
        ...
