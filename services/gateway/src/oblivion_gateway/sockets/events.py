"""One message of an agent: checked against its contract, handled, acknowledged. Never an exception."""

import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from http import HTTPStatus
from typing import Any

from pydantic import ValidationError

from oblivion_contracts.agent_socket import (
    AGENT_EVENTS,
    Acknowledgement,
    AgentDraining,
    AgentHello,
    RunMessage,
    TaskMessage,
)
from oblivion_contracts.model import Contract
from oblivion_contracts.problems import Problem
from oblivion_gateway.domain.agent_connections import AgentConnection
from oblivion_gateway.socket_errors import EventUnknown, HelloNeeded, MessageNotUnderstood, TooManyEvents
from oblivion_gateway.socket_metrics import EVENTS
from oblivion_gateway.socket_ports import AgentSockets
from oblivion_gateway.usecases.greet import Greet
from oblivion_gateway.usecases.hand_on import HandOn
from oblivion_gateway.usecases.hold_runs import HoldRuns
from oblivion_gateway.usecases.tell_agents import TellAgents
from oblivion_platform.errors import OblivionFailure, TransientFailure
from oblivion_platform.logging import get_logger
from oblivion_platform.telemetry import tracing
from oblivion_platform.tracing import is_tracing

RETRY_AFTER_S = 1.0

Handle = Callable[[AgentConnection, Any], Awaitable[Acknowledgement | None]]
_NOT_TRACED = frozenset({"task.heartbeat"})
_UNTRACED = nullcontext()
DONE: dict[str, Any] = {"ok": True}

_log = get_logger(__name__)


class AgentEvents:
    """The events of the namespace `/agents`, but for connecting."""

    def __init__(
        self, sockets: AgentSockets, greet: Greet, hold: HoldRuns, hand_on: HandOn, tell: TellAgents
    ) -> None:
        self._sockets = sockets
        self._greet = greet
        self._hold = hold
        self._tell = tell
        self._handlers: dict[str, Handle] = {
            "agent.hello": self._hello,
            "agent.draining": self._drain,
            "task.ack": hold.acknowledge,
            "task.heartbeat": hold.beat,
            "task.progress": hold.report,
            "task.message": self._say,
            "task.checkpoint": hold.keep,
            "task.completed": hold.complete,
            "task.failed": hold.fail,
            "task.delegate": lambda sender, message: hand_on.delegate(sender, message, sockets),
            "approval.request": lambda sender, message: hand_on.ask(sender, message, sockets),
            "search.history": hand_on.search,
        }

        # Looked up once: a label costs more than the count.
        self._taken = {event: EVENTS.labels(event, "taken") for event in self._handlers}

    async def handle(self, connection: AgentConnection, event: str, data: object) -> dict[str, Any]:
        """The acknowledgement, as it is sent."""
        try:
            wait_s = connection.bucket.take(time.monotonic())
            if wait_s > 0:
                raise TooManyEvents(wait_s)
            message = understood(event, data)
            if connection.hello is None and event != "agent.hello":
                raise HelloNeeded
            with _traced(connection, event, message):
                done = await self._handlers[event](connection, message)
        except OblivionFailure as failure:
            EVENTS.labels(_known(event), failure.code).inc()
            return refusal(failure)
        except Exception as error:  # The top of one event: the others are still to be handled.
            _log.error("event failed", event_name=event, error=type(error).__name__, exc_info=error)
            EVENTS.labels(_known(event), "internal_error").inc()
            return unforeseen()
        self._taken[event].inc()
        return DONE if done is None else done.model_dump(mode="json", exclude_none=True)

    async def _hello(self, connection: AgentConnection, message: AgentHello) -> None:
        await self._greet.hello(connection, message, self._sockets, self._tell)

    async def _drain(self, connection: AgentConnection, message: AgentDraining) -> None:
        await self._greet.drain(connection, message, self._hold)

    async def _say(self, connection: AgentConnection, message: TaskMessage) -> None:
        await self._hold.say(connection, message, self._sockets)


def _known(event: str) -> str:
    """An agent may invent any number of names."""
    return event if event in AGENT_EVENTS else "unknown"


def _traced(connection: AgentConnection, event: str, message: Contract) -> AbstractContextManager[object]:
    """A span of the run's trace for what becomes a row."""
    if not is_tracing() or event in _NOT_TRACED or not isinstance(message, RunMessage):
        return _UNTRACED
    held = connection.held.get(message.run_id)
    return _UNTRACED if held is None else tracing(held.traceparent, event)


def understood(event: str, data: object) -> Contract:
    """Raises: EventUnknown, MessageNotUnderstood."""
    contract = AGENT_EVENTS.get(event)
    if contract is None:
        raise EventUnknown
    try:
        return contract.model_validate(data)
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False, include_context=False)
        fields = {".".join(str(part)[:40] for part in fault["loc"][:4]) for fault in faults}
        # `from None`: the chained error would print the rejected values.
        raise MessageNotUnderstood(event, sorted(fields - {""})[:10]) from None


def refusal(failure: OblivionFailure) -> dict[str, Any]:
    status = getattr(failure, "http_status", None)
    wait_s: float | None = None
    if isinstance(failure, TransientFailure):
        wait_s = RETRY_AFTER_S if failure.retry_after_s is None else failure.retry_after_s
        status = status or HTTPStatus.SERVICE_UNAVAILABLE
    return _refused(int(status or HTTPStatus.UNPROCESSABLE_ENTITY), failure.code, failure.message, wait_s)


def unforeseen() -> dict[str, Any]:
    words = "Something failed here; the log of the gateway says what."
    return _refused(500, "internal_error", words, RETRY_AFTER_S)


def _refused(status: int, code: str, words: str, wait_s: float | None) -> dict[str, Any]:
    problem = Problem(title=HTTPStatus(status).phrase, status=status, detail=words, code=code)
    refused = Acknowledgement(ok=False, problem=problem, retry_after_s=wait_s)
    return refused.model_dump(mode="json", exclude_none=True)
