"""One run in this process, from its assignment to its end.

`assign → ack → heartbeats and work → result`. The lease decides: when nobody has confirmed it for its whole
length, another replica may hold the run, so the work stops without a word.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar
from uuid import UUID

from oblivion_client.errors import AgentFailure, MessageRefused, RunTakenAway
from oblivion_client.handlers import Handlers
from oblivion_client.history import working_on
from oblivion_client.lease import Lease
from oblivion_client.link import Link, RunLink
from oblivion_client.mailbox import Mailbox
from oblivion_client.progress import Reporter, SendProgress
from oblivion_client.run import Run, RunParts
from oblivion_client.spans import note_end, task_span
from oblivion_client.tasks import end
from oblivion_contracts.agent_socket import (
    HeldRun,
    TaskAck,
    TaskAssigned,
    TaskCompleted,
    TaskFailed,
    TaskHeartbeat,
    TaskProgress,
)
from oblivion_contracts.runs import ANSWER_LENGTH_MAX, Usage

CLEANUP_S = 10.0
"""How long a cancelled handler may clean up."""
_APOLOGY = "Something went wrong inside the agent while it worked on this. Its log says what, under run {}."

logger = logging.getLogger("oblivion_client")
ResultT = TypeVar("ResultT")


class Ending(Enum):
    """Why a run ends here without an answer."""

    CANCELLED = "it was cancelled"
    TAKEN_AWAY = "another replica has it, or it is over"
    LEASE_LOST = "the server could not be reached for as long as its lease lasts"
    HANDED_BACK = "this process is going away"


@dataclass(frozen=True)
class HoldingParts:
    """What every run of an agent shares."""

    handlers: Handlers
    link: Link
    make_reporter: Callable[[SendProgress], Reporter]
    cleanup_s: float = CLEANUP_S


class Holding:
    """A run that this process holds."""

    def __init__(self, task: TaskAssigned, parts: HoldingParts) -> None:
        self.task = task
        self._parts = parts
        self._link = RunLink(parts.link, lambda: self.stop(Ending.TAKEN_AWAY))
        self._lease = Lease(task.lease_s)
        self._stopping = asyncio.Event()
        self._reporter = parts.make_reporter(self._send_progress)
        self.mailbox = Mailbox(task.messages)
        self.ending: Ending | None = None
        self._run: Run | None = None

    @property
    def run_id(self) -> UUID:
        return self.task.run_id

    @property
    def held(self) -> HeldRun:
        return HeldRun(run_id=self.task.run_id, fence=self.task.fence)

    def stop(self, why: Ending) -> None:
        """Let go of the run; the first reason stands."""
        if self.ending is None:
            self.ending = why
            self._stopping.set()
            if self._run is not None:
                self._run.mark_cancelled()
            logger.info("run %s stops here: %s", self.run_id, why.value)

    async def live(self) -> None:
        """Acknowledge, work, answer; returns when nothing of the run is left here."""
        beating = asyncio.create_task(self._beat())
        try:
            result = await self._unless_stopped(self._work_under_lease())
            if result is not None:
                await self._unless_stopped(self._send(result))
        finally:
            await end(beating)
            await self._reporter.close()
            self.mailbox.close()

    async def acknowledge_again(self) -> None:
        """The assignment came twice: our acknowledgement got lost."""
        await self._link.offer("task.ack", TaskAck(**self._of_this_run()))

    async def _work_under_lease(self) -> TaskCompleted | TaskFailed | None:
        watching = asyncio.create_task(self._watch_lease())
        try:
            await self._acknowledge()
            with task_span(self.task) as span:
                result = await self._work()
                note_end(span, result)
            return result
        except (RunTakenAway, MessageRefused) as refused:
            logger.info("run %s is not worked on: %s", self.run_id, refused)
            return None
        finally:
            watching.cancel()

    async def _acknowledge(self) -> None:
        sent_at = self._lease.now()
        await self._link.deliver("task.ack", TaskAck(**self._of_this_run()))
        self._lease.confirm(sent_at)

    async def _work(self) -> TaskCompleted | TaskFailed:
        try:
            with working_on(self.held):
                answer = await self._parts.handlers.answer(self._make_run())
        except AgentFailure as failure:
            return await self._failed(failure.code, failure.message)
        except RunTakenAway:
            raise
        except asyncio.CancelledError:
            if _is_being_cancelled():
                raise
            logger.exception("run %s: the handler of %r cancelled itself", self.run_id, self.task.task)
            return await self._failed("agent_failed", _APOLOGY.format(self.run_id))
        except Exception:
            logger.exception("run %s: the handler of %r failed", self.run_id, self.task.task)
            return await self._failed("agent_failed", _APOLOGY.format(self.run_id))
        if len(answer) > ANSWER_LENGTH_MAX:
            logger.warning("run %s: the answer was cut to %d characters", self.run_id, ANSWER_LENGTH_MAX)
        usage = await self._reporter.close()
        return TaskCompleted(
            **self._of_this_run(),
            answer=answer[:ANSWER_LENGTH_MAX],
            usage=usage,
            seen_sequence=self.mailbox.seen_sequence,
        )

    def _make_run(self) -> Run:
        parts = RunParts(self._parts.link, self._link, self.mailbox, self._reporter)
        self._run = Run(self.task, parts)
        return self._run

    async def _failed(self, code: str, message: str) -> TaskFailed:
        usage = await self._reporter.close()
        return TaskFailed(
            **self._of_this_run(),
            code=code,
            message=message,
            usage=usage,
            seen_sequence=self.mailbox.seen_sequence,
        )

    async def _send(self, result: TaskCompleted | TaskFailed) -> None:
        event = "task.completed" if isinstance(result, TaskCompleted) else "task.failed"
        try:
            await self._link.deliver(event, result)
        except RunTakenAway:
            logger.info("run %s: its answer is not wanted any more", self.run_id)
        except MessageRefused as refused:
            logger.error("run %s: %s", self.run_id, refused)

    async def _send_progress(self, percent: int | None, text: str, usage: Usage | None) -> None:
        message = TaskProgress(**self._of_this_run(), percent=percent, text=text, usage=usage)
        await self._link.offer("task.progress", message)

    async def _beat(self) -> None:
        """Extend the lease as often as the server wants it, until the answer has arrived."""
        while True:
            await asyncio.sleep(self.task.heartbeat_s)
            sent_at = self._lease.now()
            answer = await self._link.offer(
                "task.heartbeat", TaskHeartbeat(**self._of_this_run()), within_s=self.task.heartbeat_s
            )
            if answer is not None and answer.ok:
                self._lease.confirm(sent_at)

    async def _watch_lease(self) -> None:
        await self._lease.lost()
        self.stop(Ending.LEASE_LOST)

    async def _unless_stopped(self, work: Coroutine[Any, Any, ResultT]) -> ResultT | None:
        """The work's result; None when the run was stopped, once the work has cleaned up or had its time."""
        working = asyncio.create_task(work)
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            working.cancel()
            raise
        finally:
            stopping.cancel()
        if self._stopping.is_set():
            await self._end(working)
            return None
        return working.result()

    async def _end(self, working: asyncio.Task[Any]) -> None:
        working.cancel()
        _, unfinished = await asyncio.wait({working}, timeout=self._parts.cleanup_s)
        if unfinished:
            logger.error("run %s: its handler does not end though it was cancelled", self.run_id)

    def _of_this_run(self) -> dict[str, Any]:
        return {"run_id": self.task.run_id, "fence": self.task.fence}


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
