"""`kubectl apply -f agent.yaml` and what follows from it."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import Namespace, Secret, ServiceAccount
from lightkube.resources.networking_v1 import NetworkPolicy
from lightkube.types import PatchType
from sqlalchemy import text

from oblivion_gateway.testing_agents import TestAgent
from oblivion_platform.agents import read_agent
from oblivion_platform.embedded.process import free_port
from tests.e2e.operator.scene import AgentResource, Scene, new_run, slowly

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(240)]


async def test_an_applied_agent_runs_is_registered_and_connects(scene: Scene) -> None:
    await scene.start()
    place = await scene.namespace()

    uid = await scene.apply(place, "fixer", description="mends", limits={"messagesPerMinute": 7})
    ready = await scene.becomes(place, "fixer", "RolledOut")

    assert ready["status"] == "True"
    assert set(await scene.children(place, "fixer")) == {
        "Deployment",
        "Secret",
        "ServiceAccount",
        "NetworkPolicy",
    }
    async with scene.world.database.tenant(scene.tenant.id) as tx:
        known = await read_agent(tx, uid)
    assert (known.name, known.origin, known.definition.limits.messages_per_minute) == ("fixer", "resource", 7)
    agent = TestAgent(scene.world.base_url)
    await agent.connect(await scene.token(*await scene.credentials(place, "fixer")))
    await agent.hello()
    await scene.becomes(place, "fixer", "Connected", "Connected")
    status = await scene.status(place, "fixer")
    assert (status["phase"], status["online"], status["runs"]) == ("Running", 1, 0)
    await agent.close()
    await scene.becomes(place, "fixer", "NotConnected", "Connected")


async def test_prometheus_is_told_who_leads_and_how_agents_are(scene: Scene) -> None:
    port = free_port()
    await scene.start(PORT=str(port), OBLIVION_RESYNC_EVERY_S="1")
    place = await scene.namespace()
    await scene.apply(place, "fixer")
    await scene.becomes(place, "fixer", "RolledOut")

    async def is_told() -> None:
        async with httpx.AsyncClient() as http:
            told = (await http.get(f"http://127.0.0.1:{port}/metrics")).text.splitlines()
        assert "oblivion_operator_leading 1.0" in told
        assert 'oblivion_operator_agents{phase="Running"} 1.0' in told
        assert [line for line in told if line.startswith("oblivion_operator_api_calls_total{")]

    await slowly(is_told)


async def test_nothing_is_written_to_the_agent_but_its_status(scene: Scene) -> None:
    await scene.start()
    place = await scene.namespace()
    await scene.apply(place, "fixer")
    await scene.becomes(place, "fixer", "RolledOut")

    metadata = (await scene.agent(place, "fixer"))["metadata"]

    assert metadata.get("annotations", {}) == {}
    assert "finalizers" not in metadata
    assert {entry["manager"] for entry in metadata["managedFields"]} == {"kubectl", "oblivion-operator"}


async def test_an_edit_rolls_the_pods_and_reaches_the_registry(scene: Scene) -> None:
    await scene.start()
    place = await scene.namespace()
    uid = await scene.apply(place, "fixer", description="mends")
    await scene.becomes(place, "fixer", "RolledOut")
    before = {pod["metadata"]["name"] for pod in await scene.pods(place)}

    await scene.edit(place, "fixer", description="breaks", resources={"limits": {"memory": "64Mi"}})
    await scene.becomes(place, "fixer", "RolledOut")

    async def rolled() -> None:
        pods = [pod for pod in await scene.pods(place) if "deletionTimestamp" not in pod["metadata"]]
        assert before.isdisjoint(pod["metadata"]["name"] for pod in pods)
        limits = [pod["spec"]["containers"][0]["resources"]["limits"] for pod in pods]
        assert limits == [{"memory": "64Mi"}]

    await slowly(rolled)
    async with scene.world.database.tenant(scene.tenant.id) as tx:
        assert (await read_agent(tx, uid)).definition.description == "breaks"


async def test_a_deleted_agent_leaves_nothing_and_cannot_sign_in_any_more(scene: Scene) -> None:
    await scene.start()
    place = await scene.namespace()
    await scene.apply(place, "fixer")
    await scene.becomes(place, "fixer", "RolledOut")
    credentials = await scene.credentials(place, "fixer")
    assert await scene.token(*credentials) is not None

    await scene.delete(place, "fixer")

    async def is_gone() -> None:
        assert await scene.children(place, "fixer") == {}
        assert await scene.token(*credentials) is None

    await slowly(is_gone)


async def test_an_agent_applied_again_takes_its_predecessors_place(scene: Scene) -> None:
    await scene.start()
    place = await scene.namespace()
    old = await scene.apply(place, "fixer", aliases=["@mender"])
    await scene.becomes(place, "fixer", "RolledOut")

    await scene.delete(place, "fixer")
    new = await scene.apply(place, "fixer", aliases=["@mender"])
    await scene.becomes(place, "fixer", "RolledOut")

    assert new != old
    assert await scene.token(*await scene.credentials(place, "fixer")) is not None
    for child in (await scene.children(place, "fixer")).values():
        assert [owner["uid"] for owner in child["metadata"]["ownerReferences"]] == [str(new)]


@pytest.mark.parametrize("kind", [Deployment, ServiceAccount, NetworkPolicy, Secret])
async def test_a_deleted_child_comes_back(scene: Scene, kind: Any) -> None:
    await scene.start(OBLIVION_RESYNC_EVERY_S="2")
    place = await scene.namespace()
    await scene.apply(place, "fixer")
    await scene.becomes(place, "fixer", "RolledOut")
    before = (await scene.child(kind.__name__, place, "fixer") or {})["metadata"]["uid"]

    await scene.kube.delete(kind, "agent-fixer", namespace=place)

    async def is_back() -> None:
        child = await scene.child(kind.__name__, place, "fixer")
        assert child is not None
        assert child["metadata"]["uid"] != before

    await slowly(is_back)
    await scene.becomes(place, "fixer", "RolledOut")

    async def signs_in() -> None:
        assert await scene.token(*await scene.credentials(place, "fixer")) is not None

    await slowly(signs_in)


async def test_a_changed_child_is_changed_back(scene: Scene) -> None:
    await scene.start(OBLIVION_RESYNC_EVERY_S="600")
    place = await scene.namespace()
    await scene.apply(place, "fixer")
    await scene.becomes(place, "fixer", "RolledOut")
    container = {"name": "agent", "securityContext": {"readOnlyRootFilesystem": False}}
    change = {"spec": {"replicas": 3, "template": {"spec": {"containers": [container]}}}}

    await scene.kube.patch(Deployment, "agent-fixer", change, namespace=place)
    await scene.kube.patch(NetworkPolicy, "agent-fixer", {"spec": {"egress": [{}]}}, namespace=place)

    async def is_back() -> None:
        deployment = (await scene.child("Deployment", place, "fixer") or {})["spec"]
        policy = (await scene.child("NetworkPolicy", place, "fixer") or {})["spec"]
        assert deployment["replicas"] == 1
        assert deployment["template"]["spec"]["containers"][0]["securityContext"]["readOnlyRootFilesystem"]
        assert len(policy["egress"]) == 3

    await slowly(is_back)


async def test_a_namespace_without_tenant_says_how_to_label_it_and_goes_on_by_itself(scene: Scene) -> None:
    await scene.start()
    place = await scene.namespace(tenant=None)
    await scene.apply(place, "fixer")

    told = await scene.becomes(place, "fixer", "NamespaceWithoutTenant")
    assert f"kubectl label namespace {place} oblivion.dev/tenant=" in told["message"]
    assert await scene.children(place, "fixer") == {}

    await scene.label(place, "nobody")
    assert "no such tenant" in (await scene.becomes(place, "fixer", "TenantUnknown"))["message"]
    await scene.label(place, str(scene.tenant.id))
    await scene.becomes(place, "fixer", "RolledOut")


async def test_a_missing_secret_is_named_and_waited_for(scene: Scene) -> None:
    await scene.start()
    place = await scene.namespace()
    await scene.apply(place, "fixer", secretRefs=[{"name": "github"}])

    told = await scene.becomes(place, "fixer", "SecretMissing")
    assert "github" in told["message"]
    await scene.kube.create(
        Secret.from_dict(
            {"metadata": {"name": "github", "namespace": place}, "stringData": {"GITHUB_TOKEN": "x"}}
        )
    )

    await scene.becomes(place, "fixer", "RolledOut")


async def test_a_missing_image_is_told_in_words_and_as_an_event(scene: Scene) -> None:
    await scene.start()
    place = await scene.namespace()
    image = "localhost/nobody-has-this:1"
    await scene.apply(place, "fixer", image=image)

    told = await scene.becomes(place, "fixer", "ImageMissing")
    assert image in told["message"]
    assert (await scene.status(place, "fixer"))["phase"] == "Failing"

    async def is_told() -> None:
        warnings = [event for event in await scene.events(place) if event["reason"] == "ImageMissing"]
        assert [event["type"] for event in warnings] == ["Warning"]

    await slowly(is_told)
    await scene.edit(place, "fixer", image=scene.image)
    await scene.becomes(place, "fixer", "RolledOut")


async def test_of_two_namesakes_in_a_tenant_the_first_keeps_the_name(scene: Scene) -> None:
    await scene.start()
    first, second = await scene.namespace(), await scene.namespace()
    await scene.apply(first, "fixer")
    await scene.becomes(first, "fixer", "RolledOut")
    await scene.apply(second, "fixer")
    await scene.becomes(second, "fixer", "NameTaken")

    await scene.delete(first, "fixer")

    ready = await scene.becomes(second, "fixer", "RolledOut")
    assert ready["status"] == "True"


async def test_two_tenants_have_agents_of_the_same_name(scene: Scene) -> None:
    await scene.start()
    other = await scene.world.new_tenant()
    ours, theirs = await scene.namespace(), await scene.namespace(tenant=other.slug)
    for place in (ours, theirs):
        await scene.apply(place, "fixer")
    for place in (ours, theirs):
        await scene.becomes(place, "fixer", "RolledOut")

    clients = [(await scene.credentials(place, "fixer"))[0] for place in (ours, theirs)]
    assert scene.tenant.id.hex in clients[0]
    assert other.id.hex in clients[1]


async def test_work_wakes_a_sleeper_and_idleness_puts_it_to_sleep_again(scene: Scene) -> None:
    await scene.start()
    place = await scene.namespace()
    uid = await scene.apply(place, "fixer", replicas=0, idleMinutes=1)
    await scene.becomes(place, "fixer", "Asleep")
    assert await scene.pods(place) == []
    assert (await scene.child("Deployment", place, "fixer") or {})["metadata"]["generation"] == 1

    run = await new_run(scene, uid)
    began = datetime.now(UTC)
    await scene.becomes(place, "fixer", "RolledOut")
    assert datetime.now(UTC) - began < timedelta(seconds=20)
    status = await scene.status(place, "fixer")
    assert (status["phase"], status["runs"], status["replicas"]) == ("Running", 1, 1)

    async with scene.world.database.tenant(scene.tenant.id) as tx:
        await tx.execute(
            text("UPDATE runs SET state = 'succeeded', finished_at = now() WHERE id = :run"), {"run": run}
        )
    await scene.becomes(place, "fixer", "Asleep", within_s=100)


async def test_the_scale_of_the_agent_is_the_number_of_its_pods(scene: Scene) -> None:
    await scene.start()
    place = await scene.namespace()
    await scene.apply(place, "fixer")
    await scene.becomes(place, "fixer", "RolledOut")

    change = {"spec": {"replicas": 2}}
    await scene.kube.patch(AgentResource.Scale, "fixer", change, namespace=place, patch_type=PatchType.MERGE)

    async def are_two() -> None:
        scale = (await scene.kube.get(AgentResource.Scale, "fixer", namespace=place)).to_dict()
        assert scale["status"]["replicas"] == 2
        assert "oblivion.dev/agent=fixer" in scale["status"]["selector"]

    await slowly(are_two)
    await scene.becomes(place, "fixer", "RolledOut")


async def test_somebody_elses_deployment_is_left_alone(scene: Scene) -> None:
    await scene.start()
    place = await scene.namespace()
    await scene.kube.create(
        ServiceAccount.from_dict({"metadata": {"name": "agent-fixer", "namespace": place}})
    )
    await scene.apply(place, "fixer")

    told = await scene.becomes(place, "fixer", "NameInUse")

    assert "ServiceAccount agent-fixer" in told["message"]
    assert set(await scene.children(place, "fixer")) == {"Secret", "ServiceAccount"}


async def test_two_people_who_edit_at_once_get_what_the_api_server_agreed_to(scene: Scene) -> None:
    await scene.start()
    place = await scene.namespace()
    await scene.apply(place, "fixer")

    edits = [scene.edit(place, "fixer", idleMinutes=n, description=f"edit {n}") for n in range(1, 21)]
    scales = [
        scene.kube.patch(Deployment, "agent-fixer", {"spec": {"replicas": n}}, namespace=place)
        for n in (0, 3)
    ]
    await asyncio.gather(*edits)
    await scene.becomes(place, "fixer", "RolledOut")
    await asyncio.gather(*scales)

    body = await scene.agent(place, "fixer")

    async def is_so() -> None:
        deployment = await scene.child("Deployment", place, "fixer") or {}
        assert deployment["spec"]["replicas"] == 1
        async with scene.world.database.tenant(scene.tenant.id) as tx:
            known = await read_agent(tx, UUID(body["metadata"]["uid"]))
        assert known.definition.description == body["spec"]["description"]

    await slowly(is_so)
    await scene.becomes(place, "fixer", "RolledOut")


async def test_deleting_the_namespace_is_not_held_up(scene: Scene) -> None:
    await scene.start()
    place = await scene.namespace()
    await scene.apply(place, "fixer")
    await scene.becomes(place, "fixer", "RolledOut")

    await scene.kube.delete(Namespace, place)

    async def is_gone() -> None:
        assert place not in [one.to_dict()["metadata"]["name"] async for one in scene.kube.list(Namespace)]

    await slowly(is_gone, within_s=90)
