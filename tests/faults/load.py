"""People at work in the sandbox: tasks, edits, comments and replies, each with a mark that can be counted."""

import asyncio
import random
import time
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx

from oblivion_sandbox.control import ControlRefused, SandboxControl
from tests.faults.asking import Asking
from tests.faults.place import Place
from tests.faults.schedule import LOAD_S

ACTS_PER_S = 12.0
FEWEST_ACTS = 10
"""With fewer a schedule shows nothing, so people go on until they have done as many."""
LONGEST_S = 60.0
KEYWORD = "#clickup"
STATUSES = ("to do", "in progress", "review", "complete")


@dataclass
class Work:
    """What one schedule's people do. Whatever the sandbox holds afterwards is what they did."""

    control: SandboxControl
    place: Place
    dice: random.Random
    marks: int = 0
    done: int = 0
    unanswered: int = 0
    """Acts whose answer was lost: done or not, the sandbox's own state tells."""
    tasks: list[str] = field(default_factory=list)
    names: dict[str, list[str]] = field(default_factory=dict)
    """Marks that a task may ever have been called by."""
    comments: list[tuple[str, str]] = field(default_factory=list)
    """Each with its task."""
    said: dict[str, list[str]] = field(default_factory=dict)
    """Marks that a comment may ever have had."""
    replies: list[str] = field(default_factory=list)
    removed_unheard: bool = False
    """A comment may be gone of which no event tells: ClickUp sends none."""
    asking: Asking = field(init=False)

    def __post_init__(self) -> None:
        self.asking = Asking(self.control, self.place, self.dice, partial(self._mark, "ask"))

    async def go_on(self) -> None:
        """Act at random for LOAD_S seconds, or until enough is done; an act that fails is left."""
        began_at = time.monotonic()
        while (passed_s := time.monotonic() - began_at) < LONGEST_S:
            if passed_s >= LOAD_S and self.done >= FEWEST_ACTS:
                return
            try:
                await self._act()
                self.done += 1
            except (httpx.HTTPError, ControlRefused, ValueError):
                self.unanswered += 1
            await asyncio.sleep(self.dice.expovariate(ACTS_PER_S))

    async def rest(self) -> None:
        """Nobody does anything any more."""
        await self.asking.rest()

    async def _act(self) -> None:
        acts = (
            self._create,
            self._create,
            self._create,
            self._rename,
            self._rename,
            self._set_status,
            self._comment,
            self._comment,
            self._reply,
            self._reply,
            self._chat,
            self._change_comment,
            self._change_reply,
            self._remove_comment,
            self._delete_task,
            *self.asking.acts,
        )
        await self.dice.choice(acts if self.tasks else (self._create,))()

    def _mark(self, kind: str) -> str:
        """A word that occurs nowhere else."""
        self.marks += 1
        return f"{kind}{self.marks:04d}x"

    async def _create(self) -> None:
        name = self._mark("task")
        task = str((await self.control.clickup.create_task(self.place.list_id, name))["id"])
        self.tasks.append(task)
        self.names[task] = [name]

    async def _rename(self) -> None:
        task, name = self.dice.choice(self.tasks), self._mark("task")
        self.names[task].append(name)
        await self.control.clickup.update_task(task, name=name)

    async def _set_status(self) -> None:
        await self.control.clickup.update_task(
            self.dice.choice(self.tasks), status=self.dice.choice(STATUSES)
        )

    async def _delete_task(self) -> None:
        task = self.tasks.pop(self.dice.randrange(len(self.tasks)))
        self.comments = [each for each in self.comments if each[1] != task]
        await self.control.clickup.delete_task(task)

    async def _comment(self) -> None:
        await self._comment_on(self.dice.choice(self.tasks))

    async def _comment_on(self, task: str) -> None:
        mark = self._mark("comment")
        comment = str((await self.control.clickup.comment(task, mark))["id"])
        self.comments.append((comment, task))
        self.said[comment] = [mark]

    async def _change_comment(self) -> None:
        if self.comments:
            comment, _ = self.dice.choice(self.comments)
            mark = self._mark("comment")
            self.said[comment].append(mark)
            await self.control.clickup.edit_comment(comment, mark)

    async def _remove_comment(self) -> None:
        """One that shows in Slack; and say something else there, whose event shows that one is gone."""
        shown = str([m for m in await self.control.slack.messages(self.place.channel) if m["via"] == "api"])
        seen = [each for each in self.comments if any(mark in shown for mark in self.said[each[0]])]
        if seen:
            comment, task = self.dice.choice(seen)
            self.comments.remove((comment, task))
            heard, self.removed_unheard = not self.removed_unheard, True
            await self.control.clickup.delete_comment(comment)
            await self._comment_on(task)
            self.removed_unheard = not heard

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
