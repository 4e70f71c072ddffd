"""An Agent resource as the operator reads it."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from pydantic import ValidationError

from oblivion_contracts.agent_resource import AgentSpec, AgentStatus
from oblivion_operator.domain.manifests import Body, part
from oblivion_operator.errors import Hindered


class Ref(NamedTuple):
    """Where an Agent is."""

    namespace: str
    name: str

    @property
    def child(self) -> "Ref":
        """Of everything that the Agent owns: nothing of the user's own is called so."""
        return Ref(self.namespace, f"agent-{self.name}")


@dataclass(frozen=True)
class Agent:
    """One Agent resource."""

    ref: Ref
    uid: UUID
    generation: int
    spec: AgentSpec
    last_active_at: datetime | None = None

    @property
    def name(self) -> str:
        return self.ref.name

    @property
    def child_name(self) -> str:
        return self.ref.child.name


def ref_of(body: Body) -> Ref:
    metadata = body["metadata"]
    return Ref(metadata["namespace"], metadata["name"])


def uid_of(body: Body) -> UUID:
    return UUID(body["metadata"]["uid"])


def is_leaving(body: Body) -> bool:
    return "deletionTimestamp" in body["metadata"]


def parse_agent(body: Body) -> Agent:
    """Read the spec.

    Raises:
        Hindered: the API server let something through that this version does not know, as after a downgrade.
    """
    metadata = body["metadata"]
    try:
        spec = AgentSpec.model_validate(body["spec"])
    except ValidationError as error:
        fields = ", ".join(sorted({".".join(map(str, fault["loc"])) for fault in error.errors()}))
        raise Hindered(
            "InvalidSpec",
            f"This version of the operator cannot read: {fields}. Upgrade oblivion-crds and the operator "
            "together.",
        ) from None
    return Agent(
        ref=ref_of(body),
        uid=uid_of(body),
        generation=metadata["generation"],
        spec=spec,
        last_active_at=read_status(body).last_active_at,
    )


def read_status(body: Body) -> AgentStatus:
    """The status as it was last written; an empty one when somebody else wrote something into it."""
    try:
        return AgentStatus.model_validate(part(body, "status"))
    except ValidationError:
        return AgentStatus()
