"""What a decision reads and writes: one tenant's rows, in one transaction.

`Store.tenant` commits on leaving and rolls back on an exception, so what was decided and what was noted
about it (events marked as done, rows of the outbox) hold together or not at all.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_platform.database.engine import EachAlone
from oblivion_router_worker.domain.effects import Effect
from oblivion_router_worker.domain.records import Copy, InboundEvent, Link, Origin, ShownTask, WaitingEvent
from oblivion_router_worker.ports.delivery import Sending
from oblivion_router_worker.ports.running import People, RunDesk


@dataclass(frozen=True, slots=True)
class Failure:
    """One try that did not end well. Holds no value from outside."""

    code: str
    message: str
    is_last: bool
    """The event is dead with it: nothing but a person's retry takes it up again."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """How long an event has been waiting for the same trouble to pass."""

    since: datetime
    times: int
    """Tries since then, the latest included."""


class Inbox(Protocol):
    """The events of the tenant (`inbound_events`)."""

    async def waiting(self, event_id: UUID) -> InboundEvent | None:
        """The event, or None when it was handled before or never was.

        Its `is_our_turn` says whether this transaction is the only one, until its end, that decides about
        the event's subject. What others decided before is seen by what is asked afterwards.
        """
        ...

    async def waiting_for(self, subject: str) -> Sequence[WaitingEvent]:
        """All events of `subject` that are not handled, oldest first; to be asked when it is our turn."""
        ...

    async def finish(self, event_id: UUID, outcome: str, covered: Sequence[UUID] = ()) -> None:
        """Note that the event, and those it covers, need no more handling; `ignored…` is also its state."""
        ...

    async def several(self, event_ids: Sequence[UUID]) -> Sequence[InboundEvent]:
        """Those of the events that wait and that nobody else is finishing; nobody will until the end."""
        ...

    async def finish_all(self, outcomes: Mapping[UUID, str]) -> None:
        """As `finish`, for events of any subject that lead to nothing."""
        ...

    async def record(self, event_id: UUID, failure: Failure) -> int:
        """Note a failed try; returns how many there have been."""
        ...

    async def wait_longer(self, event_id: UUID, failure: Failure) -> Waiting:
        """Note that the event waits for what may pass by itself; the first to the latest are one entry."""
        ...

    async def attempts(self, event_id: UUID) -> int:
        """How many tries failed so far."""
        ...


class Links(Protocol):
    """Linked lists and channels, and the messages that tasks have there."""

    async def of_task(
        self, clickup_integration_id: UUID, task_id: str, list_id: str | None
    ) -> Sequence[Link]:
        """Active links of `list_id`, and any link in whose channel the task has a message."""
        ...

    async def of_thread(self, slack_integration_id: UUID, channel: str, thread_ts: str) -> Link | None:
        """The link whose task's message is the root of this thread."""
        ...

    async def of_channel(self, slack_integration_id: UUID, channel: str) -> Sequence[Link]:
        """Active links of a channel, without messages."""
        ...

    async def has_unsettled_post(self, slack_integration_id: UUID, channel: str, ts: str) -> bool:
        """Whether the message `ts` may be a task's whose ts is not yet known here."""
        ...

    async def show(self, link: Link, shown: ShownTask) -> None:
        """Store the task's message: a new one, or the newer state of a known one."""
        ...

    async def set_problem(self, link_ids: Sequence[UUID], code: str | None, message: str = "") -> None:
        """Note what is wrong with links and how to mend it; None when all is well again."""
        ...

    async def rename_channel(self, slack_integration_id: UUID, channel: str, name: str) -> None: ...


class Copies(Protocol):
    """Comments and their copies."""

    async def of_original(self, task_mapping_id: UUID, origin: Origin, origin_id: str) -> Copy | None: ...

    async def of_tasks(self, task_mapping_ids: Sequence[UUID]) -> Sequence[Copy]:
        """All copies, in both directions, of the comments of these messages."""
        ...

    async def save(self, copy: Copy) -> None:
        """Store a new copy, or the newer state of a known one (its `copy_id` is left alone)."""
        ...


class Outbox(Protocol):
    """Effects that the transaction decides."""

    async def add(self, effect: Effect) -> Sending | None:
        """Store what shall leave; returned when it is leased to us, to be sent right after the commit.

        An update whose creation has not left takes its place; a deletion whose creation has not left takes
        back both; an update replaces a waiting update of the same thing.
        """
        ...

    async def revive(self, destination: str, codes: Collection[str]) -> bool:
        """Take up what died of these codes on its way to the destination; tells whether anything did."""
        ...

    async def knows(self, effect_id: UUID) -> bool:
        """Whether the effect is one of ours."""
        ...


class Integrations(Protocol):
    """What is known of the tenant's integrations."""

    async def set_health(self, integration_id: UUID, status: str, detail: str) -> None:
        """Note how an integration is, in words that say what to do; `ok` when all is well."""
        ...


class Decision(Protocol):
    """One transaction of one tenant."""

    @property
    def inbox(self) -> Inbox: ...
    @property
    def links(self) -> Links: ...
    @property
    def copies(self) -> Copies: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def integrations(self) -> Integrations: ...
    @property
    def people(self) -> People: ...
    @property
    def desk(self) -> RunDesk: ...
    @property
    def tx(self) -> AsyncConnection:
        """For the steps of runs and sessions, which are `oblivion_platform`'s."""
        ...


class Store(Protocol):
    """Opens transactions."""

    def tenant(self, tenant_id: UUID) -> AbstractAsyncContextManager[Decision]:
        """Raises (on entering or leaving): DependencyUnavailable: Postgres is away."""
        ...

    def alone(self, tenant_id: UUID) -> EachAlone:
        """For a step of runs or sessions that is one statement: no transaction around it."""
        ...
