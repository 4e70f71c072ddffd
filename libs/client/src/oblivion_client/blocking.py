"""A run for handlers written without `async`: the same methods, each returning when it is done."""

import asyncio
import contextvars
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar
from uuid import UUID

from oblivion_client.errors import RunTakenAway
from oblivion_client.run import Delegation, Run
from oblivion_contracts.agent_socket import ApprovalAnswered, ContextUpdated, TaskAssigned
from oblivion_contracts.sessions import HistoryHit

ResultT = TypeVar("ResultT")


class BlockingRun:
    """Used in the handler's thread. Once the run is cancelled, each method raises `RunTakenAway`."""

    def __init__(self, run: Run, loop: asyncio.AbstractEventLoop) -> None:
        self._run = run
        self._loop = loop

    @property
    def id(self) -> UUID:
        return self._run.id

    @property
    def restored(self) -> Any:
        """As `Run.restored`."""
        return self._run.restored

    @property
    def is_cancelled(self) -> bool:
        """Nobody waits for an answer any more: return soon."""
        return self._run.is_cancelled

    def progress(self, percent: int | None = None, text: str = "") -> None:
        self._wait(lambda: self._run.progress(percent, text))

    def message(self, text: str) -> None:
        self._wait(lambda: self._run.message(text))

    def checkpoint(self, value: object) -> None:
        self._wait(lambda: self._run.checkpoint(value))

    def ask_approval(self, question: str, detail: str = "", key: str | None = None) -> ApprovalAnswered:
        return self._wait(lambda: self._run.ask_approval(question, detail, key))

    def delegate(self, prompt: str, *, agent: str | None = None, wait: bool = True) -> Delegation:
        return self._wait(lambda: self._run.delegate(prompt, agent=agent, wait=wait))

    def report_usage(
        self, model: str = "", *, input_tokens: int = 0, output_tokens: int = 0, cost_usd: float = 0.0
    ) -> None:
        self._wait(
            lambda: self._run.report_usage(
                model, input_tokens=input_tokens, output_tokens=output_tokens, cost_usd=cost_usd
            )
        )

    def search_history(self, query: str, limit: int = 5) -> list[HistoryHit]:
        return self._wait(lambda: self._run.search_history(query, limit))

    def new_updates(self) -> list[ContextUpdated]:
        async def taken() -> list[ContextUpdated]:
            return self._run.new_updates()

        return self._wait(taken)

    def _wait(self, call: Callable[[], Coroutine[Any, Any, ResultT]]) -> ResultT:
        if self._run.is_cancelled:
            raise RunTakenAway("This run was cancelled; return.")
        return asyncio.run_coroutine_threadsafe(call(), self._loop).result()


async def call_in_thread(handler: Callable[[TaskAssigned, BlockingRun], ResultT], run: Run) -> ResultT:
    """Run a plain function beside the loop.

    In a thread of its own that nobody joins: one that does not end when its run is cancelled must not keep
    the process from ending.
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[ResultT] = loop.create_future()

    def settle(deliver: Callable[[], None]) -> None:
        if not outcome.done():
            deliver()

    def work() -> None:
        try:
            result = handler(run.task, BlockingRun(run, loop))
        except BaseException as error:  # Handed on to the loop, whatever it is.
            failure = error
            _tell(loop, lambda: settle(lambda: outcome.set_exception(failure)))
        else:
            _tell(loop, lambda: settle(lambda: outcome.set_result(result)))

    # In a copy of this context: what the handler traces stands below its task's span.
    threading.Thread(
        target=contextvars.copy_context().run, args=(work,), name=f"run-{run.id}", daemon=True
    ).start()
    return await outcome


def _tell(loop: asyncio.AbstractEventLoop, what: Callable[[], None]) -> None:
    try:
        loop.call_soon_threadsafe(what)
    except RuntimeError:  # The loop is closed: the process is ending.
        return
