"""Messages on the Socket.IO namespace `/agents`, in both directions.

Every message about a run carries its fence. A message with an older fence is refused with the code
`fenced_off`: the run belongs to another replica, and the sender drops it. Each message from an agent is
acknowledged with an `Acknowledgement`.
"""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Base64Bytes, Field

from oblivion_contracts.agents import Skill
from oblivion_contracts.identifiers import AgentName, TaskName, ToolPattern
from oblivion_contracts.model import Contract
from oblivion_contracts.problems import Problem
from oblivion_contracts.runs import (
    ANSWER_LENGTH_MAX,
    CHECKPOINT_BYTES_MAX,
    Category,
    DelegateTask,
    RunSource,
    Usage,
)
from oblivion_contracts.sessions import HistoryHit, HistorySearch, SessionMessage

NAMESPACE = "/agents"
FENCED_OFF = "fenced_off"
MESSAGE_LENGTH_MAX = 12_000
"""What Slack takes in one message."""


SeenSequence = Annotated[int, Field(ge=0, le=2**62)]
"""Of what `context.updated` told, messages up to this one were read; a question after it gets a new run."""


class RunMessage(Contract):
    """Base of every message about a run."""

    run_id: UUID
    fence: Annotated[int, Field(ge=1)]
    """Grows with each assignment of the run."""


# Server to agent ---------------------------------------------------------------------------------------


class TaskAssigned(RunMessage):
    """`task.assigned`: this run is yours until the lease ends; acknowledge with `task.ack`."""

    agent: AgentName
    task: TaskName
    prompt: str
    category: Category
    source: RunSource
    session_id: UUID
    messages: list[SessionMessage] = []
    """The conversation so far, oldest first, without the prompt."""
    requested_by: str = ""
    context: dict[str, Any] = {}
    state: dict[str, Any] = {}
    system_prompt: str = ""
    model: str | None = None
    skills: list[Skill] = []
    allowed_tools: list[ToolPattern] | None = None
    """The only tools that may be used; None: no list was set. An empty one allows none."""
    tools_url: str | None = None
    """The MCP hub; None where none is installed."""
    run_token: Annotated[str | None, Field(repr=False)] = None
    """For the MCP hub: names tenant, agent, run and fence."""
    checkpoint: Annotated[Base64Bytes | None, Field(repr=False)] = None
    """What the last holder of the run stored, compressed as it sent it."""
    attempt: Annotated[int, Field(ge=1)] = 1
    lease_s: float
    heartbeat_s: float
    deadline: datetime
    traceparent: str | None = None


class ContextUpdated(RunMessage):
    """`context.updated`: something was said in the thread, or the question was edited."""

    messages: list[SessionMessage]
    prompt: str | None = None
    """The question as it now stands, if it was edited."""


class TaskCancelled(RunMessage):
    """`task.cancelled`: stop; no answer is wanted any more."""

    reason: str


class ApprovalAnswered(RunMessage):
    """`approval.answered`."""

    approval_id: UUID
    approved: bool
    comment: str = ""
    answered_by: str = ""


class AgentMuted(Contract):
    """`agent.muted`: `task.message` is refused until then; answers are not."""

    until: datetime
    reason: str


class ToolsChanged(Contract):
    """`tools.changed`: list the tools again."""

    missing: dict[str, str] = {}
    """Tool or provider → why it is not there."""


# Agent to server ---------------------------------------------------------------------------------------


class HeldRun(Contract):
    """A run that the agent works on while it connects again."""

    run_id: UUID
    fence: Annotated[int, Field(ge=1)]


class AgentHello(Contract):
    """`agent.hello`: first message after connecting; only then is work assigned."""

    handlers: Annotated[list[TaskName], Field(max_length=100)]
    version: Annotated[str, Field(max_length=100)] = ""
    sdk: Annotated[str, Field(max_length=100)] = ""
    instance: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{0,64}$")] = ""
    """Made once by each process and said on each of its sockets: one that replaces another is no news."""
    concurrency: Annotated[int, Field(ge=1, le=100)] = 5
    held: Annotated[list[HeldRun], Field(max_length=100)] = []


