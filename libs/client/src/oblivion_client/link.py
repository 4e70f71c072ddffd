"""The way to the server, as the work needs it: events out, each acknowledged."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from oblivion_client.errors import MessageRefused, RunTakenAway
from oblivion_contracts.agent_socket import FENCED_OFF, Acknowledgement, RunMessage
from oblivion_contracts.model import Contract

ACKNOWLEDGED_WITHIN_S = 10.0
RETRY_S = 0.2
"""Between two sends of one message when the first got no acknowledgement."""
UNSAID_RETRY_S = 1.0
SERVER_TROUBLE = 500
"""From this status on, the fault is the server's and passes."""
_OVER_FOR_US = frozenset({FENCED_OFF, "run_over", "run_unknown"})


class Unacknowledged(Exception):
    """Nothing came back: the message may or may not have arrived."""


class Link(Protocol):
    """A connection that comes and goes."""

    async def greeted(self) -> None:
        """Wait until a server is connected and knows who we are."""
        ...

    async def call(
        self, event: str, message: Contract, *, within_s: float = ACKNOWLEDGED_WITHIN_S
    ) -> Acknowledgement:
        """Send, and wait for the acknowledgement.

        Raises:
            Unacknowledged: not connected, or no answer in time.
        """
        ...


async def deliver(link: Link, event: str, message: Contract) -> Acknowledgement:
    """Send until it is acknowledged, over any number of reconnects.

    Raises:
        RunTakenAway: the run is another replica's, or over.
        MessageRefused: the server does not take it.
    """
    while True:
        await link.greeted()
        try:
            answer = await link.call(event, message)
        except Unacknowledged:
            await asyncio.sleep(RETRY_S)
            continue
        if answer.ok:
            return answer
        wait_s = _retry_after_s(answer)
        if wait_s is None:
            raise refusal(event, answer)
        await asyncio.sleep(wait_s)


def is_over_for_us(answer: Acknowledgement) -> bool:
    """Whether the run is another replica's by now, or has ended."""
    return answer.problem is not None and answer.problem.code in _OVER_FOR_US


def _retry_after_s(answer: Acknowledgement) -> float | None:
    """When to send it again; None: never."""
    if is_over_for_us(answer):
        return None
    if answer.retry_after_s is not None:
        return answer.retry_after_s
    is_passing = answer.problem is not None and answer.problem.status >= SERVER_TROUBLE
    return UNSAID_RETRY_S if is_passing else None


def refusal(event: str, answer: Acknowledgement) -> MessageRefused | RunTakenAway:
    """The error that a negative acknowledgement means."""
    if is_over_for_us(answer):
        return RunTakenAway("This run is over, or belongs to another replica now; drop it.")
    problem = answer.problem
    if problem is None:
        return MessageRefused(event, "refused", "the server gave no reason")
    return MessageRefused(event, problem.code, problem.detail)


class RunLink:
    """The way to the server for one run; says once when the run was taken away."""

    def __init__(self, link: Link, on_taken_away: Callable[[], None]) -> None:
        self._link = link
        self._on_taken_away = on_taken_away

    async def deliver(self, event: str, message: RunMessage) -> Acknowledgement:
        """As `deliver`, for this run."""
        try:
            return await deliver(self._link, event, message)
        except RunTakenAway:
            self._on_taken_away()
            raise

    async def offer(
        self, event: str, message: RunMessage, *, within_s: float = ACKNOWLEDGED_WITHIN_S
    ) -> Acknowledgement | None:
        """Send once; None when nothing came back."""
        try:
            answer = await self._link.call(event, message, within_s=within_s)
        except Unacknowledged:
            return None
        if is_over_for_us(answer):
            self._on_taken_away()
        return answer

    async def greeted(self) -> None:
        """As the link's."""
        await self._link.greeted()
