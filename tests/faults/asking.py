"""What people ask of agents, and what they do about it later: stop it, allow it."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import httpx

from oblivion_platform.tasks import end
from oblivion_sandbox.control import ControlRefused, SandboxControl
from tests.faults.place import Place

AGAIN_AFTER_S = 1.0
ALLOW = "oblivion:approve"

Act = Callable[[], Awaitable[None]]


class Asking:
    """Each question is a thread of its own."""

    def __init__(
        self, control: SandboxControl, place: Place, dice: random.Random, mark: Callable[[], str]
    ) -> None:
        self._control = control
        self._place = place
        self._dice = dice
        self._mark = mark
        self._later: list[asyncio.Task[None]] = []
        self._is_allowing = False
        self.stopped: set[str] = set()
        """Marks of questions that a person may have stopped."""

    @property
    def acts(self) -> Sequence[Act]:
        """Those of the squad, and of the agent whose work takes its time if there is one."""
        long = (self._hold, self._propose, self._delegate, self._write_direct, self._stop, self._stop)
        return (self._ask, self._ask, *(long if self._place.agent else ()))

    async def rest(self) -> None:
        """Nobody waits any more for what may show."""
        await end(*self._later)

    async def _ask(self) -> None:
        """The sandbox's model answers with the question in its words."""
        await self._post(self._mark())

    async def _hold(self) -> None:
        await self._tell("hold")

    async def _delegate(self) -> None:
        await self._tell("delegate")

    async def _write_direct(self) -> None:
        """The answer is streamed there."""
        words = f"@{self._place.agent} hold {self._mark()}"
        await self._control.slack.post(self._place.direct, words)

    async def _propose(self) -> None:
        """Whatever is proposed is allowed by somebody who looks again and again."""
        if not self._is_allowing:
            self._is_allowing = True
            self._follow(self._until_done(self._allow))
        await self._tell("propose")

    async def _stop(self) -> None:
        mark, after_s = self._mark(), self._dice.uniform(0.5, 4.0)
        stop = self._dice.choice((self._press_stop, self._cross_out))
        self.stopped.add(mark)
        asked = await self._post(f"@{self._place.agent} hold {mark}")
        self._follow(self._until_done(partial(stop, asked), after_s))

    async def _tell(self, deed: str) -> None:
        await self._post(f"@{self._place.agent} {deed} {self._mark()}")

    async def _post(self, words: str) -> str:
        """Mention the app; the question's ts."""
        text = f"<@{self._place.bot}> {words}"
        return str((await self._control.slack.post(self._place.questions, text))["ts"])

    async def _allow(self) -> bool:
        """Press each button that is there; there may always come another."""
        slack, channel = self._control.slack, self._place.questions
        for message in await slack.messages(channel):
            if ALLOW in str(message["message"].get("blocks")):
                await slack.press(channel, message["message"]["ts"], ALLOW)
        return False

    async def _press_stop(self, asked: str) -> bool:
        await self._control.slack.stop(self._place.questions, asked)
        return True

    async def _cross_out(self, asked: str) -> bool:
        await self._control.slack.react(self._place.questions, asked, "x")
        return True

    def _follow(self, deed: Awaitable[None]) -> None:
        self._later.append(asyncio.ensure_future(deed))

    async def _until_done(self, deed: Callable[[], Awaitable[bool]], after_s: float = 0.0) -> None:
        """However often it is refused, or the sandbox is away; until it is done, or `rest`."""
        await asyncio.sleep(after_s)
        while True:
            try:
                if await deed():
                    return
            except (httpx.HTTPError, ControlRefused, ValueError):
                pass
            await asyncio.sleep(AGAIN_AFTER_S)
