"""One look at one Agent, on a cluster and a gateway in memory."""

import base64
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from prometheus_client import REGISTRY

from oblivion_contracts.agent_operator import AgentDemand, TenantNamed
from oblivion_contracts.agent_resource import TENANT_LABEL
from oblivion_operator.domain.agents import Ref
from oblivion_operator.domain.children import House
from oblivion_operator.errors import ClusterUnavailable, GatewayUnavailable, Hindered, NotYet
from oblivion_operator.testing import ManualClock, MemoryCluster, MemoryGateway
from oblivion_operator.usecases.belonging import Belonging
from oblivion_operator.usecases.children import KeepChildren
from oblivion_operator.usecases.credentials import KeepCredentials
from oblivion_operator.usecases.demands import BELIEVED_S, Demands
from oblivion_operator.usecases.observed import Observed
from oblivion_operator.usecases.tend_agents import TendAgents
from oblivion_platform.client_credentials import ClientId, digest, is_well_formed

PLACE = "team"
REF = Ref(PLACE, "fixer")
TENANT = TenantNamed(id=UUID("00000000-0000-4000-8000-00000000000a"), slug="acme")
HOUSE = House("http://gateway:8000", "agent:1", "IfNotPresent", "oblivion", ("gateway",))


class Bench:
    """An operator's inside without its edges; `restart` is a crash."""

    def __init__(self) -> None:
        self.cluster = MemoryCluster()
        self.gateway = MemoryGateway(tenants={"acme": TENANT})
        self.clock = ManualClock()
        self.cluster.put("Namespace", "", PLACE, metadata={"labels": {TENANT_LABEL: "acme"}})
        self.restart()

    def restart(self) -> None:
        self.observed = Observed()
        self.demands = Demands(self.gateway, self.clock)
        credentials = KeepCredentials(
            self.cluster, self.gateway, self.observed, self.clock, HOUSE.system_namespace
        )
        belonging = Belonging(self.cluster, HOUSE.system_namespace)
        children = KeepChildren(self.cluster, self.observed, HOUSE)
        self.tend = TendAgents(
            self.cluster, self.observed, belonging, credentials, children, self.demands, self.clock
        )

    def apply(self, **spec: Any) -> UUID:
        known = self.cluster.objects.get(("Agent", REF.namespace, REF.name))
        metadata = (
            {} if known is None else {**known["metadata"], "generation": known["metadata"]["generation"] + 1}
        )
        made = self.cluster.put(
            "Agent", *REF, spec=spec, metadata=metadata, status=(known or {}).get("status", {})
        )
        return UUID(made["metadata"]["uid"])

    async def look(self, *, thoroughly: bool = True, is_heard: bool = True) -> None:
        if is_heard and self.demands.is_awaited:
            await self.demands.refresh([])
        await self.tend(REF, thoroughly)

    async def told(self, uid: UUID, **changes: Any) -> None:
        """The gateway says this of it."""
        values = {"uid": uid, "state": "active", "live_runs": 0, "online": 0, **changes}
        self.gateway.demands[uid] = AgentDemand(**values)
        await self.demands.refresh([TENANT.id])

    def child(self, kind: str) -> dict[str, Any]:
        return self.cluster.objects[kind, PLACE, "agent-fixer"]

    @property
    def ready(self) -> dict[str, Any]:
        status = self.cluster.objects["Agent", *REF]["status"]
        return next(one for one in status["conditions"] if one["type"] == "Ready")

    @property
    def secret(self) -> str:
        return base64.b64decode(self.child("Secret")["data"]["AGENT_SECRET"]).decode()


def counted(what: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"oblivion_operator_{what}_total", labels) or 0.0


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_the_secret_is_there_before_its_digest_is_registered(bench: Bench) -> None:
    uid = bench.apply()
    await bench.look()

    assert bench.cluster.writes[:2] == ["create Secret", "apply ServiceAccount"]
    assert is_well_formed(bench.secret)
    wish = bench.gateway.registered[uid]
    assert wish.secret_sha256 == digest(bench.secret).hex()
    assert wish.tenant_id == TENANT.id
    client = base64.b64decode(bench.child("Secret")["data"]["AGENT_ID"]).decode()
    assert client == str(ClientId(TENANT.id, uid))


