"""What our own bot did comes back as events: many are finished in one transaction, without jobs.

Ingestion only guesses which those are. What is none after all gets its job; so does, from the sweepers, what
this does not come to.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol
from uuid import UUID

from oblivion_platform.errors import PermanentFailure
from oblivion_router_worker.domain.records import InboundEvent
from oblivion_router_worker.ports.deciding import Store
from oblivion_router_worker.ports.watching import Jobs, OverdueEvent, WaitingEchoes
from oblivion_router_worker.usecases.handle_event import Fact, parse

AT_ONCE_MAX = 1_000

AtOnce = Callable[[Fact], str | None]
"""The outcome of a fact that leads to nothing."""


class EchoWatch(Protocol):
    """Told what became of each."""

    def finished(self, outcome: str) -> None: ...


class FinishEchoes:
    """To be called again and again."""

    def __init__(
        self, waiting: WaitingEchoes, store: Store, at_once: AtOnce, jobs: Jobs, watch: EchoWatch
    ) -> None:
        self._waiting = waiting
        self._store = store
        self._at_once = at_once
        self._jobs = jobs
        self._watch = watch

    async def __call__(self) -> None:
        """Raises: DependencyUnavailable: Postgres or Redis is away; nothing is lost by that."""
        of_tenant: dict[UUID, list[OverdueEvent]] = defaultdict(list)
        for event in await self._waiting(AT_ONCE_MAX):
            of_tenant[event.tenant_id].append(event)
        for tenant_id, events in of_tenant.items():
            await self._finish(tenant_id, events)

    async def _finish(self, tenant_id: UUID, events: Sequence[OverdueEvent]) -> None:
        async with self._store.tenant(tenant_id) as decision:
            found = await decision.inbox.several([event.id for event in events])
            outcomes = self._outcomes(found)
            await decision.inbox.finish_all(outcomes)
        for outcome in outcomes.values():
            self._watch.finished(outcome)
        others = {event.id for event in found} - outcomes.keys()
        await self._jobs.ensure([event for event in events if event.id in others])

    def _outcomes(self, events: Sequence[InboundEvent]) -> Mapping[UUID, str]:
        outcomes: dict[UUID, str] = {}
        for event in events:
            outcome = self._outcome(event)
            if outcome is not None:
                outcomes[event.id] = outcome
        return outcomes

    def _outcome(self, event: InboundEvent) -> str | None:
        if event.is_suspended:
            return None
        try:
            return self._at_once(parse(event))
        except PermanentFailure:  # Its own job notes it.
            return None
