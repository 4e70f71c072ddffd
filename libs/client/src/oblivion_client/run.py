"""A run, as its handler sees it: what can be said, stored, asked and handed on while it lasts."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from oblivion_client.checkpoints import pack, unpack
from oblivion_client.errors import DelegationFailed
from oblivion_client.history import HistoryFilter, search, working_on
from oblivion_client.link import Link, RunLink, is_over_for_us, refusal
from oblivion_client.mailbox import Mailbox
from oblivion_client.progress import Reporter
from oblivion_contracts.agent_socket import (
    MESSAGE_LENGTH_MAX,
    ApprovalAnswered,
    ApprovalRequest,
    ContextUpdated,
    HeldRun,
    TaskAssigned,
    TaskCheckpoint,
    TaskDelegate,
    TaskMessage,
)
from oblivion_contracts.runs import Category, DelegateTask, Usage
from oblivion_contracts.sessions import HistoryHit

ASK_AGAIN_S = 30.0
"""How often a question is asked again while it is open: its answer may have got lost on the way."""
_PROGRESS_LENGTH_MAX = 500


@dataclass(frozen=True)
class RunParts:
    """What a run is put together from."""

    link: Link
    run_link: RunLink
    mailbox: Mailbox
    reporter: Reporter


@dataclass(frozen=True)
class Delegation:
    """Work that another agent has, and what it ended with once that was waited for."""

    run_id: UUID
    answer: str | None = None


class Run:
    """One piece of work. Its methods may be called from any task of the handler.

    When the run is cancelled, or goes to another replica, the handler's task is cancelled
    (`asyncio.CancelledError`); it may clean up for a few seconds.
    """

    def __init__(self, task: TaskAssigned, parts: RunParts) -> None:
        self.task = task
        self._link = parts.link
        self._run_link = parts.run_link
        self._mailbox = parts.mailbox
        self._reporter = parts.reporter
        self._restored = unpack(task.checkpoint) if task.checkpoint is not None else None
        self._is_cancelled = False

    @property
    def id(self) -> UUID:
        return self.task.run_id

    @property
    def restored(self) -> Any:
        """What the last holder of this run gave to `checkpoint`; None when it begins anew."""
        return self._restored

    @property
    def is_cancelled(self) -> bool:
        """Nobody waits for an answer any more."""
        return self._is_cancelled

    def mark_cancelled(self) -> None:
        """The run is over, whatever the handler still does."""
        self._is_cancelled = True
        self._mailbox.close()

    async def progress(self, percent: int | None = None, text: str = "") -> None:
        """Show how far the work is; of several in a quarter of a second, the newest is shown."""
        if percent is not None and not 0 <= percent <= 100:
            raise ValueError(f"{percent} is no percentage.")
        await self._reporter.report(percent, text[:_PROGRESS_LENGTH_MAX])

    async def message(self, text: str) -> None:
        """Say something in the thread before the answer; waits while the agent is muted.

        Sent at most once: better lost with a connection than shown twice.

        Raises:
            MessageRefused: the server does not take it.
        """
        message = TaskMessage(**self._of_this_run(), text=text[:MESSAGE_LENGTH_MAX])
        while True:
            await self._run_link.greeted()
            answer = await self._run_link.offer("task.message", message)
            if answer is None or answer.ok:
                return
            if answer.retry_after_s is None or is_over_for_us(answer):
                raise refusal("task.message", answer)
            await asyncio.sleep(answer.retry_after_s)

    async def checkpoint(self, value: object) -> None:
        """Store where the work is; returns once it is stored. It replaces the one before.

        Whoever continues this run after a crash finds it in `run.restored`.

        Raises:
            CheckpointTooLarge: more than 256 KiB, compressed.
            TypeError: it is no JSON value.
        """
        data = base64.b64encode(pack(value))
        await self._run_link.deliver("task.checkpoint", TaskCheckpoint(**self._of_this_run(), data=data))

    async def ask_approval(self, question: str, detail: str = "", key: str | None = None) -> ApprovalAnswered:
        """Ask a person, and wait for the answer, over restarts too.

        The same question is asked once in a run; to ask it again, give another `key`.
        """
        request = ApprovalRequest(
            **self._of_this_run(), key=key or _key(question, detail), question=question, detail=detail
        )
        while True:
            asked = await self._run_link.deliver("approval.request", request)
            if asked.approval is not None:
                return asked.approval
            if asked.approval_id is None:
                raise refusal("approval.request", asked)
            try:
                async with asyncio.timeout(ASK_AGAIN_S):
                    return await self._mailbox.answer_to(asked.approval_id)
            except TimeoutError:
                continue

    async def delegate(
        self,
        prompt: str,
        *,
        agent: str | None = None,
        task: str | None = None,
        category: Category = Category.MEDIUM,
        wait: bool = True,
        key: str | None = None,
    ) -> Delegation:
        """Hand work to another agent, and wait for its answer unless told not to.

        Raises:
            DelegationFailed: the other agent did not succeed.
            MessageRefused: it may not be handed on (too many hops, no such agent).
        """
        work = DelegateTask(prompt=prompt, agent=agent, task=task, category=Category(category))
        return await self.delegate_task(work, wait=wait, key=key)

    async def delegate_task(
        self, work: DelegateTask, *, wait: bool = True, key: str | None = None
    ) -> Delegation:
        """`delegate` with everything that can be handed on: skills, context, state, allowed tools."""
        message = TaskDelegate(
            **self._of_this_run(), key=key or _key(work.model_dump_json(), "delegation"), delegation=work
        )
        answer = await self._run_link.deliver("task.delegate", message)
        if answer.delegated_run_id is None:
            raise refusal("task.delegate", answer)
        if not wait:
            return Delegation(answer.delegated_run_id)
        ended = await self._mailbox.message_of(answer.delegated_run_id)
        if ended.role == "system":
            raise DelegationFailed(answer.delegated_run_id, ended.text)
        return Delegation(answer.delegated_run_id, ended.text)

    async def report_usage(
        self, model: str = "", *, input_tokens: int = 0, output_tokens: int = 0, cost_usd: float = 0.0
    ) -> None:
        """Report what was just used; all reports of a run are added up."""
        usage = Usage(model=model, input_tokens=input_tokens, output_tokens=output_tokens, cost_usd=cost_usd)
        await self._reporter.account(usage)

    async def search_history(
        self, query: str, limit: int = 5, narrowed: HistoryFilter | None = None
    ) -> list[HistoryHit]:
        """Earlier runs about the same, said in public or asked by the same person; most similar first."""
        with working_on(HeldRun(**self._of_this_run())):
            return await search(self._link, query, limit, narrowed or HistoryFilter())

    def updates(self) -> AsyncGenerator[ContextUpdated]:
        """What is said in the thread, and what delegated work ends with, as it comes; ends with the run.

        What was taken from here, or from `new_updates`, counts as read. A question to the agent that it ends
        without reading becomes a run of its own.
        """
        return self._mailbox.updates()

    def new_updates(self) -> list[ContextUpdated]:
        """What came since the last call; for a handler that looks between its steps."""
        return self._mailbox.new_updates()

    def _of_this_run(self) -> dict[str, Any]:
        return {"run_id": self.task.run_id, "fence": self.task.fence}


def _key(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()[:32]
