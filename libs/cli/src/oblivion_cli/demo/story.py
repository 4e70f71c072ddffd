"""The story: a task appears in Slack, its thread comes back, edits and deletions follow, nothing echoes.

Ana and Ben act through the sandbox's control API, as people would on its pages; every step then waits until
the other side really shows the effect.
"""

import asyncio
from collections.abc import Awaitable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from oblivion_cli.demo.steps import Narrator, Step, expect, step
from oblivion_sandbox.control import SandboxControl

LIST_NAME = "Launch"
CHANNEL_NAME = "launch"
TASK_NAME = "Plan the launch party"
DESCRIPTION = "We need a **venue** for 40 people.\n\n- near the office\n- with a stage"
ECHO_SHOWS_WITHIN_S = 2.0

Json = dict[str, Any]


@dataclass(frozen=True)
class Made:
    """What the story leaves behind to look at."""

    slack_url: str
    clickup_url: str


class Story:
    """One telling. Several may share a sandbox: each looks only at its own task."""

    def __init__(self, control: SandboxControl, base_url: str, narrator: Narrator) -> None:
        self._slack = control.slack
        self._clickup = control.clickup
        self._base_url = base_url
        self._narrator = narrator
        self._channel = ""
        self._name = f"{TASK_NAME} ({datetime.now().astimezone():%H:%M:%S})"

    async def play(self) -> Made:
        """Play it.

        Raises:
            CommandFailed: a step did not happen.
        """
        self._channel = (await self._slack.channels())[CHANNEL_NAME]
        task_id, root = await self._task_appears()
        await self._edits_follow(task_id, root)
        reply, comment = await self._reply_becomes_comment(task_id, root)
        note, copy = await self._comment_becomes_reply(task_id, root)
        await self._edited_texts_follow(root, reply, comment, note, copy)
        await self._nothing_echoes(task_id, root)
        await self._deletions_follow(task_id, root, reply, note)
        return Made(
            f"{self._base_url}/slack/archives/{self._channel}/p{root.replace('.', '')}",
            f"{self._base_url}/clickup/t/{task_id}",
        )

    async def _task_appears(self) -> tuple[str, str]:
        list_id = (await self._clickup.lists())[LIST_NAME]
        due = datetime.now(UTC) + timedelta(days=7)
        async with self._step(f"Ana's new task appears in #{CHANNEL_NAME}, as Block Kit") as shown:
            task = await self._clickup.create_task(
                list_id,
                self._name,
                user="ana",
                markdown_content=DESCRIPTION,
                assignees=["ben"],
                priority=2,
                due_date=int(due.timestamp() * 1000),
            )
            message = await shown.until(self._root_message)
            expect(bool(message["message"].get("blocks")), "the message has no blocks")
        return str(task["id"]), str(message["ts"])

    async def _edits_follow(self, task_id: str, root: str) -> None:
        async with self._step("Ben sets its status to review: the message follows") as now:
            await self._clickup.update_task(task_id, user="ben", status="review")
            await now.until(lambda: self._shows(root, "review"))
        async with self._step("Ana gives it a better title: the message follows") as now:
            self._name = self._name.replace("party", "celebration")
            await self._clickup.update_task(task_id, user="ana", name=self._name)
            await now.until(lambda: self._shows(root, self._name))

    async def _reply_becomes_comment(self, task_id: str, root: str) -> tuple[str, str]:
        await self._slack.post(self._channel, "This one stays in Slack", user="ben", thread_ts=root)
        async with self._step("Ben's reply with #clickup becomes a comment, signed by him") as now:
            reply = await self._slack.post(
                self._channel, "#clickup The *old cinema* is free", user="ben", thread_ts=root
            )
            comment = await now.until(lambda: self._comment(task_id, "old cinema"))
            expect("ben" in comment["comment_text"].lower(), "the comment does not say who wrote it")
        return str(reply["ts"]), str(comment["id"])

    async def _comment_becomes_reply(self, task_id: str, root: str) -> tuple[str, str]:
        async with self._step("Ana's comment in ClickUp appears in the thread") as now:
            note = await self._clickup.comment(task_id, "Does it have a stage?", user="ana")
            copy = await now.until(lambda: self._reply(root, "Does it have a stage?"))
        return str(note["id"]), str(copy["ts"])

    async def _edited_texts_follow(self, root: str, reply: str, comment: str, note: str, copy: str) -> None:
        async with self._step("Both edit what they wrote: both copies follow") as now:
            await self._slack.edit(self._channel, reply, "#clickup The *new cinema* is free")
            await self._clickup.edit_comment(note, "Does it have a big stage?", user="ana")
            await now.until(lambda: self._comment_says(comment, "new cinema"))
            await now.until(lambda: self._message_says(root, copy, "big stage"))

    async def _nothing_echoes(self, task_id: str, root: str) -> None:
        async with self._step("Nothing came back as an echo, nothing is there twice"):
            await asyncio.sleep(ECHO_SHOWS_WITHIN_S)
            comments = await self._live_comments(task_id)
            replies = await self._live_replies(root)
            roots = [message for message in await self._messages() if self._is_ours(message)]
            expect(len(roots) == 1, f"the task is in the channel {len(roots)} times")
            expect(len(comments) == 2, f"the task has {len(comments)} comments, not 2")
            expect(len(replies) == 3, f"the thread has {len(replies)} replies, not 3")

    async def _deletions_follow(self, task_id: str, root: str, reply: str, note: str) -> None:
        async with self._step("Ben deletes his reply: the comment goes") as now:
            await self._slack.delete(self._channel, reply)
            await now.until(lambda: self._is_absent(self._comment(task_id, "new cinema")))
        # ClickUp tells nobody of a deleted comment; it shows with the next thing said on the task.
        async with self._step("Ana deletes her comment and writes another: the thread follows") as now:
            await self._clickup.delete_comment(note)
            await self._clickup.comment(task_id, "Booked. Thank you!", user="ana")
            await now.until(lambda: self._reply(root, "Booked. Thank you!"))
            await now.until(lambda: self._is_absent(self._reply(root, "big stage")))

    # What the sandbox shows

    async def _messages(self) -> list[Json]:
        return [each for each in await self._slack.messages(self._channel) if not each["deleted"]]

    def _is_ours(self, message: Json) -> bool:
        return not message.get("thread_ts") and self._name in str(message["message"])

    async def _root_message(self) -> Json | None:
        return next((each for each in await self._messages() if self._is_ours(each)), None)

    async def _shows(self, root: str, text: str) -> bool:
        return any(each["ts"] == root and text in str(each["message"]) for each in await self._messages())

    async def _live_replies(self, root: str) -> list[Json]:
        return [
            each for each in await self._messages() if each.get("thread_ts") == root and each["ts"] != root
        ]

    async def _reply(self, root: str, text: str) -> Json | None:
        return next((each for each in await self._live_replies(root) if text in str(each["message"])), None)

    async def _message_says(self, root: str, ts: str, text: str) -> bool:
        return any(
            each["ts"] == ts and text in str(each["message"]) for each in await self._live_replies(root)
        )

    async def _live_comments(self, task_id: str) -> list[Json]:
        return [each for each in await self._clickup.comments(task_id) if not each["deleted"]]

    async def _comment(self, task_id: str, text: str) -> Json | None:
        return next(
            (each for each in await self._live_comments(task_id) if text in each["comment_text"]), None
        )

    async def _comment_says(self, comment_id: str, text: str) -> bool:
        found = await self._clickup.comments()
        return any(str(each["id"]) == comment_id and text in each["comment_text"] for each in found)

    async def _is_absent(self, found: Awaitable[Json | None]) -> bool:
        return await found is None

    def _step(self, what: str) -> AbstractAsyncContextManager[Step]:
        return step(self._narrator, what)
