"""The umbrella and each chart, with the values that people set."""

from typing import Any

import pytest

from oblivion_cli.up.stand_ins import TOOL_STAND_INS, sign_in_settings
from oblivion_operator.domain.network import PRIVATE_V4, PRIVATE_V6
from oblivion_platform.paths import PATHS, service_of
from oblivion_sandbox.front import PORT as FRONT_PORT
from tests.charts.conftest import Render, RenderRefused, of_kind, pods_of

SANDBOX = {"sandbox": {"enabled": True}}
SERVICES = (
    "ingestion",
    "gateway",
    "mcp-hub",
    "observer",
    "router-worker",
    "operator",
    "squad",
    "sandbox",
    "cli",
)
CHARTS = [f"helm/{name}" for name in (*SERVICES, "database", "oblivion", "oblivion-crds")] + [
    f"infra/{name}" for name in ("postgres", "redis", "qdrant", "monitoring")
]
EVERYTHING: dict[str, Any] = {
    "sandbox": {"enabled": True},
    "qdrant": {"enabled": True},
    "gateway": {"autoscaling": {"enabled": True}},
    "mcp-hub": {
        "stdioServers": [{"name": "files", "command": ["files", "/data"], "env": {"FILES_KEY": "k"}}]
    },
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
        "Deployment/oblivion-operator",
        # It asks whether the operator's token is genuine.
        "Deployment/oblivion-gateway",
    }


def test_the_sandbox_stands_in_for_every_part_when_it_is_enabled(render: Render) -> None:
    (worker,) = of_kind(render("helm/oblivion", SANDBOX), "Deployment", "router-worker")
    environment = environment_of(worker)
    assert environment["OBLIVION_SLACK_API_URL"] == "http://oblivion-sandbox/slack/api/"
    assert environment["OBLIVION_CLICKUP_API_URL"] == "http://oblivion-sandbox/clickup/api/v2"
    assert environment["OBLIVION_LLM_MODEL"] == "openai:sandbox"


def test_the_sandbox_stands_in_for_tools_and_their_sign_ins_as_it_does_on_a_laptop(render: Render) -> None:
    (hub,) = of_kind(render("helm/oblivion", SANDBOX), "Deployment", "mcp-hub")
    environment, sandbox = environment_of(hub), "http://oblivion-sandbox"
    wanted = sign_in_settings(sandbox, environment["OBLIVION_PUBLIC_URL"], frozenset())
    wanted |= {f"OBLIVION_{name.upper()}_API_URL": sandbox + path for name, path in TOOL_STAND_INS.items()}
    assert {name: environment.get(name) for name in wanted} == wanted


def test_with_the_sandbox_all_is_behind_one_port_and_a_link_signs_in_there_alone(render: Render) -> None:
    here = render("helm/oblivion", SANDBOX)
    (sandbox,) = of_kind(here, "Deployment", "sandbox")
    (service,) = of_kind(here, "Service", "sandbox")
    names = [each["name"] for each in sandbox["spec"]["template"]["spec"]["containers"]]
    elsewhere = render("helm/oblivion", {**SANDBOX, "global": {"publicUrl": "https://oblivion.example.com"}})
    links = [
        environment_of(of_kind(each, "Deployment", "gateway")[0]).get("OBLIVION_DEVELOPMENT_LOGIN")
        for each in (here, elsewhere, render("helm/oblivion"))
    ]
    assert names == ["sandbox", "front"]
    assert {each["name"]: each["port"] for each in service["spec"]["ports"]} == {
        "http": 80,
        "front": FRONT_PORT,
    }
    assert links == ["true", None, None]


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


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"gateway": {"autoscalng": {}}}, "'autoscalng' not allowed"),
        ({"gateway": {"autoscaling": {"maxReplica": 3}}}, "'maxReplica' not allowed"),
        ({"gateway": {"replicas": "two"}}, "got string, want integer"),
        ({"gateway": {"replicas": -1}}, "minimum"),
        ({"gateway": {"settings": {"lower": "x"}}}, "does not match pattern"),
        ({"global": {"logLevel": "loud"}}, "value must be one of"),
        ({"global": {"publicUrl": "oblivion.example.com"}}, "does not match pattern"),
        ({"postgres": {"persistence": {"sise": "1Gi"}}}, "'sise' not allowed"),
    ],
    ids=str,
)
def test_what_a_value_may_be_is_checked_however_deep_it_stands(
    render: Render, values: dict[str, Any], said: str
) -> None:
    with pytest.raises(RenderRefused, match=said):
        render("helm/oblivion", values)


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


