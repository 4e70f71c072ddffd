"""Progress on its way to the server: a few messages a second, the newest wins, none holds up the work."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from oblivion_client.tasks import end
from oblivion_contracts.runs import Usage

INTERVAL_S = 0.25
"""The server stores at most four a second of a run."""

SendProgress = Callable[[int | None, str, Usage | None], Awaitable[None]]


class Reporter(Protocol):
    """Takes reports and sees to it that they leave."""

    async def report(self, percent: int | None, text: str) -> None: ...

    async def account(self, usage: Usage) -> None: ...

    async def close(self) -> Usage | None:
        """Stop, and give back the usage that has not left yet."""
        ...


def add_usage(one: Usage | None, other: Usage) -> Usage:
    """The sum; the newest model's name stays."""
    return other if one is None else one.plus(other)


class ThrottledReporter:
    """Sends in the background. Usage that left unacknowledged is not sent again: it would count twice."""

    def __init__(self, send: SendProgress, interval_s: float = INTERVAL_S) -> None:
        self._send = send
        self._interval_s = interval_s
        self._newest: tuple[int | None, str] | None = None
        self._usage: Usage | None = None
        self._changed = asyncio.Event()
        self._sending = asyncio.create_task(self._send_newest())

    async def report(self, percent: int | None, text: str) -> None:
        self._newest = (percent, text)
        self._changed.set()

    async def account(self, usage: Usage) -> None:
        self._usage = add_usage(self._usage, usage)
        self._changed.set()

    async def close(self) -> Usage | None:
        await end(self._sending)
        usage, self._usage = self._usage, None
        return usage

    async def _send_newest(self) -> None:
        percent: int | None = None
        text = ""
        while True:
            await self._changed.wait()
            self._changed.clear()
            if self._newest is not None:
                percent, text = self._newest
            usage, self._usage = self._usage, None
            await self._send(percent, text, usage)
            await asyncio.sleep(self._interval_s)
