"""What asking agents, bringing runs forward and showing them need beside the steps of runs themselves.

The steps are `oblivion_platform.runs`, called on the decision's transaction.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, Protocol
from uuid import UUID

from oblivion_contracts.jobs import RunOutcome
from oblivion_contracts.workflows import WorkflowDefinition
from oblivion_platform.agents.profiles import TenantAgents
from oblivion_platform.presence import Place, Replica
from oblivion_platform.routing import Decision as RouteDecision
from oblivion_platform.runs import Change, Run, RunJob
from oblivion_router_worker.domain.records import Integration

Role = Literal["admin", "user", "guest"]


@dataclass(frozen=True, slots=True)
class Person:
    """A user of the tenant, as somebody elsewhere is known to be."""

    user_id: UUID
    name: str
    role: Role
    is_active: bool = True

    @property
    def may_operate(self) -> bool:
        """Approve, and stop what others asked for."""
        return self.is_active and self.role != "guest"

    def may_stop(self, run: Run) -> bool:
        return self.may_operate or run.user_id == self.user_id


@dataclass(frozen=True, slots=True)
class Ruled:
    """Who is to do it, and perhaps what."""

    agent_id: UUID
    task: str | None = None


@dataclass(frozen=True, slots=True)
class RouteRules:
    """Who was chosen before any guessing."""

    override: Ruled | None = None
    channel_default: Ruled | None = None
    in_thread: UUID | None = None
    """Who answered in the session last."""


@dataclass(frozen=True, slots=True)
class Label:
    """What somebody thought of an answer or of who gave it."""

    run_id: UUID
    kind: Literal["wrong_agent", "right_agent", "good", "bad"]
    labelled_by: str
    agent_id: UUID | None = None
    user_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A run in a list."""

    id: UUID
    state: str
    agent: str | None
    prompt: str = field(repr=False)
    thread_channel: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class DueWorkflow:
    """A workflow whose time has come; its row is ours until the transaction ends."""

    id: UUID
    definition: WorkflowDefinition
    due_at: datetime
    created_by: UUID | None


@dataclass(frozen=True, slots=True)
class OpenHome:
    """A person's App Home that they have looked at lately."""

    integration_id: UUID
    team: str
    user: str


class OpenHomes(Protocol):
    """Raises nothing: who is not known to look sees what is new at the next visit."""

    async def opened(self, tenant_id: UUID, home: OpenHome) -> None: ...

    async def now(self, tenant_id: UUID) -> Sequence[OpenHome]: ...


class HomeWatch(Protocol):
    """Told of what homes show, after the commit."""

    def changed(self, tenant_id: UUID) -> None: ...


class People(Protocol):
    """Users and who they are elsewhere."""

    async def known(self, provider: str, subject: str) -> Person | None: ...

    async def admit(self, provider: str, subject: str, name: str) -> Person:
        """Make a guest of somebody who was unknown; the one there is, if another event was faster."""
        ...

    async def slack_id(self, user_id: UUID, team: str) -> str | None:
        """The person's id in a Slack team."""
        ...

    async def sign_in_path(self) -> str:
        """Where people of the tenant sign in with Slack, below the system's address."""
        ...

    async def unknown_users(self) -> Literal["guest", "refuse"] | None:
        """What the tenant's settings say becomes of them; None: nothing."""
        ...


class RunDesk(Protocol):
    """Rows around runs that only the router-worker needs."""

    async def live_in(self, thread: str, *, lock: bool = False) -> Run | None:
        """The thread's live run, or the oldest that waits for its turn.

        `lock` keeps it from ending until the transaction does; take it before the session's lock.
        """
        ...

    async def asked_by(self, thread: str, question_ts: str) -> Run | None:
        """The run, not yet over, that this message asked for."""
        ...

    async def run_of_question(self, integration_id: UUID, channel: str, ts: str) -> UUID | None:
        """The live run that a message asked for, in whatever thread."""
        ...

    async def session_of(self, thread: str) -> UUID | None: ...

    async def linked_lists(self, slack_integration_id: UUID) -> Sequence[tuple[str, str]]:
        """Lists that are linked to any channel: `{integration}|{list}` and the list's name."""
        ...

    async def slack_integration(self) -> UUID | None:
        """The tenant's Slack; its first, should it have several."""
        ...

    async def clickup_integrations(self) -> Sequence[Integration]: ...

    async def link_list(
        self, clickup_id: UUID, list_id: str, list_name: str, slack_id: UUID, channel: str
    ) -> None:
        """Link a list to a channel, unless it is."""
        ...

    async def rules(
        self, session_id: UUID, integration_id: str | None, channel: str | None
    ) -> RouteRules: ...

    async def note_decision(
        self, run_id: UUID, agent_id: UUID | None, decision: RouteDecision, us: int
    ) -> None: ...

    async def note_label(self, label: Label) -> None:
        """Store what is thought now; of a person's thumbs the last counts."""
        ...

    async def change_prompt(self, run_id: UUID, prompt: str) -> None: ...

    async def want_agent(self, run_id: UUID, agent: str) -> None: ...

    async def keep_in_place(self, run_id: UUID, values: Mapping[str, Any]) -> None: ...

    async def spent_today_usd(self, agent_id: UUID) -> float: ...

    async def listed(self, user_id: UUID | None, *, live_only: bool, limit: int = 10) -> Sequence[Listed]:
        """Newest first; of one person, or of all."""
        ...


