"""A run's row and what goes in and out of its steps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from oblivion_contracts.agent_socket import FENCED_OFF
from oblivion_contracts.runs import Category, RunEventKind, RunFailure, RunPriority, RunSource, RunState
from oblivion_platform.errors import PermanentFailure


class RunUnknown(PermanentFailure):
    """The tenant has no such run."""

    http_status = 404

    def __init__(self) -> None:
        super().__init__("run_unknown", "there is no such run")


class RunOver(PermanentFailure):
    """The run has ended; nothing more is taken."""

    http_status = 409

    def __init__(self, state: str) -> None:
        super().__init__("run_over", f"the run has already {state}")


class FencedOff(PermanentFailure):
    """The run belongs to somebody else by now; the sender drops it."""

    http_status = 409

    def __init__(self) -> None:
        super().__init__(FENCED_OFF, "the run was given to another replica; stop working on it")


@dataclass(frozen=True, slots=True)
class Change:
    """What a step came to; to be told by `RunSignals` once it is committed."""

    run_id: UUID
    sequence: int
    is_final: bool = False
    fence: int = 0
    is_quiet: bool = False
    """As in the hint, `RunChanged`."""
    kind: RunEventKind = RunEventKind.STATE
    data: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False, compare=False)
    """What was written down of the step."""
    agent_id: UUID | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Holder:
    """The socket that a run is assigned to, and the gateway process that has it."""

    socket: str
    gateway: str


@dataclass(frozen=True, slots=True)
class Start:
    """Whose the run is from the start, and for how long."""

    agent_id: UUID
    agent: str
    task: str
    holder: Holder
    lease_s: float
    deadline_s: float


@dataclass(frozen=True, slots=True)
class Due:
    """What the relay's door shows of a run that waits for somebody."""

    tenant_id: UUID
    run_id: UUID
    priority: int = RunPriority.MENTION
    overdue_s: float = 0.0


@dataclass(frozen=True, slots=True)
class NewRun:
    """Work to be done; `event_id` makes creating it again change nothing."""

    session_id: UUID
    source: RunSource
    thread: str
    """One run at a time is live in a thread: the session's thread, or `session:{id}`."""
    prompt: str = field(repr=False)
    user_id: UUID | None = None
    requested_by: str = ""
    wanted_agent: str | None = None
    wanted_task: str | None = None
    category: Category = Category.MEDIUM
    priority: int = RunPriority.MENTION
    context: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)
    carried_state: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)
    skills: Sequence[str] = ()
    allowed_tools: Sequence[str] | None = None
    parent_run_id: UUID | None = None
    hops: int = 0
    place: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Where it is shown: {integration_id, channel, thread_ts, question_ts, …}."""
    event_id: UUID | None = None
    workflow_id: UUID | None = None
    traceparent: str | None = None
    id: UUID = field(default_factory=uuid4)


@dataclass(frozen=True, slots=True)
class Run:
    """One row of `runs`; the checkpoint is read apart."""

    id: UUID
    tenant_id: UUID
    session_id: UUID
    parent_run_id: UUID | None
    hops: int
    source: RunSource
    state: RunState
    waiting_for: str | None
    user_id: UUID | None
    requested_by: str
    thread: str
    prompt: str = field(repr=False)
    wanted: Mapping[str, Any]
    agent_id: UUID | None
    task: str | None
    category: Category
    priority: int
    deadline_at: datetime | None
    context: Mapping[str, Any] = field(repr=False)
    carried_state: Mapping[str, Any] = field(repr=False)
    skills: Sequence[str]
    allowed_tools: Sequence[str] | None
    fence: int
    holder: str | None
    gateway: str | None
    lease_until: datetime | None
    acknowledged_at: datetime | None
    lost_leases: int
    percent: int | None
    progress: str | None = field(repr=False)
    result: str | None = field(repr=False)
    failure: RunFailure | None
    usage: Mapping[str, Any]
    cost_usd: float
    cancel_requested_by: str | None
    last_seq: int
    presented_seq: int
    place: Mapping[str, Any]
    event_id: UUID | None
    workflow_id: UUID | None
    traceparent: str | None
    wake_at: datetime
    created_at: datetime
    routed_at: datetime | None
    assigned_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    now: datetime
    """Postgres's clock when the row was read: leases and deadlines are compared with it."""

    @property
    def is_held(self) -> bool:
        """Somebody has it: assigned, running, or waiting for an approval."""
        return self.holder is not None and not self.state.is_final

    @property
    def is_unheard(self) -> bool:
        """It was given to somebody who has not acknowledged it."""
        return self.state is RunState.ASSIGNED and self.acknowledged_at is None

    @property
    def lease_is_over(self) -> bool:
        return self.lease_until is None or self.lease_until <= self.now

    @property
    def is_too_late(self) -> bool:
        return self.deadline_at is not None and self.deadline_at <= self.now


@dataclass(frozen=True, slots=True)
class Approval:
    """A question that a run waits for a person to answer."""

    id: UUID
    run_id: UUID
    key: str
    question: str
    detail: str
    state: str
    asked_at: datetime
    answered_at: datetime | None
    answered_by_name: str
    comment: str

    @property
    def is_answered(self) -> bool:
        return self.state != "pending"