async def test_a_second_look_changes_nothing(bench: Bench) -> None:
    bench.apply()
    await bench.look()
    secret, writes = bench.secret, len(bench.cluster.writes)

    bench.restart()
    await bench.look()

    assert bench.secret == secret
    assert bench.cluster.writes[writes:] == []


async def test_a_restart_tells_nothing_anew_before_the_gateway_was_heard(bench: Bench) -> None:
    uid = bench.apply()
    await bench.look()
    until = bench.clock.now() + timedelta(hours=1)
    await bench.told(uid, online=2, live_runs=1, muted_until=until, mute_reason="too loud")
    await bench.look()
    status, writes = bench.cluster.objects["Agent", *REF]["status"], len(bench.cluster.writes)
    assert status["online"] == 2

    bench.restart()
    await bench.look(is_heard=False)
    assert bench.cluster.writes[writes:] == []
    await bench.demands.refresh([TENANT.id])
    await bench.look()
    assert bench.cluster.writes[writes:] == []

    bench.restart()
    assert bench.demands.lapse() == set()
    bench.clock.pass_s(BELIEVED_S + 1)
    bench.demands.lapse()
    await bench.look(is_heard=False)
    assert bench.cluster.objects["Agent", *REF]["status"]["online"] == 0, "it is silent for too long"


@pytest.mark.parametrize("survived", range(8))
async def test_broken_off_after_any_write_the_next_look_goes_on(bench: Bench, survived: int) -> None:
    uid = bench.apply(replicas=0)
    bench.cluster.break_after = survived
    try:
        await bench.look()
        broken = False
    except ClusterUnavailable:
        broken = True
    bench.cluster.break_after = None
    bench.restart()

    await bench.look()

    assert broken == (survived < 5)
    assert bench.gateway.registered[uid].secret_sha256 == digest(bench.secret).hex()
    assert bench.child("Deployment")["spec"]["replicas"] == 0
    assert bench.cluster.writes.count("create Secret") == 1


async def test_a_sleeper_is_born_asleep(bench: Bench) -> None:
    bench.apply(replicas=0)
    await bench.look()

    assert bench.child("Deployment")["spec"]["replicas"] == 0
    assert "scale Deployment" not in bench.cluster.writes


async def test_work_wakes_it_by_its_scale_alone(bench: Bench) -> None:
    uid = bench.apply(replicas=0)
    await bench.look()
    writes, woken = len(bench.cluster.writes), counted("woken")

    await bench.told(uid, live_runs=1)
    await bench.look(thoroughly=False)

    assert bench.child("Deployment")["spec"]["replicas"] == 1
    assert bench.cluster.writes[writes] == "scale Deployment"
    assert counted("woken") == woken + 1
    assert "apply Deployment" not in bench.cluster.writes[writes:]


async def test_a_restart_does_not_forget_when_it_was_woken(bench: Bench) -> None:
    uid = bench.apply(replicas=0, idleMinutes=10)
    await bench.look()
    await bench.told(uid, live_runs=1)
    await bench.look(thoroughly=False)
    bench.clock.pass_s(300)
    bench.restart()

    await bench.told(uid)
    await bench.look()
    assert bench.child("Deployment")["spec"]["replicas"] == 1
    bench.clock.pass_s(301)
    await bench.look()

    assert bench.child("Deployment")["spec"]["replicas"] == 0


@pytest.mark.parametrize(("label", "reason"), [(None, "NamespaceWithoutTenant"), ("nobody", "TenantUnknown")])
async def test_without_a_tenant_nothing_is_made(bench: Bench, label: str | None, reason: str) -> None:
    bench.cluster.put("Namespace", "", PLACE, metadata={"labels": {TENANT_LABEL: label} if label else {}})
    bench.apply()
    await bench.look()

    assert bench.ready["reason"] == reason
    assert bench.cluster.writes == ["status Agent"]
    assert list(bench.tend.hindered()) == [REF]