def test_the_internet_is_the_same_for_a_part_for_a_tool_server_and_for_an_agent(render: Render) -> None:
    server = {
        "name": "files",
        "command": ["mcp-files"],
        "image": "registry.example.com/files:1",
        "internet": True,
    }
    manifests = render("helm/mcp-hub", {"stdioServers": [server]})
    blocks = [
        to["ipBlock"]
        for policy in of_kind(manifests, "NetworkPolicy")
        for rule in policy["spec"].get("egress", [])
        for to in rule.get("to", [])
        if to.get("ipBlock", {}).get("cidr") in ("0.0.0.0/0", "::/0")
    ]
    assert [block["except"] for block in blocks] == [PRIVATE_V4, PRIVATE_V6] * 2


def test_keda_asks_the_redis_that_the_worker_asks(render: Render) -> None:
    for redis, address in (
        ({}, "oblivion-redis.default.svc:6379"),
        ({"host": "redis.example.com"}, "redis.example.com:6379"),
    ):
        values = {"keda": {"enabled": True}, "global": {"redis": redis}}
        (scaled,) = of_kind(render("helm/router-worker", values), "ScaledObject")
        assert {each["metadata"]["address"] for each in scaled["spec"]["triggers"]} == {address}


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


@pytest.mark.parametrize(
    ("values", "secrets"),
    [
        ({}, []),
        (SANDBOX, [{"name": "oblivion-squad-environment"}]),
        ({"global": {"model": {"existingSecret": "model"}}}, [{"name": "model"}]),
    ],
)
def test_the_default_squad_comes_as_agents_that_sleep(
    render: Render, values: dict[str, Any], secrets: list[dict[str, str]]
) -> None:
    manifests = render("helm/oblivion", values)
    agents = of_kind(manifests, "Agent")
    assert {agent["metadata"]["name"] for agent in agents} >= {"general", "github", "notion"}
    assert {agent["spec"]["replicas"] for agent in agents} == {0}
    assert agents[0]["spec"].get("secretRefs", []) == secrets
    assert not of_kind(manifests, "Deployment", "squad")
    (gateway,) = of_kind(manifests, "Deployment", "gateway")
    assert environment_of(gateway)["OBLIVION_OPERATOR_ACCOUNT"] == "default:oblivion-operator"


def test_without_an_operator_the_squad_is_one_pod_where_its_signatures_are(render: Render) -> None:
    alone = {"operator": {"enabled": False}}
    of_the_sandbox = render("helm/oblivion", {**SANDBOX, **alone})
    yours = render("helm/oblivion", {**alone, "squad": {"squadSecret": "mine"}})
    assert of_kind(of_the_sandbox, "Deployment", "squad")
    assert of_kind(yours, "Deployment", "squad")
    assert not of_kind(render("helm/oblivion", alone), "Deployment", "squad")
    assert not of_kind(of_the_sandbox, "Agent")


def test_the_lease_of_the_operators_goes_with_the_release(render: Render) -> None:
    (lease,) = of_kind(render("helm/operator"), "Lease")
    assert lease["metadata"]["name"] == "oblivion-operator"
    assert "spec" not in lease


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


def test_a_stdio_server_has_a_container_of_its_own_that_only_the_hub_reaches(render: Render) -> None:
    server = {
        "name": "files",
        "image": "own/files:1",
        "command": ["files", "/data"],
        "env": {"ROOT": "/data"},
    }
    manifests = render("helm/mcp-hub", {"stdioServers": [server]})
    (pod,) = [pod for name, pod in pods_of(manifests) if "stdio-files" in name]
    (policy,) = [
        each
        for each in of_kind(manifests, "NetworkPolicy")
        if each["metadata"]["name"].endswith("stdio-files")
    ]
    (hub,) = [pod for name, pod in pods_of(manifests) if name.endswith("mcp-hub")]
    (container,) = pod["containers"]
    told = {each["name"]: each.get("value") for each in hub["containers"][0]["env"]}
    assert container["command"] == ["python", "-m", "oblivion_mcp_hub.stdio", "--", "files", "/data"]
    assert container["image"] == "own/files:1"
    (caller,) = policy["spec"]["ingress"][0]["from"]
    assert caller["podSelector"]["matchLabels"]["app.kubernetes.io/name"] == "mcp-hub"
    assert policy["spec"]["egress"] == []
    assert told["OBLIVION_MCP_STDIO_SERVERS"].startswith("files=http://")


@pytest.mark.parametrize(
    ("server", "said"),
    [
        ({"command": ["x"]}, "name"),
        ({"name": "Files", "command": ["x"]}, "lower case"),
        ({"name": "x"}, "command"),
    ],
)
def test_a_stdio_server_that_cannot_be_is_refused_by_its_path(
    render: Render, server: dict[str, Any], said: str
) -> None:
    with pytest.raises(RenderRefused, match=said):
        render("helm/mcp-hub", {"stdioServers": [server]})
