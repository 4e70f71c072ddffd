"""Test an agent without any server.

    async with agent_under_test(agent) as squad:
        outcome = await squad.give("fix_bug", "the build is red")
        assert outcome.answer == "opened PR 12"

The agent's own worker does the work; what a server would say is played in memory, by the same contracts.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from oblivion_client.agent import Agent
from oblivion_client.checkpoints import unpack
from oblivion_client.link import ACKNOWLEDGED_WITHIN_S
from oblivion_client.progress import SendProgress, add_usage
from oblivion_client.worker import Worker
from oblivion_contracts.agent_socket import (
    FENCED_OFF,
    Acknowledgement,
    ApprovalAnswered,
    ApprovalRequest,
    ContextUpdated,
    RunMessage,
    SearchHistory,
    TaskAck,
    TaskAssigned,
    TaskCancelled,
    TaskCheckpoint,
    TaskCompleted,
    TaskDelegate,
    TaskFailed,
    TaskMessage,
    TaskProgress,
)
from oblivion_contracts.identifiers import DEFAULT_TASK
from oblivion_contracts.model import Contract
from oblivion_contracts.problems import Problem
from oblivion_contracts.runs import Category, DelegateTask, RunFailure, RunSource, Usage
from oblivion_contracts.sessions import HistoryHit, SessionMessage

__all__ = ["Assignment", "Outcome", "ProgressReport", "Squad", "agent_under_test"]

ENDS_WITHIN_S = 10.0

AnswerApproval = Callable[[ApprovalRequest], bool | None]
"""A person's answer; None leaves the question open."""
AnswerDelegation = Callable[[DelegateTask], str]
"""What the other agent answers."""


@dataclass(frozen=True)
class ProgressReport:
    """What `run.progress` was called with."""

    percent: int | None
    text: str


@dataclass
class Outcome:
    """What became of a run, and what was said on the way."""

    answer: str | None = None
    failure: RunFailure | None = None
    was_cancelled: bool = False
    progress: list[ProgressReport] = field(default_factory=list[ProgressReport])
    messages: list[str] = field(default_factory=list[str])
    checkpoints: list[Any] = field(default_factory=list[Any])
    approvals: list[ApprovalRequest] = field(default_factory=list[ApprovalRequest])
    delegations: list[DelegateTask] = field(default_factory=list[DelegateTask])
    usage: Usage = field(default_factory=Usage)
    seen_sequence: int = 0
    """What was said after this message, the handler did not read."""


class Assignment:
    """A run that was given to the agent."""

    def __init__(self, squad: "Squad", task: TaskAssigned) -> None:
        self._squad = squad
        self._said = len(task.messages)
        self.task = task
        self.so_far = Outcome()
        self.answers: dict[str, ApprovalAnswered] = {}
        self.delegated: dict[str, UUID] = {}
        self.packed: bytes | None = None
        self.ended = asyncio.Event()
        self.acknowledged = asyncio.Event()

    async def outcome(self, *, within_s: float = ENDS_WITHIN_S) -> Outcome:
        """Wait for the run's end.

        Raises:
            AssertionError: it did not come in time.
        """
        try:
            async with asyncio.timeout(within_s):
                await self.ended.wait()
                await self._squad.gone(self.task.run_id)
        except TimeoutError:
            raise AssertionError(f"the run did not end within {within_s:.0f} s") from None
        return self.so_far

    async def begun(self, *, within_s: float = ENDS_WITHIN_S) -> None:
        """Wait until the agent has taken the run."""
        async with asyncio.timeout(within_s):
            await self.acknowledged.wait()

    async def cancel(self, reason: str = "cancelled by the test") -> Outcome:
        """Cancel the run as a person would, and wait until the handler has ended."""
        self._squad.say("task.cancelled", TaskCancelled(**self._ids(), reason=reason))
        self.so_far.was_cancelled = True
        self.ended.set()
        return await self.outcome()

    def say(self, text: str, *, author: str = "Ada", is_question: bool = False) -> None:
        """Say something in the thread while the agent works; as a question, to the agent itself."""
        message = self._message("user", author, text)
        self._update([message.model_copy(update={"is_question": is_question})])

    def edit(self, prompt: str) -> None:
        """Edit the question while the agent works on it."""
        self._squad.say("context.updated", ContextUpdated(**self._ids(), messages=[], prompt=prompt))

    async def restart(self) -> None:
        """Go on as after a crash: the same run, the next fence, the last checkpoint, in a new handler."""
        changes: dict[str, Any] = {
            "fence": self.task.fence + 1,
            "attempt": self.task.attempt + 1,
            "checkpoint": self.packed,
        }
        self.task = self.task.model_copy(update=changes)
        self.acknowledged.clear()
        self._squad.say("task.assigned", self.task)
        await self.begun()

    def delegation_ended(self, run_id: UUID, answer: str) -> None:
        """Tell the agent what work it handed on has ended with."""
        self._update([self._message("agent", "another agent", answer, run_id)])

    def _update(self, messages: list[SessionMessage]) -> None:
        self._squad.say("context.updated", ContextUpdated(**self._ids(), messages=messages))

    def _message(self, role: Any, author: str, text: str, run_id: UUID | None = None) -> SessionMessage:
        self._said += 1
        return SessionMessage(
            sequence=self._said,
            role=role,
            author=author,
            text=text,
            source=RunSource.SLACK,
            run_id=run_id,
            at=datetime.now(UTC),
        )

    def _ids(self) -> dict[str, Any]:
        return {"run_id": self.task.run_id, "fence": self.task.fence}


