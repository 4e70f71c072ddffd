"""What reading lists and channels needs."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from oblivion_router_worker.domain.places import Place
from oblivion_router_worker.domain.records import Integration

Keep = Callable[[Sequence[Place]], Awaitable[None]]
"""Takes some of what was found, while the rest is still asked for."""


class PlaceSource(Protocol):
    """Slack or ClickUp, where places are."""

    what: str
    """What it has, in people's words."""

    async def read(self, integration: Integration, keep: Keep) -> None:
        """Hand over every place that the integration sees; some twice, if they move meanwhile.

        Raises:
            OblivionFailure: the rest could not be read; its message says why.
        """
        ...


class PlaceStore(Protocol):
    """Where places are kept. All raise DependencyUnavailable: Postgres is away."""

    async def begin(self, tenant_id: UUID, integration_id: UUID) -> tuple[Integration, datetime] | None:
        """The integration, and the store's time; None when it is none any more, or disabled."""
        ...

    async def keep(self, integration: Integration, places: Sequence[Place]) -> None: ...

    async def finish(self, integration: Integration, begun_at: datetime) -> None:
        """All were read: what was not seen since has gone."""
        ...

    async def note_problem(self, tenant_id: UUID, integration_id: UUID, problem: str) -> None:
        """Not all could be read: what was seen before stays."""
        ...