class EndWatch(Protocol):
    """Told of the end of each run, once, after the commit."""

    def over(self, tenant_id: UUID, run: Run, agent: str | None) -> None: ...


@dataclass(slots=True)
class Aftermath:
    """What is told once the transaction is committed. Losing it costs time, never work."""

    changes: list[Change] = field(default_factory=list[Change])
    forward: list[RunJob] = field(default_factory=list[RunJob])
    """Runs to be brought forward now."""
    tell: list["Telling"] = field(default_factory=list["Telling"])
    sessions: list[tuple[UUID, int]] = field(default_factory=list[tuple[UUID, int]])
    """Sessions and the version that they have now."""
    ended: list[UUID] = field(default_factory=list[UUID])
    """Runs whose job can be finished."""
    begun: list[RunJob] = field(default_factory=list[RunJob])
    """Runs that begin a thread, so that nobody else can know of them before the commit."""
    parked: list[tuple[RunJob, float]] = field(default_factory=list[tuple[RunJob, float]])
    """Runs that are somebody else's turn, and the seconds after which their job looks again."""

    @property
    def is_empty(self) -> bool:
        return not (self.tells or self.forward or self.parked)

    @property
    def tells(self) -> bool:
        """Whether anybody waits to hear of it."""
        return bool(self.changes or self.tell or self.sessions or self.ended)

    def add(self, other: "Aftermath") -> None:
        self.changes += other.changes
        self.forward += other.forward
        self.tell += other.tell
        self.sessions += other.sessions
        self.ended += other.ended
        self.parked += other.parked

    def latest_changes(self) -> Sequence[Change]:
        """One hint for each run is enough; it has time only if all of them have."""
        latest: dict[UUID, Change] = {}
        for change in self.changes:
            before = latest.get(change.run_id, change)
            latest[change.run_id] = replace(change, is_quiet=change.is_quiet and before.is_quiet)
        return list(latest.values())


@dataclass(frozen=True, slots=True)
class Telling:
    """The run's row holds something for its agent."""

    run_id: UUID
    gateway: str | None
    fence: int
    what: Literal["task.assigned", "task.cancelled", "context.updated", "approval.answered"]


Follow = Callable[[UUID, Aftermath], None]
"""After the commit; returns at once."""


class Agents(Protocol):
    async def of(self, tenant_id: UUID) -> TenantAgents: ...


class PresenceBoard(Protocol):
    async def pick(self, tenant_id: UUID, agent_id: UUID, task: str) -> Place | None: ...
    async def is_marked(self, gateway: str) -> bool: ...

    async def replicas(
        self, tenant_id: UUID, agent_ids: Sequence[UUID]
    ) -> Mapping[UUID, Sequence[Replica]]: ...


class RunJobs(Protocol):
    """The jobs of runs; raises DependencyUnavailable when Redis is away."""

    async def add(self, tenant_id: UUID, run: RunJob, *, after_s: float = 0.0) -> None:
        """Make the job of a new run, to look after it now or then."""
        ...

    async def hasten(self, tenant_id: UUID, run: RunJob) -> None:
        """Let the run's job run now, made again if Redis has lost it."""
        ...


class Signals(Protocol):
    async def changed(self, tenant_id: UUID, change: Change | None) -> None: ...

    async def tell_agent(
        self, tenant_id: UUID, run_id: UUID, gateway: str | None, fence: int, what: str
    ) -> None: ...


class SessionCopies(Protocol):
    async def outdate(self, tenant_id: UUID, session_id: UUID, version: int) -> None: ...


class Allowances(Protocol):
    async def take(self, tenant_id: UUID, user_id: UUID) -> float:
        """Count one request of a person; 0, or the seconds until they may ask again."""
        ...


@dataclass(frozen=True, slots=True)
class Finished:
    outcome: RunOutcome


@dataclass(frozen=True, slots=True)
class LookAgain:
    """The run is somebody else's turn; its job is put aside."""

    after_s: float


Standing = Finished | LookAgain
