"""The turns that go on in this process, so that who comes meanwhile need not ask Postgres again and again.

ClickUp tells of a new task twice within milliseconds; who handles the one event answers the other too. The
other's job waits here for that, without a connection. One job may wait for a turn; more are put aside, so
that a burst of one task leaves room for others.
"""

import asyncio
from collections.abc import Collection, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

Subject = tuple[UUID, str]
"""The tenant, and which task or thread of it."""


@dataclass(slots=True)
class TurnHere:
    """A transaction that has the turn, if it comes to that."""

    subject: Subject | None = None
    settled: Collection[UUID] = ()
    """Events beside its own that need no turn any more; set once they are committed."""
    is_awaited: bool = False
    over: asyncio.Event = field(default_factory=asyncio.Event)


class TurnsHere:
    """Postgres decides whose turn it is; this only knows of those that it gave to this process."""

    def __init__(self) -> None:
        self._going_on: dict[Subject, TurnHere] = {}

    @contextmanager
    def possible(self) -> Generator[TurnHere]:
        """Around a transaction; its end is the turn's."""
        turn = TurnHere()
        try:
            yield turn
        finally:
            # The next one may have begun between the commit and its answer.
            if turn.subject is not None and self._going_on.get(turn.subject) is turn:
                del self._going_on[turn.subject]
            turn.over.set()

    def begin(self, turn: TurnHere, subject: Subject) -> None:
        turn.subject = subject
        self._going_on[subject] = turn

    def to_wait_for(self, subject: Subject) -> TurnHere | None:
        """The turn that goes on here, for the one who may wait for it."""
        turn = self._going_on.get(subject)
        if turn is None or turn.is_awaited:
            return None
        turn.is_awaited = True
        return turn
