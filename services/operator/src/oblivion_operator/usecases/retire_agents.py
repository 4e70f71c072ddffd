"""The cluster's list of Agents, now and then: what the watches missed, and who may not sign in any more.

No finalizer is needed for that: whoever is not in the list is shut out, also when the operator was away while
the Agent was deleted.
"""

from collections.abc import Iterator

from oblivion_contracts.agent_operator import RetainAgents
from oblivion_operator.domain.agents import Ref, is_leaving, ref_of, uid_of
from oblivion_operator.domain.manifests import Body
from oblivion_operator.ports import Clock, Cluster, Gateway
from oblivion_operator.usecases.belonging import Belonging
from oblivion_operator.usecases.observed import DEPLOYMENT, POD, Observed
from oblivion_platform.logging import get_logger

_log = get_logger(__name__)


class RetireAgents:
    """One per process."""

    def __init__(
        self, cluster: Cluster, gateway: Gateway, observed: Observed, belonging: Belonging, clock: Clock
    ) -> None:
        self._cluster = cluster
        self._gateway = gateway
        self._observed = observed
        self._belonging = belonging
        self._clock = clock

    async def take_stock(self) -> set[Ref]:
        """List everything; the Agents that are there or were thought to be.

        Raises:
            ClusterUnavailable
        """
        for kind in (DEPLOYMENT, POD):
            self._observed.replace(kind, await self._cluster.children(kind))
        before = set(self._observed.agents)
        self._observed.replace_agents(await self._cluster.agents())
        return before | set(self._observed.agents)

    async def retire(self) -> None:
        """Shut out the agents whose resources are gone, or another system's.

        Raises:
            ClusterUnavailable, GatewayUnavailable
        """
        # Asked at the beginning: whoever is registered while the list travels is not meant by it.
        began_s = self._clock.monotonic_s()
        existing = [uid_of(body) for body in await self._cluster.agents() if self._stays(body)]
        wish = RetainAgents(uids=existing, listed_s_ago=self._clock.monotonic_s() - began_s)
        retired = await self._gateway.retain(wish)
        if retired:
            _log.info("agents shut out whose resources are gone", uids=[str(uid) for uid in retired])

    def _stays(self, body: Body) -> bool:
        return not is_leaving(body) and ref_of(body) not in self._belonging.elsewhere

    def known(self) -> Iterator[Ref]:
        return iter(list(self._observed.agents))
