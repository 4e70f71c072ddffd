"""Who asks, once it is proved: a person or an agent, of one tenant, in one or two roles."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal
from uuid import UUID


class Role(StrEnum):
    """What somebody is in their tenant."""

    ADMIN = "admin"
    USER = "user"
    GUEST = "guest"
    AGENT = "agent"
    CLUSTER = "cluster"
    """The operator of the cluster: a ServiceAccount, of no tenant."""
    OPERATOR = "operator"
    """Owns tenants and the queue board; a person has it beside one of the others."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A person or an agent that has signed in."""

    tenant_id: UUID
    kind: Literal["user", "agent"]
    id: UUID
    name: str
    role: Role
    is_operator: bool = False
    expires_at_unix_s: int | None = None
    """When the token ends; None for a signed-in browser."""
    browser_id: UUID | None = None
    """Of a signed-in browser, which can be signed out."""

    @property
    def roles(self) -> frozenset[Role]:
        return frozenset({self.role, Role.OPERATOR} if self.is_operator else {self.role})

    @property
    def subject(self) -> str:
        """As tokens, the audit log and idempotency keys name them."""
        return f"{self.kind}:{self.id}"

    @property
    def is_admin(self) -> bool:
        return self.role is Role.ADMIN
