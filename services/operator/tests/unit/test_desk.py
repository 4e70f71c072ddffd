"""News of the cluster → which Agents are looked after, and how thoroughly."""

from typing import Any
from uuid import uuid4

from oblivion_contracts.agent_operator import AgentDemand
from oblivion_contracts.agent_resource import TENANT_LABEL
from oblivion_operator.domain.agents import Agent, Ref
from oblivion_operator.domain.children import House
from oblivion_operator.domain.labels import metadata
from oblivion_operator.handlers.desk import Desk
from oblivion_operator.testing import ManualClock, MemoryCluster, MemoryGateway
from oblivion_operator.usecases.children import KeepChildren
from oblivion_operator.usecases.demands import BELIEVED_S, Demands
from oblivion_operator.usecases.observed import DEPLOYMENT, POD, Observed

REF = Ref("team", "fixer")
HOUSE = House("http://gateway:8000", "agent:1", "IfNotPresent", "oblivion", ("gateway",))


class Queue:
    """Remembers what it is given."""

    def __init__(self) -> None:
        self.added: list[tuple[Ref, bool]] = []

    def add(self, ref: Ref, *, thoroughly: bool) -> None:
        self.added.append((ref, thoroughly))

    def taken(self) -> list[tuple[Ref, bool]]:
        added, self.added = self.added, []
        return added


class Office:
    """A desk with everything around it."""

    def __init__(self) -> None:
        self.queue, self.left = Queue(), 0
        self.cluster, self.observed = MemoryCluster(), Observed()
        self.children = KeepChildren(self.cluster, self.observed, HOUSE)
        queue: Any = self.queue
        self.desk = Desk(self.observed, self.children, queue, self._somebody_left)
        self.agent = Agent(REF, uuid4(), 1, _spec())

    def _somebody_left(self) -> None:
        self.left += 1

    def saw_agent(self, generation: int = 1, *, is_gone: bool = False) -> list[tuple[Ref, bool]]:
        named = {"namespace": REF.namespace, "name": REF.name, "uid": str(self.agent.uid)}
        self.desk.saw("Agent", {"metadata": {**named, "generation": generation}}, is_gone)
        return self.queue.taken()

    def saw(self, kind: str, body: dict[str, Any], *, is_gone: bool = False) -> list[tuple[Ref, bool]]:
        self.desk.saw(kind, body, is_gone)
        return self.queue.taken()


def _spec() -> Any:
    from oblivion_contracts.agent_resource import AgentSpec

    return AgentSpec()


def test_an_edit_is_news_and_our_own_writing_of_the_status_is_not() -> None:
    office = Office()

    assert office.saw_agent(1) == [(REF, True)]
    assert office.saw_agent(1) == []
    assert office.saw_agent(2) == [(REF, True)]


def test_a_deletion_shuts_out_soon() -> None:
    office = Office()
    office.saw_agent()

    assert office.saw_agent(is_gone=True) == [(REF, True)]
    assert office.left == 1


async def test_a_child_is_news_and_drift_is_more_than_that() -> None:
    office = Office()
    office.saw_agent()
    await office.children.keep(office.agent, "secret", 1)
    body = office.cluster.objects[DEPLOYMENT, "team", "agent-fixer"]

    assert office.saw(DEPLOYMENT, {**body, "status": {"replicas": 1}}) == [(REF, False)]
    changed = {**body, "spec": {**body["spec"], "revisionHistoryLimit": 9}}
    assert office.saw(DEPLOYMENT, changed) == [(REF, True)]
    assert office.saw(DEPLOYMENT, body, is_gone=True) == [(REF, True)]


def test_a_pod_is_news_and_one_of_nobody_is_none() -> None:
    office = Office()
    office.saw_agent()
    pod = {"metadata": {**metadata(office.agent), "name": "p", "uid": "u", "resourceVersion": "1"}}

    assert office.saw(POD, pod) == [(REF, False)]
    assert office.observed.pods(REF) != []
    assert office.saw(POD, pod, is_gone=True) == [(REF, False)]
    assert office.observed.pods(REF) == []
    assert office.saw(POD, {"metadata": {"namespace": "team", "name": "x"}}) == []


def test_another_tenant_is_news_for_all_agents_of_the_namespace() -> None:
    office = Office()
    office.saw_agent()
    namespace = {"metadata": {"name": "team", "labels": {TENANT_LABEL: "acme"}}}

    assert office.saw("Namespace", namespace) == []
    namespace["metadata"] = {"name": "team", "labels": {TENANT_LABEL: "umbrella"}}
    assert office.saw("Namespace", namespace) == [(REF, True)]
    assert office.saw("Namespace", namespace) == []


def test_an_answer_that_comes_after_newer_news_does_not_replace_it() -> None:
    office = Office()
    body = {"metadata": {**metadata(office.agent), "uid": "u", "resourceVersion": "8"}, "note": "newer"}
    office.observed.saw_child(DEPLOYMENT, body)
    late = {**body, "note": "older", "metadata": {**body["metadata"], "resourceVersion": "7"}}
    office.observed.saw_child(DEPLOYMENT, late)

    assert (office.observed.child(DEPLOYMENT, Ref("team", "agent-fixer")) or {})["note"] == "newer"


async def test_only_what_the_gateway_says_differently_is_news_and_its_silence_counts_after_a_while() -> None:
    gateway, clock, tenant = MemoryGateway(), ManualClock(), uuid4()
    demands = Demands(gateway, clock)
    one = AgentDemand(uid=uuid4(), state="active", live_runs=0, online=1)
    gateway.demands[one.uid] = one

    assert await demands.refresh([tenant]) == {one.uid}
    assert await demands.refresh([tenant]) == set()
    gateway.demands[one.uid] = one.model_copy(update={"live_runs": 2})
    assert await demands.refresh([tenant]) == {one.uid}

    clock.pass_s(BELIEVED_S)
    assert demands.lapse() == set()
    clock.pass_s(1)
    assert demands.lapse() == {one.uid}
    assert demands.of(one.uid) is None
