"""The second act: people ask the squad, in Slack and by a task in ClickUp, and get one answer each.

The answers are the sandbox model's, which works by simple rules; what is shown is the way there and back.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any

from oblivion_cli.demo.steps import STEP_WITHIN_S, Narrator, Step, expect, step
from oblivion_cli.demo.story import CHANNEL_NAME, LIST_NAME
from oblivion_sandbox.control import SandboxControl

THREAD = (
    ("ana", "Where shall the launch party be? The old cinema costs 900 a night."),
    ("ben", "The cinema has a stage. The roof terrace is free, but it may rain."),
    ("ana", "Then let us take the cinema and ask for a discount."),
)
IS_AT_WORK = "Processing"

Json = dict[str, Any]


class Questions:
    """One telling; looks only at its own threads."""

    def __init__(
        self, control: SandboxControl, narrator: Narrator, step_within_s: float = STEP_WITHIN_S
    ) -> None:
        self._slack = control.slack
        self._clickup = control.clickup
        self._narrator = narrator
        self._step_within_s = step_within_s
        self._channel = ""
        self._bot = ""

    async def play(self) -> str:
        """Play it, and return the ts of the thread to look at.

        Raises:
            CommandFailed: a step did not happen.
        """
        self._channel = (await self._slack.channels())[CHANNEL_NAME]
        self._bot = str((await self._slack.app())["bot_user_id"])
        root = await self._people_talk()
        answer = await self._squad_summarises(root)
        await self._follow_up(root, answer)
        await self._task_is_answered()
        return root

    async def _people_talk(self) -> str:
        root = ""
        for who, text in THREAD:
            said = await self._slack.post(self._channel, text, user=who, thread_ts=root or None)
            root = root or str(said["ts"])
        return root

    async def _squad_summarises(self, root: str) -> str:
        async with self._step("You ask @oblivion to summarise the thread: it is at work at once") as now:
            await self._slack.post(self._channel, f"<@{self._bot}> summarise this thread", thread_ts=root)
            notice = await now.until(lambda: self._ours(root, bool))
        async with self._step("… and the answer takes the place of that very message") as now:
            answer = await now.until(lambda: self._ours(root, _is_an_answer))
            expect(answer["ts"] == notice["ts"], "the answer is in another message than the notice")
            expect("cinema" in _text_of(answer), "the summary does not mention the cinema")
        return str(answer["ts"])

    async def _follow_up(self, root: str, first: str) -> None:
        async with self._step("You ask on in the same thread: a second answer, one message again") as now:
            await self._slack.post(
                self._channel, f"<@{self._bot}> and what did Ben say about the terrace?", thread_ts=root
            )
            await now.until(lambda: self._ours(root, _is_an_answer, other_than=first))
        ours = [
            message for message in await self._slack.thread(self._channel, root) if self._is_ours(message)
        ]
        expect(len(ours) == 2, f"the thread has {len(ours)} messages of the squad, not 2")

    async def _task_is_answered(self) -> None:
        name = f"Write the invitation ({datetime.now().astimezone():%H:%M:%S})"
        list_id = (await self._clickup.lists())[LIST_NAME]
        async with self._step("A task for @AI_Squad in ClickUp is answered in its thread") as now:
            await self._clickup.create_task(
                list_id,
                name,
                user="ana",
                markdown_content="@AI_Squad please draft an invitation in two lines.",
            )
            card = await self._slack.wait_for_message(self._channel, lambda message: name in str(message))
            await now.until(lambda: self._ours(str(card["ts"]), _is_an_answer))

    async def _ours(self, root: str, fits: Callable[[str], bool], other_than: str = "") -> Json | None:
        return next(
            (
                message
                for message in await self._slack.thread(self._channel, root)
                if self._is_ours(message) and message["ts"] != other_than and fits(_text_of(message))
            ),
            None,
        )

    def _is_ours(self, message: Json) -> bool:
        return bool(message.get("bot_id"))

    def _step(self, what: str) -> AbstractAsyncContextManager[Step]:
        return step(self._narrator, what, self._step_within_s)


def _text_of(message: Json) -> str:
    """What people read: the blocks, and the text where there are none."""
    return str(message.get("blocks") or "") + str(message.get("text", ""))


def _is_an_answer(text: str) -> bool:
    return bool(text) and IS_AT_WORK not in text
