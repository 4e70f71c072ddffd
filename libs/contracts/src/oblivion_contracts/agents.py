"""An agent as people describe it: to the REST API, in an Agent resource, or as a file of the squad."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from oblivion_contracts.identifiers import AgentName, Alias, TaskName, ToolPattern
from oblivion_contracts.model import Contract

Text80 = Annotated[str, Field(min_length=1, max_length=80)]
Example = Annotated[str, Field(min_length=1, max_length=500)]
_EXPLAINED = ConfigDict(use_attribute_docstrings=True)
"""A field's docstring is its description: in the API's, and in `kubectl explain`."""


class Capability(Contract):
    """A task that an agent has a handler for."""

    model_config = _EXPLAINED

    name: TaskName
    """As its handler is announced: `@agent.on_task("fix_bug")`."""
    description: Annotated[str, Field(max_length=500)] = ""
    """What the task is, for the router and for people."""


class Skill(Contract):
    """A named file of instructions that goes along with the agent's work."""

    model_config = _EXPLAINED

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
    """As work that is delegated asks for it."""
    text: Annotated[str, Field(max_length=65_536)]
    """The instructions."""


class AgentLimits(Contract):
    """Enforced by the gateway and the MCP hub, outside the agent's pod."""

    model_config = _EXPLAINED

    messages_per_minute: Annotated[int, Field(ge=1, le=600)] = 10
    """Counts `task.message`; an agent over it is muted until the minute is over."""
    max_hops: Annotated[int, Field(ge=0, le=20)] = 3
    """How often work may be delegated on before it is cut."""
    max_tool_calls_per_run: Annotated[int, Field(ge=0, le=10_000)] = 100
    """Calls of tools in one run before the rest are refused."""
    usd_per_day: Annotated[float, Field(ge=0)] | None = None
    """On usage as the agent reports it: once over, new runs are refused until midnight UTC."""
    concurrency: Annotated[int, Field(ge=1, le=100)] = 5
    """Runs at once on one replica."""


class AgentDefinition(Contract):
    """What makes an agent findable and tells it how to work."""

    model_config = _EXPLAINED

    description: Annotated[str, Field(max_length=2_000)] = ""
    """What it is for; the router and people read it."""
    capabilities: Annotated[list[Capability], Field(max_length=50)] = []
    """Its tasks. None: whatever comes goes to its default handler."""
    keywords: Annotated[list[Text80], Field(max_length=500)] = []
    """Words that speak for it when a message is routed."""
    examples: Annotated[list[Example], Field(max_length=500)] = []
    """Messages that are meant for it; also suggested to people."""
    aliases: Annotated[list[Alias], Field(max_length=20)] = []
    """What else people may call it, with or without `@`."""
    skills: Annotated[list[Skill], Field(max_length=20)] = []
    """Named instructions that go along with its work."""
    model: Annotated[str, Field(max_length=200)] | None = None
    """As LangChain's `init_chat_model` names it; None takes the system's (`OBLIVION_LLM_MODEL`)."""
    system_prompt: Annotated[str, Field(max_length=32_768)] = ""
    """What its language model is told before everything else."""
    tools: Annotated[list[ToolPattern], Field(max_length=200)] = []
    """The only tools that the MCP hub lists to this agent; `provider__*` stands for all of a provider."""
    limits: AgentLimits = AgentLimits()
    """Enforced outside its pod."""


class NewAgent(AgentDefinition):
    """`POST /api/agents`."""

    name: AgentName


class AgentView(AgentDefinition):
    """An agent and how it is."""

    id: UUID
    name: AgentName
    origin: Literal["squad", "resource", "api"]
    state: Literal["active", "disabled"]
    is_whole: bool = True
    """False: prompt, skills, limits and model are left out, for admins alone see them."""
    online: int
    """Connected replicas."""
    running: int
    """Runs it holds now."""
    muted_until: datetime | None = None
    mute_reason: str | None = None
    versions: list[str] = []
    """What the connected replicas say they are."""
    created_at: datetime
    last_seen_at: datetime | None = None
    spent_today_usd: float | None = None
    """Since midnight UTC, as the agent reports it; of one agent alone, and to admins."""


class ClientSecretIssued(Contract):
    """Shown once: only a keyed hash is stored."""

    client_id: str
    client_secret: Annotated[str, Field(repr=False)]
    secret_id: UUID
    live_secrets: int
    """At most two are live, so that one can be taken into use before the other is retired."""


class AgentCreated(Contract):
    """Answer to `POST /api/agents`."""

    agent: AgentView
    credentials: ClientSecretIssued
