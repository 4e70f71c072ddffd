"""Two systems on one cluster: each Agent has one that looks after it, and hears nothing of the other."""

from uuid import uuid4

import pytest

from oblivion_contracts.agent_operator import TenantNamed
from oblivion_contracts.agent_resource import SYSTEM_LABEL, TENANT_LABEL
from oblivion_operator.domain.agents import Ref
from oblivion_operator.domain.children import House
from oblivion_operator.testing import ManualClock, MemoryCluster, MemoryGateway
from oblivion_operator.usecases.belonging import Belonging
from oblivion_operator.usecases.children import KeepChildren
from oblivion_operator.usecases.credentials import KeepCredentials
from oblivion_operator.usecases.demands import Demands
from oblivion_operator.usecases.observed import Observed
from oblivion_operator.usecases.retire_agents import RetireAgents
from oblivion_operator.usecases.tend_agents import TendAgents

REF = Ref("team", "fixer")


class System:
    """One operator and its gateway, in a namespace of its own; its tenant `default` is its own too."""

    def __init__(self, cluster: MemoryCluster, namespace: str) -> None:
        clock, observed = ManualClock(), Observed()
        self.gateway = MemoryGateway(tenants={"default": TenantNamed(id=uuid4(), slug="default")})
        self.belonging = Belonging(cluster, namespace)
        house = House("http://gateway:8000", "agent:1", "IfNotPresent", namespace, ("gateway",))
        self.tend = TendAgents(
            cluster,
            observed,
            self.belonging,
            KeepCredentials(cluster, self.gateway, observed, clock, namespace),
            KeepChildren(cluster, observed, house),
            Demands(self.gateway, clock),
            clock,
        )
        self.retire = RetireAgents(cluster, self.gateway, observed, self.belonging, clock)


class Cluster:
    """With dev and staging, each of which has a Lease."""

    def __init__(self) -> None:
        self.api = MemoryCluster()
        self.systems = {name: System(self.api, name) for name in ("dev", "staging")}
        for name in self.systems:
            self.api.put("Lease", name, "oblivion-operator")

    def agent(self, ref: Ref, **labels: str) -> None:
        self.api.put("Namespace", "", ref.namespace, metadata={"labels": {TENANT_LABEL: "default", **labels}})
        self.api.put("Agent", *ref, spec={}, status={})

    async def look(self, ref: Ref, *order: str) -> list[str]:
        """The writes of so many looks, in that order."""
        before = len(self.api.writes)
        for name in order:
            await self.systems[name].tend(ref, True)
        return self.api.writes[before:]

    def registered(self) -> list[str]:
        """The systems whose gateway knows of an agent."""
        return [name for name, each in self.systems.items() if each.gateway.registered]


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


async def test_an_agent_is_of_the_system_that_is_installed_in_its_namespace(cluster: Cluster) -> None:
    ref = Ref("staging", "fixer")
    cluster.agent(ref)

    assert await cluster.look(ref, "dev") == []
    await cluster.look(ref, "staging")
    assert await cluster.look(ref, *("dev", "staging") * 10) == []

    assert cluster.registered() == ["staging"]
    assert cluster.systems["dev"].belonging.elsewhere == {ref: "staging"}
    assert cluster.systems["staging"].belonging.elsewhere == {}


async def test_of_another_namespace_the_first_to_make_its_secret_keeps_it(cluster: Cluster) -> None:
    cluster.agent(REF)

    await cluster.look(REF, "staging")
    assert await cluster.look(REF, *("dev", "staging") * 10) == []

    assert cluster.registered() == ["staging"]
    assert cluster.systems["dev"].tend.tenants == set()
    assert list(cluster.systems["dev"].tend.hindered()) == []


async def test_a_label_of_the_namespace_says_whose_its_agents_are(cluster: Cluster) -> None:
    cluster.agent(REF, **{SYSTEM_LABEL: "staging"})

    assert await cluster.look(REF, *("dev",) * 3) == []
    await cluster.look(REF, "staging", "dev")

    assert cluster.registered() == ["staging"]


async def test_an_agent_that_another_system_is_given_is_let_go(cluster: Cluster) -> None:
    cluster.agent(REF)
    await cluster.look(REF, "dev")
    labels = {TENANT_LABEL: "default", SYSTEM_LABEL: "staging"}
    cluster.api.put("Namespace", "", REF.namespace, metadata={"labels": labels})

    assert await cluster.look(REF, "dev") == []
    assert cluster.systems["dev"].tend.tenants == set()
    await cluster.systems["dev"].retire.retire()
    assert cluster.systems["dev"].gateway.retained[-1].uids == []

    del cluster.api.objects["Secret", *REF.child]
    await cluster.look(REF, "staging")
    assert cluster.registered() == ["dev", "staging"]
    assert await cluster.look(REF, *("dev", "staging") * 10) == []
