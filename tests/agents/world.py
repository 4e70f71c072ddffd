"""The system that agents are tested in as a whole, people who talk to them in Slack, and an agent for them.

The keeper is an agent on the SDK in the very process of the tests, which does what it is asked: ask for
approval, hold on until it is stopped, or repeat what was said.
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx

from oblivion_client import Agent, Run, TaskAssigned
from oblivion_platform.testing import eventually
from oblivion_sandbox.control import SandboxControl
from tests.system import System

Json = dict[str, Any]

ANSWERED_WITHIN_S = 90.0
"""On a busy machine; longer than a lease, which a slow restart of the system outlasts."""
_RUN = re.compile(r"run `([0-9a-f-]{36})`")


class Keeper:
    """What the agent is told to do, and what became of it."""

    def __init__(self) -> None:
        self.agent = Agent("keeper")
        self.agent.on_task()(self.work)
        self.holds: list[UUID] = []
        self.stopped: list[UUID] = []

    async def work(self, task: TaskAssigned, run: Run) -> str:
        if "hold on" in task.prompt:
            return await self._hold(run)
        if "launch" in task.prompt:
            answer = await run.ask_approval("Launch the *rocket*?", "There is one of it.")
            return "It has lifted off." if answer.approved else "It stays on the ground."
        before = [message.text for message in task.messages[:-1] if message.role == "user"]
        return f"You said “{task.prompt}”, and before that {before}."

    async def _hold(self, run: Run) -> str:
        self.holds.append(run.id)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.stopped.append(run.id)
            raise
        return "never"


@dataclass
class World:
    """The running system, the outside it lives in, and the keeper."""

    system: System
    control: SandboxControl
    keeper: Keeper = field(default_factory=Keeper)
    bot: str = ""

    async def look_around(self) -> None:
        self.control = SandboxControl(self.system.sandbox_url)
        self.bot = str((await self.control.slack.app())["bot_user_id"])

    async def restart(self) -> None:
        """As Ctrl-C and `oblivion up` do."""
        await self.control.aclose()
        await self.system.stop()
        await self.system.start()
        await self.look_around()

    @contextlib.asynccontextmanager
    async def signed_in(self) -> AsyncGenerator[httpx.AsyncClient]:
        """A browser that has followed the link of `oblivion login`."""
        link = (await self.system.command("login")).strip()
        address, _, code = link.partition("?code=")
        base_url = self.system.base_url
        async with httpx.AsyncClient(base_url=base_url, headers={"Origin": base_url}, timeout=30) as browser:
            assert (await browser.get(link)).is_success
            assert (await browser.post(address, data={"code": code})).status_code == 303
            yield browser


class Talk:
    """A channel where people talk to the squad."""

    def __init__(self, world: World, channel: str) -> None:
        self._world = world
        self.channel = channel

    @property
    def slack(self) -> Any:
        return self._world.control.slack

    async def ask(self, words: str, *, user: str = "you", thread_ts: str | None = None) -> str:
        """Mention the bot; returns the ts of the question."""
        text = f"<@{self._world.bot}> {words}"
        return str((await self.slack.post(self.channel, text, user=user, thread_ts=thread_ts))["ts"])

    async def ours(self, thread_ts: str) -> list[Json]:
        """What the bot has said in the thread."""
        return [each for each in await self.slack.thread(self.channel, thread_ts) if each.get("bot_id")]

    async def said(self, thread_ts: str, words: str, *, within_s: float = ANSWERED_WITHIN_S) -> Json:
        """The bot's message with these words, once it is there."""

        async def found() -> Json:
            messages = await self.ours(thread_ts)
            fitting = [each for each in messages if words in shown(each)]
            assert fitting, [shown(each) for each in messages]
            return fitting[-1]

        return await eventually(found, within_s=within_s)

    async def whispered(self, words: str) -> Json:
        """What only one person sees."""

        async def found() -> Json:
            fitting = [each for each in await self.slack.ephemerals(self.channel) if words in str(each)]
            assert fitting
            return fitting[-1]

        return await eventually(found, within_s=ANSWERED_WITHIN_S)


def shown(message: Json) -> str:
    """What people read of a message."""
    return f"{message.get('text', '')} {message.get('blocks') or ''}"


def run_in(message: Json) -> UUID:
    """The run that a message names."""
    found = _RUN.search(shown(message))
    assert found is not None, shown(message)
    return UUID(found.group(1))