class TaskAck(RunMessage):
    """`task.ack`: taken. Without it the assignment is sent again."""


class TaskHeartbeat(RunMessage):
    """`task.heartbeat`: still at it; extends the lease."""


class TaskProgress(RunMessage):
    """`task.progress`: at most 4 a second are stored, the newest wins."""

    percent: Annotated[int, Field(ge=0, le=100)] | None = None
    text: Annotated[str, Field(max_length=500)] = ""
    usage: Usage | None = None


class TaskMessage(RunMessage):
    """`task.message`: something to say in the thread before the answer; counts against the limit."""

    text: Annotated[str, Field(min_length=1, max_length=MESSAGE_LENGTH_MAX)]


class TaskCheckpoint(RunMessage):
    """`task.checkpoint`: replaces the one before."""

    data: Annotated[Base64Bytes, Field(max_length=CHECKPOINT_BYTES_MAX, repr=False)]


class TaskCompleted(RunMessage):
    """`task.completed`: the final answer, Markdown. Sent again it changes nothing."""

    answer: Annotated[str, Field(max_length=ANSWER_LENGTH_MAX)]
    usage: Usage | None = None
    seen_sequence: SeenSequence = 0


class TaskFailed(RunMessage):
    """`task.failed`: what went wrong, in words for the person who asked."""

    code: Annotated[str, Field(max_length=64, pattern=r"^[a-z0-9_]+$")] = "agent_failed"
    message: Annotated[str, Field(max_length=2_000)]
    usage: Usage | None = None
    seen_sequence: SeenSequence = 0


class TaskDelegate(RunMessage):
    """`task.delegate`: acknowledged with the new run's id; its end comes as `context.updated`.

    The same `key` in the same run is the same delegation: sending it again, after a lost acknowledgement or a
    restart, is acknowledged with the same run.
    """

    key: Annotated[str, Field(min_length=1, max_length=100)]
    delegation: DelegateTask


class ApprovalRequest(RunMessage):
    """`approval.request`: the run waits until a person answers, across restarts.

    The same `key` in the same run is the same question: asking again after a restart shows it once.
    """

    key: Annotated[str, Field(min_length=1, max_length=100)]
    question: Annotated[str, Field(min_length=1, max_length=2_000)]
    detail: Annotated[str, Field(max_length=8_000)] = ""


class SearchHistory(HistorySearch):
    """`search.history`: finds what was said in public, and what the person asked before for whom `run` is."""

    run: HeldRun | None = None
    """None finds what members said in public, and nothing else."""


class AgentDraining(Contract):
    """`agent.draining`: gets no more work; what it holds it finishes or hands back."""

    handing_back: Annotated[list[HeldRun], Field(max_length=100)] = []


class Acknowledgement(Contract):
    """The answer to every message of an agent."""

    ok: bool
    problem: Problem | None = None
    retry_after_s: float | None = None
    """The message was not taken: send it again after this long."""
    delegated_run_id: UUID | None = None
    approval: ApprovalAnswered | None = None
    """Set when the question had been answered before."""
    approval_id: UUID | None = None
    hits: list[HistoryHit] | None = None


AGENT_EVENTS: dict[str, type[Contract]] = {
    "agent.hello": AgentHello,
    "task.ack": TaskAck,
    "task.heartbeat": TaskHeartbeat,
    "task.progress": TaskProgress,
    "task.message": TaskMessage,
    "task.checkpoint": TaskCheckpoint,
    "task.completed": TaskCompleted,
    "task.failed": TaskFailed,
    "task.delegate": TaskDelegate,
    "approval.request": ApprovalRequest,
    "search.history": SearchHistory,
    "agent.draining": AgentDraining,
}
"""What an agent may send, by event name."""

SERVER_EVENTS: dict[str, type[Contract]] = {
    "task.assigned": TaskAssigned,
    "context.updated": ContextUpdated,
    "task.cancelled": TaskCancelled,
    "approval.answered": ApprovalAnswered,
    "agent.muted": AgentMuted,
    "tools.changed": ToolsChanged,
}
"""What the gateway sends, by event name."""
