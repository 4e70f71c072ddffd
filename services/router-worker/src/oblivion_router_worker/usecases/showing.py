"""Decides what of runs leaves for Slack: each call is one effect in the transaction."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID

from oblivion_contracts.jobs import EventPriority
from oblivion_router_worker.domain.effect_bodies import Blocks
from oblivion_router_worker.domain.effects import Body, Effect, clickup_destination
from oblivion_router_worker.domain.run_effects import (
    PROGRESS_TS,
    CloseQuestion,
    MoveTask,
    RunAnswer,
    RunComment,
    RunEdit,
    RunFile,
    RunPost,
    SetReaction,
    SetSessionStatus,
    Whisper,
    marks_destination,
    person_destination,
)
from oblivion_router_worker.domain.run_place import RunPlace
from oblivion_router_worker.domain.run_view import AnswerFile
from oblivion_router_worker.domain.slack_message import SlackMessage
from oblivion_router_worker.ports.deciding import Outbox
from oblivion_router_worker.ports.delivery import Sending


@dataclass(slots=True)
class Showing:
    """What one transaction shows; `destinations` are to be kicked once it is committed."""

    outbox: Outbox
    tenant_id: UUID
    event_id: UUID | None = None
    destinations: dict[str, Sending | None] = field(default_factory=dict[str, Sending | None])
    effects: int = 0

    async def say(
        self, place: RunPlace, run_id: UUID, message: SlackMessage, keep_as: str | None = None
    ) -> None:
        body = RunPost(place.channel, place.thread_ts, message.text, message.blocks, keep_as)
        await self._in_thread(place, run_id, body)

    async def begin(
        self,
        place: RunPlace,
        run_id: UUID,
        message: SlackMessage,
        steps: Blocks,
        stream_to: Mapping[str, str] | None,
    ) -> None:
        """The one message that is edited until the answer takes its place; as a stream, if it may be one."""
        body = RunPost(place.channel, place.thread_ts, message.text, message.blocks, PROGRESS_TS)
        if stream_to is not None:
            body = replace(body, stream_to=stream_to, steps=steps)
        await self._in_thread(place, run_id, body)

    async def progress(
        self, place: RunPlace, run_id: UUID, message: SlackMessage, steps: Blocks = ()
    ) -> None:
        body = RunEdit(
            place.channel, PROGRESS_TS, message.text, message.blocks, is_progress=True, steps=steps
        )
        await self._in_thread(place, run_id, body)

    async def edit(self, place: RunPlace, run_id: UUID, target: str, message: SlackMessage) -> None:
        await self._in_thread(place, run_id, RunEdit(place.channel, target, message.text, message.blocks))

    async def answer(self, place: RunPlace, run_id: UUID, message: SlackMessage, words: Blocks = ()) -> None:
        body = RunAnswer(place.channel, place.thread_ts, message.text, message.blocks, words=words)
        await self._in_thread(place, run_id, body)

    async def file(self, place: RunPlace, run_id: UUID, file: AnswerFile) -> None:
        body = RunFile(place.channel, place.thread_ts, file.name, file.title, file.content, file.instead)
        await self._in_thread(place, run_id, body)

    async def mark(
        self, place: RunPlace, run_id: UUID | None, add: str | None, remove: str | None = None
    ) -> None:
        """An emoji on the question."""
        if place.question_ts is None:
            return
        destination = marks_destination(place.integration_id, place.channel, place.question_ts)
        body = SetReaction(place.channel, place.question_ts, add, remove)
        await self.send(place.integration_id, destination, body, run_id=run_id)

    async def signs(
        self, place: RunPlace, run_id: UUID, add: str, remove: str | None, status: str, title: str = ""
    ) -> None:
        """Both of them, as one effect where the question began the thread."""
        if place.question_ts is None or place.question_ts != place.thread_ts:
            await self.mark(place, run_id, add, remove)
            await self.status(place, run_id, status, title)
            return
        destination = marks_destination(place.integration_id, place.channel, place.question_ts)
        body = SetReaction(place.channel, place.question_ts, add, remove, status, title)
        await self.send(place.integration_id, destination, body, run_id=run_id)

    async def status(
        self, place: RunPlace, run_id: UUID, status: str, title: str = "", words: str = ""
    ) -> None:
        """What Slack itself shows of the agent at work."""
        if place.thread_ts is None:
            return
        destination = marks_destination(place.integration_id, place.channel, place.thread_ts)
        body = SetSessionStatus(place.channel, place.thread_ts, status, title, words)
        await self.send(place.integration_id, destination, body, run_id=run_id)

    async def whisper(
        self, integration_id: UUID, channel: str, user: str, words: SlackMessage, thread_ts: str | None = None
    ) -> None:
        """To one person alone."""
        body = Whisper(channel, user, thread_ts, words.text, words.blocks)
        await self.send(integration_id, person_destination(integration_id, user, "answers"), body)

    async def comment(self, place: RunPlace, run_id: UUID, comment: RunComment, keep_as: str) -> None:
        """On the run's task; where a comment asked, in its thread."""
        body = replace(comment, task_id=place.task_id, reply_to=place.comment_id, keep_as=keep_as)
        await self.on_task(place, run_id, body)

    async def close_question(self, place: RunPlace, run_id: UUID, comment: Blocks, target: str) -> None:
        await self.on_task(place, run_id, CloseQuestion(place.task_id or "", target, comment))

    async def on_task(
        self, place: RunPlace, run_id: UUID, body: RunComment | MoveTask | CloseQuestion
    ) -> None:
        if place.clickup_integration_id is None:
            return
        destination = clickup_destination(place.clickup_integration_id, body.task_id)
        await self.send(place.clickup_integration_id, destination, body, run_id=run_id)

    async def send(
        self,
        integration_id: UUID,
        destination: str,
        body: Body,
        *,
        run_id: UUID | None = None,
        task_mapping_id: UUID | None = None,
    ) -> None:
        effect = Effect(
            tenant_id=self.tenant_id,
            integration_id=integration_id,
            destination=destination,
            body=body,
            task_mapping_id=task_mapping_id,
            priority=EventPriority.CREATION,
            event_id=self.event_id,
            run_id=run_id,
        )
        leased = await self.outbox.add(effect)
        self.destinations.setdefault(effect.destination, leased)
        self.effects += 1

    async def _in_thread(self, place: RunPlace, run_id: UUID, body: Body) -> None:
        await self.send(
            place.integration_id,
            place.destination,
            body,
            run_id=run_id,
            task_mapping_id=place.task_mapping_id,
        )