async def test_missing_secrets_are_named_and_nothing_is_rolled(bench: Bench) -> None:
    bench.apply(secretRefs=[{"name": "github"}, {"name": "jira"}])
    bench.cluster.put("Secret", PLACE, "jira")
    told = counted("conditions", condition="Ready", reason="SecretMissing")
    await bench.look()

    assert bench.ready["reason"] == "SecretMissing"
    assert counted("conditions", condition="Ready", reason="SecretMissing") == told + 1
    assert "github" in bench.ready["message"]
    assert "jira" not in bench.ready["message"]


async def test_a_silent_gateway_delays_a_birth_and_does_not_touch_what_runs(bench: Bench) -> None:
    bench.apply()
    bench.gateway.is_away = True
    with pytest.raises(GatewayUnavailable):
        await bench.look()
    assert (bench.ready["status"], bench.ready["reason"]) == ("False", "GatewayUnavailable")

    bench.gateway.is_away = False
    await bench.look()
    before = bench.ready["reason"]
    bench.gateway.is_away = True
    bench.clock.pass_s(3600)
    with pytest.raises(GatewayUnavailable):
        await bench.look()

    assert bench.ready["reason"] == before


async def test_what_the_gateway_refuses_is_told_in_its_words(bench: Bench) -> None:
    bench.gateway.refusal = Hindered("NameTaken", "Another agent is called 'fixer'.")
    bench.apply()
    await bench.look()

    assert (bench.ready["reason"], bench.ready["message"]) == (
        "NameTaken",
        "Another agent is called 'fixer'.",
    )
    assert bench.cluster.events[-1][:2] == ("Warning", "NameTaken")


async def test_a_secret_that_somebody_emptied_is_not_used(bench: Bench) -> None:
    bench.apply()
    await bench.look()
    bench.child("Secret")["data"]["AGENT_SECRET"] = base64.b64encode(b"mine").decode()
    await bench.look()

    assert bench.ready["reason"] == "SecretChanged"
    assert "kubectl delete secret -n team agent-fixer" in bench.ready["message"]


async def test_the_children_of_a_predecessor_are_waited_for_and_a_strangers_left_alone(bench: Bench) -> None:
    bench.apply()
    owner = {"apiVersion": "oblivion.dev/v1alpha1", "kind": "Agent", "uid": str(uuid4()), "controller": True}
    bench.cluster.put("ServiceAccount", PLACE, "agent-fixer", metadata={"ownerReferences": [owner]})
    with pytest.raises(NotYet):
        await bench.look()

    bench.cluster.put("ServiceAccount", PLACE, "agent-fixer", note="not yours")
    await bench.look()

    assert bench.ready["reason"] == "NameInUse"
    assert bench.child("ServiceAccount")["note"] == "not yours"


async def test_a_deleted_agent_is_forgotten(bench: Bench) -> None:
    bench.apply()
    await bench.look()
    del bench.cluster.objects["Agent", *REF]
    writes = len(bench.cluster.writes)
    await bench.look()

    assert bench.cluster.writes[writes:] == []
    assert bench.tend.tenants == set()
    assert bench.observed.agents == {}


async def test_namesakes_elsewhere_are_named_to_the_gateway(bench: Bench) -> None:
    other = uuid4()
    bench.observed.agents[Ref("elsewhere", "fixer")] = other
    bench.observed.agents[Ref("elsewhere", "reader")] = uuid4()
    uid = bench.apply()
    await bench.look()

    assert bench.gateway.registered[uid].namesakes == [other]


async def test_an_unchanged_status_is_not_written_again(bench: Bench) -> None:
    bench.apply()
    await bench.look()
    written = bench.cluster.writes.count("status Agent")
    for _ in range(3):
        bench.clock.pass_s(5)
        await bench.look(thoroughly=False)

    assert bench.cluster.writes.count("status Agent") == written
