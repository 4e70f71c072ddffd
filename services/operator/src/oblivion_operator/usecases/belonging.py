"""Which of several systems on one cluster an Agent belongs to, so that at most one looks after it.

Its namespace says so by a label; else it is the system that is installed in that namespace; else whichever
made the Agent's Secret first, which is created but once. The others leave it alone: they neither write its
status nor register it.
"""

from oblivion_contracts.agent_resource import SYSTEM_LABEL
from oblivion_operator.domain.agents import Ref
from oblivion_operator.domain.manifests import part
from oblivion_operator.ports import Cluster
from oblivion_operator.usecases.lead import LEASE_NAME
from oblivion_platform.logging import get_logger

_log = get_logger(__name__)


class Belonging:
    """One per process. A system goes by the namespace that it is installed in."""

    def __init__(self, cluster: Cluster, system: str) -> None:
        self._cluster = cluster
        self._system = system
        self.elsewhere: dict[Ref, str] = {}
        """Agents that another system looks after, and which one."""

    async def is_ours(self, agent: Ref) -> bool:
        """Raises: ClusterUnavailable."""
        system = await self._system_of(agent)
        if system == self._system:
            self.elsewhere.pop(agent, None)
            return True
        if self.elsewhere.get(agent) != system:
            self.elsewhere[agent] = system
            _log.info(
                "an Agent of another system is left alone; the label says whose it is",
                agent=f"{agent.namespace}/{agent.name}",
                system=system,
                label=SYSTEM_LABEL,
            )
        return False

    def forget(self, agent: Ref) -> None:
        self.elsewhere.pop(agent, None)

    async def _system_of(self, agent: Ref) -> str:
        namespace = await self._cluster.namespace(agent.namespace)
        label: str = part(namespace or {}, "metadata", "labels").get(SYSTEM_LABEL, "")
        if label or agent.namespace == self._system:
            return label or self._system
        if await self._cluster.child("Lease", Ref(agent.namespace, LEASE_NAME)) is not None:
            return agent.namespace
        secret = await self._cluster.child("Secret", agent.child)
        return part(secret or {}, "metadata", "labels").get(SYSTEM_LABEL, self._system)
