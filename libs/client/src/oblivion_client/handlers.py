"""The handlers of an agent: which function works on which task."""

import inspect
import re
from collections.abc import Awaitable, Callable
from typing import Any, cast

from oblivion_client.blocking import call_in_thread
from oblivion_client.errors import AgentFailure, AgentMisconfigured
from oblivion_client.run import Run
from oblivion_contracts.agent_socket import TaskAssigned
from oblivion_contracts.identifiers import DEFAULT_TASK

Handler = Callable[[TaskAssigned, Any], Any]
"""`async def handler(task: TaskAssigned, run: Run) -> str`, or a plain function with a `BlockingRun`."""

_TASK_NAME = re.compile(r"^[A-Za-z0-9_.-]{1,64}$")


class WrongReturnType(TypeError):
    """A handler returned something that is no answer."""


class Handlers:
    """Task name → function. The default task's handler also takes tasks that no other has."""

    def __init__(self) -> None:
        self._by_task: dict[str, Handler] = {}

    @property
    def names(self) -> list[str]:
        return sorted(self._by_task)

    def add(self, task: str, handler: Handler) -> None:
        """Let `handler` work on `task`.

        Raises:
            AgentMisconfigured: the name is none, is taken, or the function cannot be a handler.
        """
        if not _TASK_NAME.match(task):
            raise AgentMisconfigured(f"{task!r} is no task name: letters, digits, _ . - only, at most 64.")
        if task in self._by_task:
            raise AgentMisconfigured(f"Two handlers are there for {task!r}. Rename one of them.")
        _check_parameters(handler)
        self._by_task[task] = handler

    async def answer(self, run: Run) -> str:
        """What the task's handler answers; whatever it raises passes through.

        Raises:
            AgentFailure: there is no handler for the task.
            WrongReturnType: the handler returned something else than text.
        """
        handler = self._by_task.get(run.task.task) or self._by_task.get(DEFAULT_TASK)
        if handler is None:
            raise AgentFailure(
                f"This agent has no handler for {run.task.task!r}. It can do: {', '.join(self.names)}.",
                code="no_handler",
            )
        answer = await _call(handler, run)
        if not isinstance(answer, str):
            raise WrongReturnType(
                f"{_name(handler)} returned {type(answer).__name__}; a handler has to return "
                "its answer as str."
            )
        return answer


async def _call(handler: Handler, run: Run) -> object:
    if inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(
        getattr(handler, "__call__", None)  # noqa: B004 - an object whose call is a coroutine function
    ):
        return await cast("Awaitable[object]", handler(run.task, run))
    return await call_in_thread(handler, run)


def _check_parameters(handler: Handler) -> None:
    try:
        inspect.signature(handler).bind(None, None)
    except TypeError:
        raise AgentMisconfigured(
            f"{_name(handler)} has to take two arguments: (task: TaskAssigned, run: Run)."
        ) from None


def _name(handler: Handler) -> str:
    return str(getattr(handler, "__qualname__", handler))
