"""A run: one piece of work for one agent, from the question to its one final answer."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from oblivion_contracts.identifiers import AgentName, TaskName, ToolPattern
from oblivion_contracts.model import Contract

PROMPT_LENGTH_MAX = 40_000
ANSWER_LENGTH_MAX = 100_000
CHECKPOINT_BYTES_MAX = 256 * 1024
"""Compressed."""
TOKENS_MAX = 10**15
USD_MAX = 10.0**12
"""Of one run, however often it reports; more than anybody uses, and what every store can hold."""


class RunState(StrEnum):
    """`queued → routed → assigned → running → succeeded | failed | cancelled`, with `waiting` beside."""

    QUEUED = "queued"
    ROUTED = "routed"
    ASSIGNED = "assigned"
    RUNNING = "running"
    WAITING = "waiting"
    """For an approval, or for the agent to wake: `waiting_for` says which."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return self in FINAL_STATES


FINAL_STATES = frozenset({RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED})


class RunSource(StrEnum):
    """Where the work came from."""

    SLACK = "slack"
    CLICKUP = "clickup"
    API = "api"
    TERMINAL = "terminal"
    WEB = "web"
    WORKFLOW = "workflow"
    DELEGATION = "delegation"


class Category(StrEnum):
    """How long a run may take."""

    QUICK = "quick"
    MEDIUM = "medium"
    COMPLEX = "complex"


CATEGORY_MINUTES = {Category.QUICK: 2, Category.MEDIUM: 15, Category.COMPLEX: 60}


class RunPriority:
    """BullMQ priorities of `ai-agent-tasks`: the smaller number runs first."""

    MENTION = 1
    DELEGATION = 2
    INDEXING = 3


class Usage(Contract):
    """What a run cost, as its agent reports it; added up over all reports."""

    model: Annotated[str, Field(max_length=200)] = ""
    input_tokens: Annotated[int, Field(ge=0, le=TOKENS_MAX)] = 0
    output_tokens: Annotated[int, Field(ge=0, le=TOKENS_MAX)] = 0
    cost_usd: Annotated[float, Field(ge=0, le=USD_MAX, allow_inf_nan=False)] = 0.0

    def plus(self, other: "Usage") -> "Usage":
        """Both together, at most what can be stored."""
        return Usage(
            model=other.model or self.model,
            input_tokens=min(TOKENS_MAX, self.input_tokens + other.input_tokens),
            output_tokens=min(TOKENS_MAX, self.output_tokens + other.output_tokens),
            cost_usd=min(USD_MAX, self.cost_usd + other.cost_usd),
        )


class RunFailure(Contract):
    """Why a run failed, in words for the person who asked."""

    code: Annotated[str, Field(max_length=64)]
    message: Annotated[str, Field(max_length=2_000)]


class RunEventKind(StrEnum):
    STATE = "state"
    PROGRESS = "progress"
    MESSAGE = "message"
    APPROVAL = "approval"
    DELEGATION = "delegation"
    TOOL = "tool"
    NOTICE = "notice"
    """A line of the system's own: an agent was muted, a tool is missing, the run moved to another replica."""


class RunEvent(Contract):
    """One stored step of a run; `sequence` grows by one, without gaps, and is the SSE `id`."""

    run_id: UUID
    sequence: Annotated[int, Field(ge=1)]
    at: datetime
    kind: RunEventKind
    data: dict[str, Any]


class RunView(Contract):
    """A run as the REST API shows it."""

    id: UUID
    state: RunState
    waiting_for: Literal["agent", "approval"] | None = None
    source: RunSource
    session_id: UUID
    parent_run_id: UUID | None = None
    agent: AgentName | None = None
    task: TaskName | None = None
    category: Category
    prompt: str
    result: str | None = None
    failure: RunFailure | None = None
    percent: Annotated[int, Field(ge=0, le=100)] | None = None
    progress: str | None = None
    usage: Usage = Usage()
    tool_failures: Annotated[int, Field(ge=0)] = 0
    """Calls of tools that failed, whatever the run made of it in the end."""
    approvals_denied: Annotated[int, Field(ge=0)] = 0
    expected_s: float | None = None
    """Median of the agent's last 20 runs; None when it has none."""
    requested_by: str = ""
    event_id: UUID | None = None
    """The inbound event that it came from."""
    trace_id: str | None = None
    trace_url: str | None = None
    """Where the trace is shown, if the gateway was told."""
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    last_sequence: int = 0


class JobStatus(Contract):
    """`GET /api/jobs/{id}/status`: polled every 2 s where a stream cannot be had."""

    id: UUID
    state: RunState
    percent: int | None = None
    progress: str | None = None
    result: str | None = None
    failure: RunFailure | None = None
    last_sequence: int
    poll_after_s: float = 2.0


class DelegateTask(Contract):
    """Work handed to another agent, with what it needs to know."""

    prompt: Annotated[str, Field(min_length=1, max_length=PROMPT_LENGTH_MAX)]
    session_id: UUID | None = None
    """None continues the session of the delegating run."""
    agent: AgentName | None = None
    """None lets the router choose."""
    task: TaskName | None = None
    category: Category = Category.MEDIUM
    skills: Annotated[list[str], Field(max_length=20)] = []
    """Names of instruction files of the receiving agent; empty means all of them."""
    context: dict[str, Any] = {}
    state: dict[str, Any] = {}
    allowed_tools: list[ToolPattern] | None = None
    """Narrows the receiving agent's own list; None leaves it as it is."""


class Approval(Contract):
    """A question that a run waits for a person to answer."""

    id: UUID
    run_id: UUID
    question: Annotated[str, Field(min_length=1, max_length=2_000)]
    detail: Annotated[str, Field(max_length=8_000)] = ""
    state: Literal["pending", "approved", "denied", "expired"]
    asked_at: datetime
    answered_at: datetime | None = None
    answered_by: str | None = None
    comment: str = ""


class ApprovalAnswer(Contract):
    """`POST /api/approvals/{id}`."""

    approved: bool
    comment: Annotated[str, Field(max_length=2_000)] = ""
