"""Bodies of the REST API that admins and people use: pages of things, and what may be wished for."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from oblivion_contracts.agents import AgentView
from oblivion_contracts.identifiers import AgentName, TaskName
from oblivion_contracts.mappings import MappingOptions
from oblivion_contracts.model import Contract
from oblivion_contracts.runs import Approval, RunEvent, RunSource, RunView
from oblivion_contracts.sessions import SessionMessage
from oblivion_contracts.workflows import WorkflowView

UserRole = Literal["admin", "user", "guest"]
ShortText = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]*$")]
SlackChannelId = Annotated[str, Field(pattern=r"^[CGD][A-Z0-9]{2,20}$")]


class Page(Contract):
    """Part of a list; the rest begins at `next_cursor`, and there is none when it is null."""

    next_cursor: str | None = None


# Agents ------------------------------------------------------------------------------------------------


class AgentPage(Page):
    items: list[AgentView]


class LiveSecret(Contract):
    """A client secret as far as it is known after it was shown."""

    id: UUID
    prefix: str
    created_at: datetime
    last_used_at: datetime | None


class LiveSecrets(Contract):
    items: list[LiveSecret]


class Mute(Contract):
    """`POST /api/agents/{id}/mute`."""

    minutes: Annotated[int, Field(ge=1, le=7 * 24 * 60)] = 60
    reason: Annotated[str, Field(max_length=500)] = ""


# Runs and approvals ------------------------------------------------------------------------------------


class RunPage(Page):
    items: list[RunView]


class RunEvents(Contract):
    """The steps of a run after the sequence asked for, oldest first; ask again from the last one on."""

    items: list[RunEvent]
    is_final: bool
    """Nothing will follow after these."""


class Cancel(Contract):
    """`POST /api/runs/{id}/cancel`."""

    reason: Annotated[str, Field(max_length=500)] = ""


class RunLabel(Contract):
    """What somebody thinks of an answer, or of who gave it."""

    kind: Literal["wrong_agent", "right_agent", "good", "bad"]
    agent: AgentName | None = None
    """The agent that it should have been."""


class RouteLabel(RunLabel):
    """A label as it is stored."""

    id: UUID
    run_id: UUID
    labelled_by: str
    at: datetime


class RouteLabelPage(Page):
    items: list[RouteLabel]


class ApprovalPage(Page):
    items: list[Approval]


# Sessions ----------------------------------------------------------------------------------------------


class SessionSummary(Contract):
    """A session without its messages."""

    id: UUID
    version: int
    source: RunSource
    thread: str | None
    title: str
    agent: AgentName | None
    task: TaskName | None
    visible_in_slack: bool
    created_at: datetime
    updated_at: datetime


class SessionPage(Page):
    items: list[SessionSummary]


class SessionMessages(Contract):
    """The last messages, oldest first."""

    items: list[SessionMessage]


class SessionChange(Contract):
    """`PATCH /api/sessions/{id}`: what is not given stays."""

    title: Annotated[str, Field(max_length=200)] | None = None
    visible_in_slack: bool | None = None
    preferences: dict[str, Any] | None = None


# Workflows ---------------------------------------------------------------------------------------------


class WorkflowPage(Page):
    items: list[WorkflowView]


# Mappings ----------------------------------------------------------------------------------------------


class NewMapping(Contract):
    """`POST /api/mappings`: join a ClickUp list to a Slack channel."""

    clickup_integration_id: UUID
    clickup_list_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
    clickup_list_name: Annotated[str, Field(max_length=200)] = ""
    slack_integration_id: UUID
    slack_channel_id: SlackChannelId
    slack_channel_name: Annotated[str, Field(max_length=200)] = ""
    options: MappingOptions = MappingOptions()


class MappingView(NewMapping):
    """A mapping and how it is."""

    id: UUID
    state: Literal["active", "unlinked"]
    problem: Any = None
    """The newest problem, such as `not_in_channel`; null when all is well."""
    tasks_shown: int = 0
    """Tasks that have a message in the channel."""
    last_event_at: datetime | None = None
    """When one of them appeared or changed last."""
    created_at: datetime
    updated_at: datetime


class MappingPage(Page):
    items: list[MappingView]


# Events and dead letters -------------------------------------------------------------------------------


class EventSummary(Contract):
    """An inbound event without its body."""

    id: UUID
    received_at: datetime
    source: str
    event_type: str
    subject: str
    state: Literal["received", "done", "ignored", "dead", "discarded"]
    outcome: str | None
    attempts: int
    transport: Literal["http", "socket", "gap"]


class EventPage(Page):
    items: list[EventSummary]


class EventDetail(EventSummary):
    """An inbound event and what became of it; never its body."""

    dedupe_key: str
    priority: int
    processed_at: datetime | None
    failures: list[dict[str, Any]]
    content_type: str
    body_bytes: int | None
    """None once the body is purged."""


class EventBody(Contract):
    """What came in, as far as it may be read: what opens doors is masked."""

    content_type: str
    text: str | None
    """None once the body is purged."""


class EventReplayed(Contract):
    """Will be handled again, as if it had just come."""

    event_id: UUID


class DeadLetter(Contract):
    """An event, effect or run that was given up."""

    id: UUID
    kind: Literal["event", "effect", "run"]
    what: str
    about: str
    cause: str
    message: str | None
    attempts: int
    since: datetime


class DeadLetterDetail(DeadLetter):
    failures: list[dict[str, Any]]


class DeadLetterPage(Page):
    items: list[DeadLetter]


class DeadLetterCause(Contract):
    cause: str
    kind: Literal["event", "effect", "run"]
    count: int
    oldest: datetime
    newest: datetime
    message: str | None


class DeadLetterReport(Contract):
    items: list[DeadLetterCause]


class DeadLetterChoice(Contract):
    """Which ones: these ids, those of one cause, or everything."""

    ids: Annotated[list[UUID], Field(max_length=1_000)] = []
    cause: ShortText | None = None
    everything: bool = False


class DeadLetterDiscard(DeadLetterChoice):
    reason: ShortText
    """The audit log keeps it."""


class DeadLettersChosen(Contract):
    events: list[UUID]
    effects: list[UUID]
    runs: list[UUID] = []


# Routing -----------------------------------------------------------------------------------------------


class TryRoute(Contract):
    """`POST /api/routes/try`: where a message would go; nothing is done."""

    text: Annotated[str, Field(min_length=1, max_length=40_000)]
    thread_agent: AgentName | None = None


class RouteCandidate(Contract):
    agent: str
    score: float


class RouteTried(Contract):
    """The router's choice; without an agent, the model or the person is asked."""

    stage: str
    agent: str | None
    task: str | None
    score: float
    reason: str
    candidates: list[RouteCandidate]


