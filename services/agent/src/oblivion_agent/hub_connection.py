"""The connection to the hub that a run has: opened again when it breaks, and no call is made twice.

A transport that breaks ends the SDK's whole client, and whatever runs inside of it. So the client is held by
a task of its own: a hub that is killed and started again costs a run some seconds, not its work.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeVar, cast

import httpx2
from mcp.client.client import Client
from mcp.shared.exceptions import MCPError
from mcp_types import CONNECTION_CLOSED

OPENED_WITHIN_S = 15.0
BACK_WITHIN_S = 10.0
"""How long a hub that cannot be reached is waited for: it may be starting again."""
RETRY_S = 0.5
CLOSED_WITHIN_S = 5.0
AnswerT = TypeVar("AnswerT")
Question = Callable[[Client], Awaitable[AnswerT]]

logger = logging.getLogger(__name__)


class HubAway(Exception):
    """It could not be reached; what was to be asked of it was not asked."""


class AnswerLost(Exception):
    """It was asked, and broke off before it answered: nobody here knows what was done."""


class HubConnection:
    """One run's; asked one thing at a time, so that what breaks is known to be of it."""

    def __init__(self, opener: Callable[[], AbstractAsyncContextManager[Client]]) -> None:
        self._opener = opener
        self._opening: _Opening | None = None
        self._alone = asyncio.Lock()

    async def ask(self, question: Question[AnswerT], *, is_harmless: bool) -> AnswerT:
        """The answer; `is_harmless`: it may be asked twice.

        Raises:
            HubAway, AnswerLost
            what `question` raises of itself
        """
        async with self._alone:
            loop = asyncio.get_running_loop()
            until = loop.time() + BACK_WITHIN_S
            while True:
                try:
                    return await self._asked(question)
                except (HubAway, AnswerLost) as broken:
                    may_repeat = is_harmless or isinstance(broken, HubAway)
                    if not may_repeat or loop.time() > until:
                        raise
                    logger.info("the hub is away (%s); trying again", broken)
                await asyncio.sleep(RETRY_S)

    async def close(self) -> None:
        if self._opening is not None:
            await self._opening.close()

    async def _asked(self, question: Question[AnswerT]) -> AnswerT:
        if self._opening is None or self._opening.is_over:
            self._opening = _Opening(self._opener())
        return await self._opening.ask(question)


class _Opening:
    """One time that it is open."""

    def __init__(self, context: AbstractAsyncContextManager[Client]) -> None:
        self._unwanted = asyncio.Event()
        self._opened: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
        self._failure: Exception | None = None
        self._holding = asyncio.create_task(self._hold(context), name="connection to the hub")

    @property
    def is_over(self) -> bool:
        return self._holding.done()

    async def ask(self, question: Question[AnswerT]) -> AnswerT:
        await asyncio.wait({self._opened, self._holding}, return_when=asyncio.FIRST_COMPLETED)
        if not self._opened.done():
            await self._holding
            raise HubAway(_named(self._failure))
        asking = asyncio.ensure_future(question(self._opened.result()))
        try:
            await asyncio.wait({asking, self._holding}, return_when=asyncio.FIRST_COMPLETED)
            if not asking.done():
                raise self._broken()
            error = asking.exception()
            if error is None or (isinstance(error, MCPError) and error.code != CONNECTION_CLOSED):
                return asking.result()
            # The client is at its end, or broke in a way that it has no word for.
            await self.close()
            raise self._broken() from error
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    async def close(self) -> None:
        self._unwanted.set()
        await asyncio.wait({self._holding}, timeout=CLOSED_WITHIN_S)
        self._holding.cancel()
        await asyncio.gather(self._holding, return_exceptions=True)

    def _broken(self) -> HubAway | AnswerLost:
        failure = self._failure
        if failure is not None and all(isinstance(each, _NEVER_LEFT) for each in _leaves(failure)):
            return HubAway(_named(failure))
        return AnswerLost(_named(failure))

    async def _hold(self, context: AbstractAsyncContextManager[Client]) -> None:
        try:
            async with contextlib.AsyncExitStack() as stack:
                async with asyncio.timeout(OPENED_WITHIN_S):
                    client = await stack.enter_async_context(context)
                self._opened.set_result(client)
                await self._unwanted.wait()
        # A failed connection surfaces as whatever broke, in nested groups.
        except Exception as error:
            self._failure = error


_NEVER_LEFT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        return [leaf for each in group.exceptions for leaf in _leaves(each)]
    return [error]


def _named(error: BaseException | None) -> str:
    return "it broke off" if error is None else type(_leaves(error)[0]).__name__
