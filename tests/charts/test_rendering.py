"""The umbrella and each chart, with the values that people set."""

from typing import Any

import pytest

from oblivion_platform.paths import PATHS, service_of
from tests.charts.conftest import Render, RenderRefused, of_kind, pods_of

SANDBOX = {"sandbox": {"enabled": True}}
SERVICES = ("ingestion", "gateway", "router-worker", "operator", "squad", "sandbox", "cli")
CHARTS = [f"helm/{name}" for name in (*SERVICES, "database", "oblivion")] + [
    f"infra/{name}" for name in ("postgres", "redis", "qdrant")
]
EVERYTHING: dict[str, Any] = {
    "sandbox": {"enabled": True},
    "qdrant": {"enabled": True},
    "gateway": {"autoscaling": {"enabled": True}},
    "router-worker": {"keda": {"enabled": True}},
    "global": {"httpRoute": {"enabled": True, "gatewayName": "front"}, "metrics": {"serviceMonitors": True}},
}


def test_every_pod_satisfies_pod_security_restricted(render: Render) -> None:
    for name, pod in pods_of(render("helm/oblivion", EVERYTHING)):
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, name


def test_every_container_has_requests_and_a_memory_limit(render: Render) -> None:
    for name, pod in pods_of(render("helm/oblivion", EVERYTHING)):
        for container in pod["containers"]:
            assert container["resources"]["requests"]["cpu"], name
            assert container["resources"]["limits"]["memory"], name


def test_every_pod_is_closed_by_a_network_policy(render: Render) -> None:
    manifests = render("helm/oblivion", EVERYTHING)
    closed = {
        each["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/name"]
        for each in of_kind(manifests, "NetworkPolicy")
        if each["spec"]["policyTypes"] == ["Ingress", "Egress"]
    }
    running = {
        each["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/name"]
        for each in manifests
        if each["kind"] in {"Deployment", "StatefulSet", "Job"}
    }
    assert running <= closed


def test_only_pods_that_use_the_api_server_get_a_token(render: Render) -> None:
    pods = pods_of(render("helm/oblivion", EVERYTHING))
    with_token = {name for name, pod in pods if pod.get("automountServiceAccountToken", True)}
    assert {name.split("-connect")[0] for name in with_token} == {
        "Job/oblivion-secrets",
        "Job/oblivion-sandbox",
    }


def test_the_sandbox_stands_in_for_every_part_when_it_is_enabled(render: Render) -> None:
    (worker,) = of_kind(render("helm/oblivion", SANDBOX), "Deployment", "router-worker")
    environment = environment_of(worker)
    assert environment["OBLIVION_SLACK_API_URL"] == "http://oblivion-sandbox/slack/api/"
    assert environment["OBLIVION_CLICKUP_API_URL"] == "http://oblivion-sandbox/clickup/api/v2"
    assert environment["OBLIVION_LLM_MODEL"] == "openai:sandbox"


def test_nothing_of_the_sandbox_is_there_without_it(render: Render) -> None:
    manifests = render("helm/oblivion")
    assert not of_kind(manifests, "Deployment", "sandbox")
    (worker,) = of_kind(manifests, "Deployment", "router-worker")
    assert "OBLIVION_SLACK_API_URL" not in environment_of(worker)


def test_no_password_and_no_key_stands_in_any_manifest(render: Render) -> None:
    manifests = render("helm/oblivion", EVERYTHING)
    assert of_kind(manifests, "Secret") == []
    secretive = [
        variable
        for _, pod in pods_of(manifests)
        for container in pod["containers"]
        for variable in container.get("env", [])
        if "PASSWORD" in variable["name"] or variable["name"].endswith(("MASTER_KEY", "SIGNING_KEY"))
    ]
    assert secretive
    assert all("secretKeyRef" in variable["valueFrom"] for variable in secretive)


@pytest.mark.parametrize("chart", CHARTS)
def test_unknown_values_are_refused(render: Render, chart: str) -> None:
    with pytest.raises(RenderRefused, match="additional properties 'unheardOf' not allowed"):
        render(chart, {"unheardOf": 1})


