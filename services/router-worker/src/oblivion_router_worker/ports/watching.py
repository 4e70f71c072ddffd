"""What the watchdog and the sweeps need: all tenants' integrations, and ways to see and mend."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from oblivion_router_worker.domain.records import Integration


@dataclass(frozen=True, slots=True)
class Watched:
    """An integration as the watchdog finds it."""

    integration: Integration
    app_id: str | None
    seen_until: datetime | None
    """Everything up to here was told by events or fetched; None before the first look."""
    health: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Webhook:
    """One of ClickUp's webhooks that the token's owner made."""

    id: str
    endpoint: str
    is_active: bool
    fail_count: int
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class FoundEvent:
    """Something that happened, found by asking; stored as if it had been told."""

    tenant_id: UUID
    integration_id: UUID
    source: str
    event_type: str
    subject: str
    dedupe_key: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class FoundThread:
    """The thread of a task's message, and the replies that have copies."""

    channel: str
    ts: str
    copied: Sequence[str]

    @property
    def key(self) -> str:
        """Names it within its integration, and orders threads."""
        return f"{self.channel} {self.ts}"


@dataclass(frozen=True, slots=True)
class OverdueEvent:
    """An event that has been waiting for longer than it should."""

    id: UUID
    tenant_id: UUID
    priority: int
    received_at: datetime


class WatchStore(Protocol):
    """Integrations of all tenants. Everything raises DependencyUnavailable when Postgres is away."""

    async def integrations(self) -> Sequence[Watched]:
        """The active ones, of all tenants."""
        ...

    def alone(self, integration: Integration) -> AbstractAsyncContextManager[bool]:
        """Whether no other replica watches this integration for as long as the block lasts."""
        ...

    async def current(self, integration: Integration) -> Watched | None:
        """As it is now; to be asked once alone."""
        ...

    async def note(
        self, integration: Integration, health: Mapping[str, object], seen_until: datetime | None
    ) -> None:
        """Add to the integration's health; `seen_until` None leaves it as it is."""
        ...

    async def keep_webhook(self, integration: Integration, webhook: Webhook, secret: str) -> None:
        """Store a new webhook and its secret, sealed; the secrets of earlier ones are retired."""
        ...

    async def linked_lists(self, integration: Integration) -> Sequence[str]: ...

    async def linked_channels(self, integration: Integration) -> Sequence[str]: ...

    async def recent_tasks(self, integration: Integration, since: datetime, most: int) -> Sequence[str]:
        """Tasks shown in a channel that something happened to since then, newest first."""
        ...

    async def recent_threads(
        self, integration: Integration, since: datetime, most: int
    ) -> Sequence[FoundThread]:
        """Threads of tasks that something happened to since then, newest first."""
        ...

    async def shown_tasks(self, integration: Integration, list_id: str) -> Sequence[str]:
        """Tasks of the list that a channel shows as being in it."""
        ...

    async def tasks_after(self, integration: Integration, task_id: str, most: int) -> Sequence[str]:
        """Tasks shown in a channel, in the order of their ids, those after `task_id`."""
        ...

    async def threads_after(self, integration: Integration, key: str, most: int) -> Sequence[FoundThread]:
        """Threads of tasks in the order of their keys, those after `key`."""
        ...

    async def threads_at(
        self, integration: Integration, channel: str, ts: Sequence[str]
    ) -> Sequence[FoundThread]:
        """Those of a channel's messages that are tasks'."""
        ...

    async def oldest_thread(
        self, integration: Integration, channel: str, earliest_ts: str | None
    ) -> str | None:
        """The ts of the oldest task's message in the channel, of those after `earliest_ts`."""
        ...

    async def note_problem(self, integration: Integration, place: str, code: str, message: str) -> None:
        """Show a problem at the links of a list or channel, unless they show it already."""
        ...

    async def add(self, events: Sequence[FoundEvent]) -> Sequence[OverdueEvent]:
        """Store events; returns those that were not known yet."""
        ...


class Webhooks(Protocol):
    """ClickUp's webhooks; failures as in `ports.reading`."""

    async def all(self, integration: Integration) -> Sequence[Webhook]: ...
    async def activate(self, integration: Integration, webhook: Webhook) -> None: ...
    async def create(self, integration: Integration, endpoint: str) -> Webhook: ...
    async def delete(self, integration: Integration, webhook: Webhook) -> None: ...


class Intake(Protocol):
    async def is_reachable(self) -> bool:
        """Whether ingestion answers, so that events can arrive at all."""
        ...


class Jobs(Protocol):
    """The queue that events are handled from; raises DependencyUnavailable when Redis is away."""

    async def ensure(self, events: Sequence[OverdueEvent]) -> int:
        """Make sure that a job of each will run; returns how many had none."""
        ...


class OverdueEvents(Protocol):
    async def after(
        self, older_than: timedelta, last: OverdueEvent | None, most: int
    ) -> Sequence[OverdueEvent]:
        """Waiting events of all tenants in the order of their age, those after `last`."""
        ...


class WaitingEchoes(Protocol):
    async def __call__(self, most: int) -> Sequence[OverdueEvent]:
        """Of all tenants, what ingestion took for our own doing a moment ago, oldest first."""
        ...


class Bodies(Protocol):
    async def purge(self, most: int) -> int:
        """Remove up to `most` bodies of each tenant's events, and as many of its effects, past its retention.

        Returns how many.
        """
        ...
