"""Who asks, once it is proved: a person, an agent, or an agent for one of its runs."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

Role = Literal["admin", "user", "guest", "agent"]


@dataclass(frozen=True, slots=True)
class RunClaim:
    """What a run's token says of the run; the row says whether it still holds."""

    run_id: UUID
    fence: int


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody of one tenant."""

    tenant_id: UUID
    kind: Literal["user", "agent"]
    id: UUID
    role: Role
    run: RunClaim | None = None

    @property
    def subject(self) -> str:
        """As tokens and the audit log name them."""
        return f"{self.kind}:{self.id}"

    @property
    def is_admin(self) -> bool:
        return self.role == "admin"