def test_unknown_shared_values_are_refused(render: Render) -> None:
    with pytest.raises(RenderRefused, match="'sandbxo' not allowed"):
        render("helm/oblivion", {"global": {"sandbxo": {}}})


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (
            {"global": {"httpRoute": {"enabled": True}}},
            "global.httpRoute.gatewayName is empty: set it to the name of your Gateway",
        ),
        (
            {"router-worker": {"autoscaling": {"enabled": True}, "keda": {"enabled": True}}},
            "router-worker: autoscaling.enabled and keda.enabled would both set the number of replicas",
        ),
        (
            {"gateway": {"autoscaling": {"enabled": True, "minReplicas": 9}}},
            "gateway: autoscaling.minReplicas is above autoscaling.maxReplicas",
        ),
    ],
)
def test_a_render_that_cannot_work_names_the_value_and_the_fix(
    render: Render, values: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(RenderRefused) as refused:
        render("helm/oblivion", values)
    assert sentence in str(refused.value)


def test_ingress_and_route_follow_the_one_path_table(render: Render) -> None:
    manifests = render("helm/oblivion", EVERYTHING)
    by_ingress = {
        path["path"]: path["backend"]["service"]["name"]
        for each in of_kind(manifests, "Ingress")
        for path in each["spec"]["rules"][0]["http"]["paths"]
    }
    by_route = {
        match["path"]["value"]: rule["backendRefs"][0]["name"]
        for each in of_kind(manifests, "HTTPRoute")
        for rule in each["spec"]["rules"]
        for match in rule["matches"]
    }
    wanted = {rule.prefix: f"oblivion-{service_of(rule.prefix)}" for rule in PATHS}
    assert by_ingress == wanted
    assert by_route == wanted


def test_migrations_are_a_plain_job_whose_name_changes_with_the_version(render: Render) -> None:
    (job,) = of_kind(render("helm/database"), "Job", "migrations")
    (same,) = of_kind(render("helm/database"), "Job", "migrations")
    (newer,) = of_kind(render("helm/database", {"global": {"imageTag": "9.9.9"}}), "Job", "migrations")
    assert "helm.sh/hook" not in job["metadata"].get("annotations", {})
    assert job["metadata"]["name"] == same["metadata"]["name"] != newer["metadata"]["name"]


def test_own_secrets_take_the_place_of_made_ones(render: Render) -> None:
    mine = {"existingSecret": "mine"}
    values = {"global": {"keys": mine, "database": mine, "redis": mine}, "database": {"admin": mine}}
    manifests = render("helm/oblivion", values)
    assert not of_kind(manifests, "Job", "secrets")
    (gateway,) = of_kind(manifests, "Deployment", "gateway")
    named = {
        variable["valueFrom"]["secretKeyRef"]["name"]
        for variable in gateway["spec"]["template"]["spec"]["containers"][0]["env"]
        if "valueFrom" in variable
    }
    assert named == {"mine"}


def test_settings_reach_the_container(render: Render) -> None:
    (gateway,) = of_kind(
        render("helm/gateway", {"settings": {"OBLIVION_RUN_LEASE_S": 4}}), "Deployment", "gateway"
    )
    assert environment_of(gateway)["OBLIVION_RUN_LEASE_S"] == "4"


def test_a_scaled_deployment_names_no_number_of_replicas(render: Render) -> None:
    manifests = render("helm/oblivion", EVERYTHING)
    for name in ("gateway", "router-worker"):
        (deployment,) = of_kind(manifests, "Deployment", name)
        assert "replicas" not in deployment["spec"]


def test_where_an_operator_runs_the_squad_comes_as_agents_that_sleep(render: Render) -> None:
    manifests = render("helm/oblivion", {**SANDBOX, "operator": {"enabled": True}})
    agents = of_kind(manifests, "Agent")
    assert {agent["metadata"]["name"] for agent in agents} >= {"general", "github", "notion"}
    assert {agent["spec"]["replicas"] for agent in agents} == {0}
    assert not of_kind(manifests, "Deployment", "squad")
    (gateway,) = of_kind(manifests, "Deployment", "gateway")
    assert environment_of(gateway)["OBLIVION_OPERATOR_ACCOUNT"] == "default:oblivion-operator"


def test_the_operator_may_list_no_secret(render: Render) -> None:
    roles = of_kind(render("helm/operator"), "ClusterRole")
    verbs = {
        verb
        for role in roles
        for rule in role["rules"]
        if "secrets" in rule["resources"]
        for verb in rule["verbs"]
    }
    assert verbs == {"get", "create"}


def environment_of(deployment: dict[str, Any]) -> dict[str, str]:
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    return {each["name"]: each.get("value", "") for each in container["env"]}
