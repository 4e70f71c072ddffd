"""People at work in the sandbox: tasks, edits, comments and replies, each with a mark that can be counted."""

import asyncio
import random
import time
from dataclasses import dataclass, field
from typing import Any

import httpx

from oblivion_sandbox.control import ControlRefused, SandboxControl
from tests.faults.schedule import LOAD_S

ACTS_PER_S = 12.0
KEYWORD = "#clickup"


@dataclass
class Place:
    """The linked list and channel of one schedule."""

    list_id: str
    channel: str
    questions: str
    """The channel where people ask the agents; it is linked to nothing."""
    bot: str
    """The app's user id."""


@dataclass
class Work:
    """What one schedule's people do. Whatever the sandbox holds afterwards is what they did."""

    control: SandboxControl
    place: Place
    dice: random.Random
    marks: int = 0
    unanswered: int = 0
    """Acts whose answer was lost: done or not, the sandbox's own state tells."""
    tasks: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    replies: list[str] = field(default_factory=list)

    async def go_on(self) -> None:
        """Act at random for LOAD_S seconds; an act that fails is left."""
        ends_at = time.monotonic() + LOAD_S
        while time.monotonic() < ends_at:
            try:
                await self._act()
            except (httpx.HTTPError, ControlRefused, ValueError):
                self.unanswered += 1
            await asyncio.sleep(self.dice.expovariate(ACTS_PER_S))

    async def _act(self) -> None:
        acts = (
            self._create,
            self._create,
            self._rename,
            self._comment,
            self._reply,
            self._chat,
            self._change_comment,
            self._change_reply,
            self._ask,
            self._ask,
        )
        await self.dice.choice(acts if self.tasks else (self._create,))()

    def _mark(self, kind: str) -> str:
        """A word that occurs nowhere else."""
        self.marks += 1
        return f"{kind}{self.marks:04d}x"

    async def _create(self) -> None:
        task = await self.control.clickup.create_task(self.place.list_id, self._mark("task"))
        self.tasks.append(str(task["id"]))

    async def _rename(self) -> None:
        await self.control.clickup.update_task(self.dice.choice(self.tasks), name=self._mark("task"))

    async def _comment(self) -> None:
        comment = await self.control.clickup.comment(self.dice.choice(self.tasks), self._mark("comment"))
        self.comments.append(str(comment["id"]))

    async def _change_comment(self) -> None:
        if self.comments:
            await self.control.clickup.edit_comment(self.dice.choice(self.comments), self._mark("comment"))

    async def _reply(self) -> None:
        await self._say(f"{self._mark('reply')} {KEYWORD}")

    async def _chat(self) -> None:
        await self._say(self._mark("chat"))

    async def _say(self, text: str) -> None:
        roots = [
            message for message in await self.control.slack.messages(self.place.channel) if is_card(message)
        ]
        if roots:
            root = self.dice.choice(roots)
            message = await self.control.slack.post(self.place.channel, text, thread_ts=root["ts"])
            if KEYWORD in text:
                self.replies.append(str(message["ts"]))

    async def _ask(self) -> None:
        """In a thread of its own; the sandbox's model answers with the question in its words."""
        await self.control.slack.post(self.place.questions, f"<@{self.place.bot}> {self._mark('ask')}")

    async def _change_reply(self) -> None:
        if not self.replies:
            return
        ts = self.dice.choice(self.replies)
        if self.dice.random() < 0.3:
            await self.control.slack.delete(self.place.channel, ts)
            self.replies.remove(ts)
        else:
            await self.control.slack.edit(self.place.channel, ts, f"{self._mark('reply')} {KEYWORD}")


def is_card(message: dict[str, Any]) -> bool:
    """Whether a message of the control API is the app's own, at the top of a channel."""
    return message["via"] == "api" and not message["deleted"] and not message["thread_ts"]