class Squad:
    """Plays the server: gives work, and answers what the agent asks."""

    def __init__(self) -> None:
        self._assignments: dict[UUID, Assignment] = {}
        self._worker: Worker | None = None
        self.answer_approval: AnswerApproval = lambda _: None
        self.answer_delegation: AnswerDelegation = lambda _: "done"
        self.history: list[HistoryHit] = []
        """What a search finds."""
        self.searches: list[SearchHistory] = []

    async def give(self, task: str = DEFAULT_TASK, prompt: str = "", **more: Any) -> Outcome:
        """Give the agent a task and wait for its end; `more` are fields of `TaskAssigned`."""
        return await self.assign(task, prompt, **more).outcome()

    def assign(self, task: str = DEFAULT_TASK, prompt: str = "", **more: Any) -> Assignment:
        """Give the agent a task that the test goes on to play with."""
        fields: dict[str, Any] = {
            "run_id": uuid4(),
            "fence": 1,
            "agent": "under-test",
            "task": task,
            "prompt": prompt,
            "category": Category.QUICK,
            "source": RunSource.API,
            "session_id": uuid4(),
            "lease_s": 3_600.0,
            "heartbeat_s": 600.0,
            "deadline": datetime.now(UTC) + timedelta(minutes=2),
            **more,
        }
        assignment = Assignment(self, TaskAssigned(**fields))
        self._assignments[assignment.task.run_id] = assignment
        self.say("task.assigned", assignment.task)
        return assignment

    def say(self, event: str, message: Contract) -> None:
        """Tell the agent something, as it would arrive over the wire."""
        if self._worker is None:
            raise AssertionError("Use the squad inside `async with agent_under_test(agent)`.")
        self._worker.receive(event, message.model_dump(mode="json"))

    def engage(self, worker: Worker | None) -> None:
        """Give work to this worker."""
        self._worker = worker

    async def gone(self, run_id: UUID) -> None:
        """Wait until the agent does nothing about the run any more."""
        if self._worker is not None:
            await self._worker.gone(run_id)

    async def greeted(self) -> None:
        """A server in memory is always there."""

    async def call(
        self,
        event: str,  # noqa: ARG002 - the port's; the message says it
        message: Contract,
        *,
        within_s: float = ACKNOWLEDGED_WITHIN_S,  # noqa: ARG002 - the port's; memory is fast
    ) -> Acknowledgement:
        """Take what the agent says, through JSON and back, and acknowledge it."""
        arrived = type(message).model_validate(message.model_dump(mode="json"))
        if isinstance(arrived, SearchHistory):
            self.searches.append(arrived)
            return Acknowledgement(ok=True, hits=self.history)
        if not isinstance(arrived, RunMessage):
            return Acknowledgement(ok=True)
        assignment = self._assignments.get(arrived.run_id)
        if assignment is None or arrived.fence < assignment.task.fence:
            problem = Problem(title="Fenced off", status=409, detail="Not this agent's.", code=FENCED_OFF)
            return Acknowledgement(ok=False, problem=problem)
        return self._take(assignment, arrived)

    def _take(self, assignment: Assignment, message: RunMessage) -> Acknowledgement:
        outcome = assignment.so_far
        match message:
            case TaskAck():
                assignment.acknowledged.set()
            case TaskProgress():
                _note_progress(outcome, message)
            case TaskMessage():
                outcome.messages.append(message.text)
            case TaskCheckpoint():
                assignment.packed = message.data
                outcome.checkpoints.append(unpack(message.data))
            case TaskCompleted() | TaskFailed():
                _note_end(assignment, message)
            case ApprovalRequest():
                return self._ask(assignment, message)
            case TaskDelegate():
                return self._delegate(assignment, message)
            case _:
                pass
        return Acknowledgement(ok=True)

    def _ask(self, assignment: Assignment, request: ApprovalRequest) -> Acknowledgement:
        if request.key not in assignment.answers:
            assignment.so_far.approvals.append(request)
            approved = self.answer_approval(request)
            if approved is None:
                return Acknowledgement(ok=True, approval_id=uuid4())
            assignment.answers[request.key] = ApprovalAnswered(
                run_id=request.run_id, fence=request.fence, approval_id=uuid4(), approved=approved
            )
        return Acknowledgement(ok=True, approval=assignment.answers[request.key])

    def _delegate(self, assignment: Assignment, message: TaskDelegate) -> Acknowledgement:
        if message.key not in assignment.delegated:
            assignment.so_far.delegations.append(message.delegation)
            assignment.delegated[message.key] = uuid4()
        run_id = assignment.delegated[message.key]
        answer = self.answer_delegation(message.delegation)
        asyncio.get_running_loop().call_soon(assignment.delegation_ended, run_id, answer)
        return Acknowledgement(ok=True, delegated_run_id=run_id)


