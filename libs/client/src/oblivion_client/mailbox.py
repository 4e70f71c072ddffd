"""What the server has said about a run since it began."""

import asyncio
from collections.abc import AsyncGenerator
from uuid import UUID

from oblivion_contracts.agent_socket import ApprovalAnswered, ContextUpdated
from oblivion_contracts.sessions import SessionMessage


class Mailbox:
    """Keeps everything, so that it does not matter who asks first."""

    def __init__(self, history: list[SessionMessage]) -> None:
        self._messages = list(history)
        self._updates: list[ContextUpdated] = []
        self._taken = 0
        self._answers: dict[UUID, ApprovalAnswered] = {}
        self._changed = asyncio.Event()
        self._closed = False

    def update(self, update: ContextUpdated) -> None:
        self._updates.append(update)
        self._messages.extend(update.messages)
        self._wake()

    def answer(self, answer: ApprovalAnswered) -> None:
        self._answers[answer.approval_id] = answer
        self._wake()

    def close(self) -> None:
        self._closed = True
        self._wake()

    async def updates(self) -> AsyncGenerator[ContextUpdated]:
        """Each update from the run's beginning on, until its end."""
        seen = 0
        while True:
            changed = self._changed
            for update in self._updates[seen:]:
                seen += 1
                self._taken = max(self._taken, seen)
                yield update
            if self._closed:
                return
            await changed.wait()

    def new_updates(self) -> list[ContextUpdated]:
        """Those that nobody has taken yet."""
        new = self._updates[self._taken :]
        self._taken = len(self._updates)
        return new

    @property
    def seen_sequence(self) -> int:
        """The newest message among the updates that were taken."""
        return max(
            (m.sequence for update in self._updates[: self._taken] for m in update.messages), default=0
        )

    async def answer_to(self, approval_id: UUID) -> ApprovalAnswered:
        """Wait for a person's answer."""
        while approval_id not in self._answers:
            await self._changed.wait()
        return self._answers[approval_id]

    async def message_of(self, run_id: UUID) -> SessionMessage:
        """Wait for what another run ended with."""
        while True:
            for message in self._messages:
                if message.run_id == run_id and message.role != "user":
                    return message
            await self._changed.wait()

    def _wake(self) -> None:
        # Whoever waits holds the old event, so that no change is missed.
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
