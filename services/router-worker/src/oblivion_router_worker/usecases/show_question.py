"""A run's question and its answer: buttons in the thread, and on the task a comment that is assigned."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from oblivion_contracts.runs import RunEvent
from oblivion_platform import runs
from oblivion_platform.runs import Run
from oblivion_router_worker.domain.comment_view import answered_question_comment, question_comment
from oblivion_router_worker.domain.identifiers import uuid_or_none
from oblivion_router_worker.domain.run_place import RunPlace
from oblivion_router_worker.domain.run_view import Verdict, render_answered_question, render_question
from oblivion_router_worker.ports.deciding import Decision
from oblivion_router_worker.usecases.showing import Showing


def is_answer(event: RunEvent) -> bool:
    return event.data.get("state") != "pending"


@dataclass(frozen=True, slots=True)
class ShownQuestion:
    decision: Decision
    showing: Showing
    run: Run
    place: RunPlace
    agent: str | None

    async def show(self, event: RunEvent) -> None:
        approval_id = uuid_or_none(event.data.get("approval_id"))
        if approval_id is None:
            return
        if not is_answer(event):
            await self._ask(approval_id, event.data)
            return
        verdict = Verdict(
            is_approved=event.data.get("state") == "approved",
            by=str(event.data.get("by", "")),
            comment=str(event.data.get("comment", "")),
            at=event.at.timestamp(),
        )
        await self._answer(approval_id, verdict)

    async def _ask(self, approval_id: UUID, data: Mapping[str, Any]) -> None:
        question, detail = str(data.get("question", "")), str(data.get("detail", ""))
        if not data.get("again"):
            message = render_question(approval_id, self.agent, question, detail)
            await self.showing.say(self.place, self.run.id, message, _kept_as(approval_id))
            if self._is_on_task:
                asker = self.place.clickup_asker
                body = question_comment(question, self.agent or "Oblivion", approval_id, self.run.id, asker)
                await self.showing.comment(self.place, self.run.id, body, _kept_as(approval_id, "comment"))
        await self.showing.status(self.place, self.run.id, "suspended")

    async def _answer(self, approval_id: UUID, verdict: Verdict) -> None:
        question = await self._question(approval_id)
        message = render_answered_question(question, verdict)
        await self.showing.edit(self.place, self.run.id, _kept_as(approval_id), message)
        if self._is_on_task:
            body = answered_question_comment(question, verdict, approval_id, self.run.id)
            await self.showing.close_question(self.place, self.run.id, body, _kept_as(approval_id, "comment"))
        if not self.run.state.is_final:
            await self.showing.status(self.place, self.run.id, "processing")

    @property
    def _is_on_task(self) -> bool:
        return self.place.answer_as_comment and self.place.task_id is not None

    async def _question(self, approval_id: UUID) -> str:
        events = await runs.events_since(self.decision.tx, self.run.id, 0)
        asked = (
            e.data for e in events if e.data.get("approval_id") == str(approval_id) and "question" in e.data
        )
        return str(next(asked, {"question": "The question"})["question"])


def _kept_as(approval_id: UUID, what: str = "approval") -> str:
    """The name under which the run's place keeps what shows the question."""
    return f"{what}:{approval_id}"