@contextlib.asynccontextmanager
async def agent_under_test(agent: Agent) -> AsyncGenerator[Squad]:
    """The agent at work, with a squad that gives it tasks; what still runs at the end is handed back."""
    squad = Squad()
    worker = Worker(agent.handlers, squad, agent.options, _EveryReport)
    squad.engage(worker)
    agent.use(squad)
    try:
        yield squad
    finally:
        agent.use(None)
        await worker.drain(asyncio.sleep(0))
        squad.engage(None)


class _EveryReport:
    """Sends each report at once, so that a test sees all of them in their order."""

    def __init__(self, send: SendProgress) -> None:
        self._send = send
        self._usage: Usage | None = None

    async def report(self, percent: int | None, text: str) -> None:
        await self._send(percent, text, None)

    async def account(self, usage: Usage) -> None:
        self._usage = add_usage(self._usage, usage)

    async def close(self) -> Usage | None:
        usage, self._usage = self._usage, None
        return usage


def _note_progress(outcome: Outcome, message: TaskProgress) -> None:
    outcome.progress.append(ProgressReport(message.percent, message.text))
    if message.usage is not None:
        outcome.usage = add_usage(outcome.usage, message.usage)


def _note_end(assignment: Assignment, message: TaskCompleted | TaskFailed) -> None:
    outcome = assignment.so_far
    if assignment.ended.is_set():
        return
    if message.usage is not None:
        outcome.usage = add_usage(outcome.usage, message.usage)
    if isinstance(message, TaskCompleted):
        outcome.answer = message.answer
    else:
        outcome.failure = RunFailure(code=message.code, message=message.message)
    outcome.seen_sequence = message.seen_sequence
    assignment.ended.set()
