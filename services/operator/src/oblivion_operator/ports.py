"""What the use cases need of the world."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from oblivion_contracts.agent_operator import (
    AgentDemand,
    AgentRegistered,
    RegisterAgent,
    RetainAgents,
    TenantNamed,
)
from oblivion_operator.domain.agents import Ref
from oblivion_operator.domain.manifests import Body, Manifest

EventKind = Literal["Normal", "Warning"]


class Cluster(Protocol):
    """The API server. Every method raises ClusterUnavailable when it does not answer, and Hindered when it
    refuses what can only be mended by a person."""

    async def agents(self) -> Sequence[Body]: ...

    async def agent(self, ref: Ref) -> Body | None: ...

    async def namespace(self, name: str) -> Body | None: ...

    async def children(self, kind: str) -> Sequence[Body]:
        """All of ours, in every namespace."""
        ...

    async def child(self, kind: str, ref: Ref) -> Body | None: ...

    async def create(self, manifest: Manifest) -> bool:
        """False: there is one of that name already; it stays as it is."""
        ...

    async def apply(self, manifest: Manifest) -> Body:
        """Server-side apply; what the manifest says is so afterwards."""
        ...

    async def scale(self, deployment: Ref, replicas: int) -> None: ...

    async def write_status(self, ref: Ref, uid: UUID, status: Manifest) -> None:
        """Does nothing when that Agent is gone."""
        ...

    async def tell(self, ref: Ref, uid: UUID, kind: EventKind, reason: str, message: str) -> None:
        """Post an Event, which `kubectl describe` shows. Best effort."""
        ...


class Gateway(Protocol):
    """The gateway's doors for the operator. Every method raises GatewayUnavailable."""

    async def tenant(self, slug_or_id: str) -> TenantNamed | None: ...

    async def register(self, uid: UUID, wish: RegisterAgent) -> AgentRegistered:
        """Raises: Hindered: the name is taken, or the definition is refused."""
        ...

    async def demand(self, tenants: Sequence[UUID]) -> Sequence[AgentDemand]: ...

    async def retain(self, wish: RetainAgents) -> Sequence[UUID]: ...


class Clock(Protocol):
    """The time."""

    def now(self) -> datetime: ...

    def monotonic_s(self) -> float: ...
