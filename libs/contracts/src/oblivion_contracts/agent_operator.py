"""Between the operator in the cluster and the gateway: agents registered, asked about, and retired."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from oblivion_contracts.agents import AgentDefinition
from oblivion_contracts.identifiers import AgentName
from oblivion_contracts.model import Contract

GATEWAY_AUDIENCE = "oblivion-gateway"
"""Of the ServiceAccount token that the operator signs in with."""


class TenantNamed(Contract):
    """Answer to `GET /api/operator/tenants/{tenant}`."""

    id: UUID
    slug: str


class RegisterAgent(Contract):
    """`PUT /api/operator/agents/{uid}`: the agent of an Agent resource, and what it signs in with."""

    tenant_id: UUID
    name: AgentName
    definition: AgentDefinition
    secret_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", repr=False)]
    """SHA-256 of the client secret in hex. The secret itself stays in its Kubernetes Secret."""
    namesakes: Annotated[list[UUID], Field(max_length=1_000)] = []
    """Other Agent resources of this name that exist: whoever else has it is gone, and its place is taken."""


class AgentRegistered(Contract):
    """What the registry has now."""

    client_id: str
    state: Literal["active", "disabled"]
    """Disabled by an admin: it cannot sign in until they enable it."""


class AgentDemand(Contract):
    """One agent of an Agent resource: what waits for it, and how it is."""

    uid: UUID
    state: Literal["active", "disabled"]
    live_runs: int
    """Routed to it, with it, or waiting for it."""
    online: int | None
    """Connected replicas; None: it cannot be told now."""
    last_finished_at: datetime | None = None
    muted_until: datetime | None = None
    mute_reason: str | None = None
    spent_today_usd: float = 0
    over_budget: bool = False


class AgentDemands(Contract):
    """Answer to `GET /api/operator/demand`."""

    items: list[AgentDemand]


class RetainAgents(Contract):
    """`POST /api/operator/agents/retain`: every Agent resource of the cluster."""

    uids: Annotated[list[UUID], Field(max_length=20_000)]
    listed_s_ago: Annotated[float, Field(ge=0, le=600)]
    """Seconds since the cluster was asked; agents registered later are left alone."""


class AgentsRetired(Contract):
    """The agents whose resources are gone: they cannot sign in any more. What they did stays."""

    uids: list[UUID]
