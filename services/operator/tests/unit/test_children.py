"""The spec in, manifests out."""

from typing import Any
from uuid import UUID

import pytest

from oblivion_contracts.agent_resource import AgentSpec
from oblivion_operator.domain.agents import Agent, Ref
from oblivion_operator.domain.children import SECRET_CHECKSUM, House, desired_children
from oblivion_operator.domain.drift import fingerprint
from oblivion_operator.domain.labels import owner_of
from oblivion_operator.domain.manifests import Manifest
from oblivion_operator.errors import Hindered

UID = UUID("0b11d107-0000-4000-8000-000000000001")
HOUSE = House(
    gateway_url="http://gateway.oblivion.svc:8000",
    default_image="oblivion-agent:1",
    image_pull_policy="IfNotPresent",
    system_namespace="oblivion",
    reachable=("gateway", "mcp-hub"),
    environment=(("OBLIVION_LLM_MODEL", "openai:x"),),
)


def agent(**spec: Any) -> Agent:
    return Agent(Ref("team", "fixer"), UID, 1, AgentSpec.model_validate(spec))


def deployment(secret: str = "s", **spec: Any) -> Manifest:
    return desired_children(agent(**spec), HOUSE, secret).deployment


def container(**spec: Any) -> Manifest:
    return deployment(**spec)["spec"]["template"]["spec"]["containers"][0]


def egress(*ways: str) -> list[Manifest]:
    policy = desired_children(agent(egress=list(ways)), HOUSE, "s").network_policy
    return policy["spec"]["egress"]


def test_every_child_belongs_to_the_agent_so_that_kubernetes_collects_it() -> None:
    children = list(desired_children(agent(), HOUSE, "s"))

    assert [child["kind"] for child in children] == ["ServiceAccount", "NetworkPolicy", "Deployment"]
    assert {owner_of(child) for child in children} == {UID}
    assert {child["metadata"]["name"] for child in children} == {"agent-fixer"}


def test_the_number_of_pods_is_not_in_what_is_applied() -> None:
    assert "replicas" not in deployment(replicas=3)["spec"]


def test_pods_satisfy_the_restricted_standard_with_a_read_only_root() -> None:
    pod = deployment()["spec"]["template"]["spec"]
    (only,) = pod["containers"]

    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert only["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_the_secret_reaches_the_pod_by_reference_and_another_one_rolls_it() -> None:
    first, second = deployment(secret="obs_1"), deployment(secret="obs_2")
    notes = [one["spec"]["template"]["metadata"]["annotations"][SECRET_CHECKSUM] for one in (first, second)]
    named = {variable["name"]: variable for variable in container()["env"]}

    assert notes[0] != notes[1]
    assert "obs_1" not in str(first)
    assert named["AGENT_SECRET"]["valueFrom"]["secretKeyRef"] == {
        "name": "agent-fixer",
        "key": "AGENT_SECRET",
    }
    assert named["OBLIVION_URI"]["value"] == HOUSE.gateway_url
    assert named["OBLIVION_LLM_MODEL"]["value"] == "openai:x"


def test_what_the_spec_leaves_out_comes_from_the_house() -> None:
    assert container()["image"] == "oblivion-agent:1"
    assert container(image="mine:2")["image"] == "mine:2"
    assert container()["resources"] == {
        "requests": {"cpu": "50m", "memory": "128Mi"},
        "limits": {"memory": "512Mi"},
    }


@pytest.mark.parametrize(
    ("given", "requests", "limits"),
    [
        ({"limits": {"memory": "64Mi"}}, {"cpu": "50m"}, {"memory": "64Mi"}),
        ({"requests": {"memory": "1Gi"}}, {"cpu": "50m", "memory": "1Gi"}, {"memory": "1Gi"}),
        ({"limits": {"cpu": "10m"}}, {"memory": "128Mi"}, {"memory": "512Mi", "cpu": "10m"}),
        ({"requests": {"cpu": 1}}, {"cpu": "1", "memory": "128Mi"}, {"memory": "512Mi"}),
    ],
)
def test_defaults_of_resources_never_contradict_what_is_given(
    given: dict[str, Any], requests: dict[str, str], limits: dict[str, str]
) -> None:
    assert container(resources=given)["resources"] == {"requests": requests, "limits": limits}


def test_secrets_of_the_namespace_become_environment_variables() -> None:
    assert container(secretRefs=[{"name": "github"}])["envFrom"] == [{"secretRef": {"name": "github"}}]


def test_without_any_way_out_only_dns_and_the_system_are_reached() -> None:
    dns, system = egress("none")

    assert {port["port"] for port in dns["ports"]} == {53}
    assert system["to"][0]["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "oblivion"}
    assert system["to"][0]["podSelector"]["matchExpressions"][0]["values"] == ["gateway", "mcp-hub"]


def test_the_internet_does_not_include_private_networks() -> None:
    *_, internet = egress("internet")

    assert "10.0.0.0/8" in internet["to"][0]["ipBlock"]["except"]
    assert "169.254.0.0/16" in internet["to"][0]["ipBlock"]["except"]
    assert "ports" not in internet


@pytest.mark.parametrize(
    ("way", "cidr", "port"), [("10.1.0.0/16:5432", "10.1.0.0/16", 5432), ("fd00::/8:443", "fd00::/8", 443)]
)
def test_a_network_is_reached_on_one_port(way: str, cidr: str, port: int) -> None:
    *_, rule = egress(way)

    assert rule == {"to": [{"ipBlock": {"cidr": cidr}}], "ports": [{"port": port, "protocol": "TCP"}]}


def test_nobody_reaches_an_agent() -> None:
    spec = desired_children(agent(), HOUSE, "s").network_policy["spec"]

    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in spec


def test_drift_is_what_others_are_not_meant_to_write() -> None:
    applied = deployment()
    scaled = {**applied, "spec": {**applied["spec"], "replicas": 4}, "status": {"replicas": 4}}
    noted = {**applied["metadata"], "annotations": {"deployment.kubernetes.io/revision": "2"}}
    edited = {**applied, "spec": {**applied["spec"], "revisionHistoryLimit": 9}}

    assert fingerprint(scaled) == fingerprint(applied)
    assert fingerprint({**applied, "metadata": noted}) == fingerprint(applied)
    assert fingerprint(edited) != fingerprint(applied)


def test_a_spec_that_this_version_cannot_read_is_told_by_field() -> None:
    from oblivion_operator.domain.agents import parse_agent

    body = {
        "metadata": {"namespace": "team", "name": "fixer", "uid": str(UID), "generation": 2},
        "spec": {"replicas": 1, "turbo": True},
    }
    with pytest.raises(Hindered, match="turbo") as hindered:
        parse_agent(body)

    assert hindered.value.reason == "InvalidSpec"
