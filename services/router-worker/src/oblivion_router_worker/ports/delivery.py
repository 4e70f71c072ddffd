"""What the delivery of effects needs: the queue of what leaves, carriers that send it, breakers."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from oblivion_router_worker.domain.effects import Effect
from oblivion_router_worker.domain.retry import Settlement


@dataclass(frozen=True, slots=True)
class Sending:
    """One effect that is ours to send until its lease ends, with its targets as they are now."""

    effect: Effect
    attempt: int
    unanswered: bool
    """An earlier answer was lost: what it should have made may be there already."""
    created_at: float
    """Unix time (s) by the database's clock."""
    age_s: float
    lease_ends_at: float
    """By this process's monotonic clock, and not later than by the database's."""
    channel: str | None = None
    """Where the task's message is, …"""
    thread_ts: str | None = None
    """… and its ts, which is also its thread's; None as long as it was not posted."""
    copy_id: str | None = None
    """The copy of the comment or reply: Slack ts or ClickUp comment id."""
    is_creation_dead: bool = False
    """What this effect changes or answers is a dead letter."""
    has_problem: bool = False
    """The link has a problem noted."""
    was_refused: bool = False
    """The integration's health says that its token is refused."""
    place: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Of the run that the effect shows: the ts of its messages by name."""
    traceparent: str | None = None
    """Of what the effect was decided for."""


@dataclass(frozen=True, slots=True)
class DueDestination:
    tenant_id: UUID
    destination: str
    overdue_s: float


class DeliveryQueue(Protocol):
    """The outbox as the sender sees it. All raise DependencyUnavailable when Postgres is away."""

    async def claim(self, tenant_id: UUID, destination: str) -> Sending | None:
        """Lease the first effect of the destination; None when there is none, or when it has to wait."""
        ...

    async def settle(self, sending: Sending, settlement: Settlement, *, claim_next: bool) -> Sending | None:
        """Note how it went, with all that follows from it, and perhaps claim the destination's next."""
        ...

    async def due(self) -> Sequence[DueDestination]:
        """Destinations of all tenants with work whose time has come."""
        ...


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the other side has made."""

    made_id: str | None = None
    """The ts or comment id; None for changes."""
    skipped: str | None = None
    """Why there was nothing to do: what was to be changed is gone."""
    keep: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What the place of the run that it shows shall remember; None forgets."""


class Carrier(Protocol):
    """Sends to one provider. Raises what `oblivion_platform.errors` names, and:

    AnswerLost: it may have been carried out; RateLimited: it was not.
    """

    async def send(self, sending: Sending) -> Receipt: ...

    async def find(self, sending: Sending) -> Receipt | None:
        """Look for what an earlier, unanswered try may have made."""
        ...


class Breakers(Protocol):
    """Stops calls to a provider that does not answer, apart for each tenant."""

    def guard(self, tenant_id: UUID, provider: str) -> AbstractAsyncContextManager[None]:
        """Raises DependencyUnavailable `circuit_open` on entering while no call may go through."""
        ...
