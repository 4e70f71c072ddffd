"""What the use cases of REST need of the world beside the tenant's rows."""

from collections.abc import Mapping, Sequence
from typing import Protocol
from uuid import UUID

from oblivion_platform.jobs import NewJob
from oblivion_platform.presence import Replica
from oblivion_platform.runs import Change, Run, RunJob


class WhoIsOnline(Protocol):
    """The connected replicas of agents."""

    async def replicas(self, tenant_id: UUID, agent_ids: Sequence[UUID]) -> Mapping[UUID, Sequence[Replica]]:
        """Raises: DependencyUnavailable."""
        ...


class Aftermath(Protocol):
    """What others are told once something is committed. Best effort: sweeps find what is lost."""

    async def run_changed(self, tenant_id: UUID, change: Change | None) -> None:
        """For event streams and for what shows the run elsewhere."""
        ...

    async def tell_holder(self, run: Run, what: str) -> None:
        """The run's row holds something for the agent that has it."""
        ...

    async def bring_forward(self, tenant_id: UUID, run: RunJob) -> None:
        """Have the run looked after now."""
        ...

    async def handle_events(self, jobs: Sequence[NewJob]) -> None:
        """Have events handled again."""
        ...

    async def session_changed(self, tenant_id: UUID, session_id: UUID, version: int) -> None:
        """Older copies of the session do not count any more."""
        ...


class PlaceReadings(Protocol):
    """Has lists and channels read by whoever holds the tokens. Both raise DependencyUnavailable."""

    async def ask(self, tenant_id: UUID, integration_id: UUID) -> None:
        """One reading more, unless one is under way."""
        ...

    async def is_under_way(self, integration_id: UUID) -> bool:
        """One has been asked for, and has not ended."""
        ...
