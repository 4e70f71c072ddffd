"""The first steps of an installation, each checked by itself."""

from collections.abc import Sequence
from uuid import UUID

from oblivion_contracts.administration import Setup
from oblivion_gateway.domain.first_steps import first_steps
from oblivion_gateway.ports import WhoIsOnline
from oblivion_gateway.usecases.requests import Unit
from oblivion_platform.errors import DependencyUnavailable
from oblivion_platform.operations.setup import read_setup


class CheckSetup:
    """Looks at what is there, whoever brought it there."""

    def __init__(self, online: WhoIsOnline) -> None:
        self._online = online

    async def __call__(self, unit: Unit) -> Setup:
        facts = await read_setup(unit.tx)
        online = await self._count(unit.caller.tenant_id, facts.agents)
        return Setup(items=first_steps(facts, online))

    async def _count(self, tenant_id: UUID, agents: Sequence[UUID]) -> int:
        try:
            replicas = await self._online.replicas(tenant_id, agents)
        except DependencyUnavailable:  # As in the roster: who cannot be seen is offline.
            return 0
        return sum(1 for agent in agents if replicas.get(agent))