class RouteDecision(Contract):
    """How a run found its agent."""

    id: UUID
    run_id: UUID
    stage: str
    agent: str | None
    task: str | None
    score: float | None
    reason: str
    elapsed_us: int
    at: datetime


class RouteDecisionPage(Page):
    items: list[RouteDecision]


class NewRouteRule(Contract):
    """`PUT /api/routes/rules`: where messages go before any guessing; replaces the rule of kind and scope."""

    kind: Literal["override", "default"]
    scope: Annotated[str, Field(max_length=200, pattern=r"^(slack:[0-9a-f-]{36}:[CGD][A-Z0-9]{2,20})?$")] = ""
    """Empty for the whole tenant, or `slack:{integration}:{channel}`."""
    agent: AgentName
    task: TaskName | None = None
    expires_at: datetime | None = None


class RouteRule(NewRouteRule):
    id: UUID
    created_by: str
    created_at: datetime


class RouteRules(Contract):
    items: list[RouteRule]


# People ------------------------------------------------------------------------------------------------


class NewUser(Contract):
    """`POST /api/users`."""

    name: ShortText
    email: Annotated[str, Field(max_length=320, pattern=r"^[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+$")] | None = None
    role: UserRole = "user"


class UserChange(Contract):
    """`PATCH /api/users/{id}`: what is not given stays."""

    name: ShortText | None = None
    role: UserRole | None = None
    state: Literal["active", "disabled"] | None = None


class UserView(Contract):
    id: UUID
    name: str
    email: str | None
    role: UserRole
    state: Literal["active", "disabled"]
    is_operator: bool
    created_at: datetime


class UserPage(Page):
    items: list[UserView]


# The system --------------------------------------------------------------------------------------------


class CredentialView(Contract):
    """A stored token, as far as it may be seen."""

    id: UUID
    integration_id: UUID | None
    connection_id: UUID | None = None
    """Of a tool server; a token is either an integration's or a connection's."""
    source: str = ""
    """`slack`, `clickup`, or the provider of the connection."""
    name: str = ""
    """What people call the workspace or the connection."""
    kind: str
    state: str
    expires_at: datetime | None
    last_used_at: datetime | None
    created_at: datetime


class Credentials(Contract):
    items: list[CredentialView]


class AuditLine(Contract):
    id: UUID
    at: datetime
    actor: str
    action: str
    subject: str
    detail: dict[str, Any]


class AuditPage(Page):
    items: list[AuditLine]


class StatPoint(Contract):
    """One metric of one minute; `label` is an agent, a provider or a state."""

    minute: datetime
    metric: str
    label: str
    count: int
    sum: float
    max: float


class Stats(Contract):
    items: list[StatPoint]


class Overview(Contract):
    """How the system is: what lives now, and what the last 24 hours brought."""

    events: dict[str, int]
    """State → how many came in; `received` are those that wait, however old."""
    oldest_waiting: datetime | None
    """When the event came in that has waited longest."""
    runs: dict[str, int]
    """State → how many: of runs that live all, of others those of the last 24 hours."""
    approvals: int
    """Questions that nobody has answered yet."""
    dead_letters: int
    cost_usd: float
    """As agents report it, of runs that were asked for in the last 24 hours."""


class SetupStep(Contract):
    """One thing that an installation needs before it is of use to anybody, as it is now."""

    name: Literal["slack", "clickup", "link", "agent", "first_run"]
    state: Literal["done", "open", "failing"]
    sentence: str
    """How it is."""
    fix: str = ""
    """What to do next; empty when nothing is to be done."""


class Setup(Contract):
    """The first steps, in their order."""

    items: list[SetupStep]


class TenantView(Contract):
    id: UUID
    slug: str
    name: str
    state: str
    created_at: datetime


class Tenants(Contract):
    items: list[TenantView]
