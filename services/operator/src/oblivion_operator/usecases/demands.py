"""What the gateway last said of each agent, and who has to be looked at because of it."""

from collections.abc import Collection, Sequence
from uuid import UUID

from oblivion_contracts.agent_operator import AgentDemand
from oblivion_operator.ports import Clock, Gateway

BELIEVED_S = 15.0
"""How long the last word counts when the gateway falls silent."""
TENANTS_AT_ONCE = 100


class Demands:
    """One per process."""

    def __init__(self, gateway: Gateway, clock: Clock) -> None:
        self._gateway = gateway
        self._clock = clock
        self._known: dict[UUID, AgentDemand] = {}
        self._heard_at_s: float | None = None
        """When it said something last; until it does, when it was first asked in vain."""
        self.is_awaited = True
        """It has not been heard, nor been silent for too long, since this process began."""

    def of(self, uid: UUID) -> AgentDemand | None:
        """None: it is not registered, or the gateway has been silent for too long."""
        return self._known.get(uid)

    async def refresh(self, tenants: Collection[UUID]) -> set[UUID]:
        """Ask again; the agents of which it says something else than before.

        Raises:
            GatewayUnavailable: what was known still counts, for a while.
        """
        found = {demand.uid: demand for demand in await self._ask(sorted(tenants))}
        changed = {uid for uid in found.keys() | self._known.keys() if found.get(uid) != self._known.get(uid)}
        self._known = found
        self._heard_at_s = self._clock.monotonic_s()
        self.is_awaited = False
        return changed

    def lapse(self) -> set[UUID]:
        """The gateway is silent: nothing is known any more after a while. Those that this changes."""
        now_s = self._clock.monotonic_s()
        if self._heard_at_s is None:
            self._heard_at_s = now_s
        if now_s - self._heard_at_s <= BELIEVED_S:
            return set()
        self.is_awaited = False
        forgotten, self._known = set(self._known), {}
        return forgotten

    async def _ask(self, tenants: Sequence[UUID]) -> list[AgentDemand]:
        found: list[AgentDemand] = []
        for begin in range(0, len(tenants), TENANTS_AT_ONCE):
            found += await self._gateway.demand(tenants[begin : begin + TENANTS_AT_ONCE])
        return found
