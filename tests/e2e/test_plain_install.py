"""`helm install` with no values at all: ready, idle, and a squad after the few commands of its notes."""

import asyncio
from collections.abc import Iterator

import pytest

from oblivion_platform.testing import eventually
from tests.e2e.cluster import Installed, Json, namespace, run
from tests.e2e.measured import measured, memory_mib
from tests.e2e.test_agents import SQUAD, agents, condition, until_ready

MEMORY_GOALS_MIB = {
    "ingestion": 90,
    "operator": 90,
    "mcp-hub": 150,
    "observer": 150,
    "gateway": 220,
    "router-worker": 220,
}
"""Of each service, before it has done anything."""
MEASURED_WITHIN_S = 90.0
"""Until the cluster has measured pods that have just started."""


RESYNC_WITHIN_S = 90.0
LOOKED_AFTER_S = 21.0


@pytest.fixture(scope="module")
def plain_system(agent_resource: None) -> Iterator[Installed]:
    with namespace("oblivion-e2e-plain", tenant=None) as room:
        system = Installed(room)
        system.install({})
        yield system


@pytest.mark.timeout(600)
def test_with_no_values_all_is_ready_without_restarts_and_helm_test_passes(plain_system: Installed) -> None:
    assert plain_system.charts() == {*MEMORY_GOALS_MIB, "cli", "postgres", "redis"}
    assert plain_system.restarts() == {}
    tested = run("helm", "test", plain_system.release, "-n", plain_system.namespace.name)
    assert tested.count("Succeeded") == len(MEMORY_GOALS_MIB)


@pytest.mark.timeout(180)
async def test_idle_memory_stays_within_the_goals(plain_system: Installed) -> None:
    if await asyncio.to_thread(memory_mib, plain_system) is None:
        pytest.skip("the cluster measures no pods: kubectl top needs metrics-server")

    async def all_of_them() -> dict[str, float]:
        used = await asyncio.to_thread(memory_mib, plain_system) or {}
        assert used.keys() >= MEMORY_GOALS_MIB.keys()
        return used

    used = await eventually(all_of_them, within_s=MEASURED_WITHIN_S)
    for service, goal in MEMORY_GOALS_MIB.items():
        measured(f"idle memory of {service}", used[service], "MiB", goal)
    assert {each: used[each] for each, goal in MEMORY_GOALS_MIB.items() if used[each] > goal} == {}


@pytest.mark.timeout(300)
async def test_the_notes_lead_to_a_squad(plain_system: Installed) -> None:
    place = plain_system.namespace.name
    pending = await asyncio.to_thread(agents, plain_system)
    reasons = {condition(each, "Ready").get("reason") for each in pending.values()}
    notes = await asyncio.to_thread(run, "helm", "get", "notes", plain_system.release, "-n", place)
    assert pending.keys() == SQUAD
    assert reasons <= {None, "NamespaceWithoutTenant"}
    assert "oblivion tenants create acme" in notes
    assert f"kubectl label namespace {place} oblivion.dev/tenant=acme" in notes

    await plain_system.oblivion("tenants", "create", "acme")
    await asyncio.to_thread(run, "kubectl", "label", "namespace", place, "oblivion.dev/tenant=acme")
    found = await until_ready(plain_system, SQUAD)
    assert {found[name]["status"]["phase"] for name in SQUAD} == {"Asleep"}


@pytest.mark.timeout(300)
async def test_of_two_systems_on_one_cluster_each_leaves_the_others_agents_alone(
    default_system: Installed, plain_system: Installed
) -> None:
    async def is_told() -> None:
        for system, other in ((default_system, plain_system), (plain_system, default_system)):
            operator = ("logs", "deploy/oblivion-operator", "--tail=-1")
            log = await asyncio.to_thread(system.namespace.kubectl, *operator)
            told = [line for line in log.splitlines() if "is left alone" in line]
            assert {name for name in SQUAD if f"{other.namespace.name}/{name}" in str(told)} == SQUAD

    async def are_settled() -> dict[str, Json]:
        found = await until_ready(plain_system, SQUAD)
        # At first nobody has told the operator who is connected.
        connected = {condition(found[name], "Connected").get("reason") for name in SQUAD}
        assert connected == {"Asleep"}
        return found

    await eventually(is_told, within_s=RESYNC_WITHIN_S)
    before: dict[str, Json] = await eventually(are_settled, within_s=RESYNC_WITHIN_S)
    await asyncio.sleep(LOOKED_AFTER_S)  # Two looks of whoever would fight over them.
    after = await asyncio.to_thread(agents, plain_system)
    assert {name: after[name]["status"] for name in SQUAD} == {name: before[name]["status"] for name in SQUAD}
