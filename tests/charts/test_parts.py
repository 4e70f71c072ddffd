"""What each part of a rendered system has: probes, room to be evicted, monitors, ways in, secrets, stores."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from oblivion_contracts.jobs import AI_AGENT_TASKS, WEBHOOK_PROCESSING
from tests.charts.conftest import Json, Render, of_kind, pods_of
from tests.charts.test_rendering import EVERYTHING

ROOT = Path(__file__).parents[2]
NAME = "app.kubernetes.io/name"
SERVICES = {"ingestion", "gateway", "mcp-hub", "observer", "router-worker"}
MEASURED = SERVICES | {"operator"}
CHARTS = sorted([*ROOT.glob("helm/*/Chart.yaml"), *ROOT.glob("infra/*/Chart.yaml")])
MINE = {"existingSecret": "mine"}
SECRETS_OF_MINE: Json = {
    "global": {
        "keys": MINE,
        "database": MINE,
        "redis": MINE,
        "qdrant": {"url": "https://qdrant.example.com", **MINE},
        "model": {"name": "openai:own", **MINE},
    },
    "database": {"admin": MINE},
    "postgres": MINE,
    "redis": MINE,
    **dict.fromkeys(SERVICES, MINE),
}


@pytest.fixture
def everything(render: Render) -> list[Json]:
    return render("helm/oblivion", EVERYTHING)


def names_of(manifests: list[Json]) -> set[str]:
    return {each["metadata"]["labels"][NAME] for each in manifests}


def test_every_service_has_probes_of_its_start_its_life_and_its_readiness(everything: list[Json]) -> None:
    for deployment in of_kind(everything, "Deployment"):
        (container, *_) = deployment["spec"]["template"]["spec"]["containers"]
        if deployment["metadata"]["labels"][NAME] in MEASURED | {"sandbox"}:
            asked = {
                probe: container[probe]["httpGet"]["path"]
                for probe in ("startupProbe", "livenessProbe", "readinessProbe")
            }
            assert asked == {
                "startupProbe": "/health/live",
                "livenessProbe": "/health/live",
                "readinessProbe": "/health/ready",
            }
    for store in of_kind(everything, "StatefulSet"):
        (container,) = store["spec"]["template"]["spec"]["containers"]
        assert {"startupProbe", "livenessProbe", "readinessProbe"} <= container.keys()


def test_services_are_evicted_one_at_a_time_and_spread_over_zones_and_nodes(everything: list[Json]) -> None:
    budgets = of_kind(everything, "PodDisruptionBudget")
    assert names_of(budgets) >= SERVICES
    for budget in budgets:
        assert budget["spec"]["maxUnavailable"] == 1
    for deployment in of_kind(everything, "Deployment"):
        if deployment["metadata"]["labels"][NAME] not in SERVICES:
            continue
        spread = deployment["spec"]["template"]["spec"]["topologySpreadConstraints"]
        assert [each["topologyKey"] for each in spread] == [
            "topology.kubernetes.io/zone",
            "kubernetes.io/hostname",
        ]
        selected = deployment["spec"]["selector"]["matchLabels"]
        assert {str(each["labelSelector"]["matchLabels"]) for each in spread} == {str(selected)}


def test_what_must_be_alone_is_replaced_and_what_need_not_be_is_rolled(everything: list[Json]) -> None:
    how = {
        each["metadata"]["labels"][NAME]: (each["spec"]["strategy"]["type"], each["spec"].get("replicas"))
        for each in of_kind(everything, "Deployment")
        if NAME in each["metadata"]["labels"]
    }
    assert how["operator"] == how["sandbox"] == ("Recreate", 1)
    assert {how[service][0] for service in SERVICES} == {"RollingUpdate"}


def test_a_pod_has_longer_to_leave_than_its_service_to_drain(render: Render) -> None:
    slow = {service: {"drainSeconds": 45} for service in SERVICES}
    for deployment in of_kind(render("helm/oblivion", slow), "Deployment"):
        if deployment["metadata"]["labels"][NAME] not in SERVICES:
            continue
        pod = deployment["spec"]["template"]["spec"]
        told = {each["name"]: each.get("value") for each in pod["containers"][0]["env"]}
        assert told["OBLIVION_DRAIN_TIMEOUT_S"] == "45"
        assert pod["terminationGracePeriodSeconds"] > 45


def test_every_service_has_a_monitor_that_finds_it_and_its_port(everything: list[Json]) -> None:
    monitors = of_kind(everything, "ServiceMonitor")
    services = {each["metadata"]["name"]: each for each in of_kind(everything, "Service")}
    assert names_of(monitors) == MEASURED
    for monitor in monitors:
        service = services[monitor["metadata"]["name"]]
        assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
        (endpoint,) = monitor["spec"]["endpoints"]
        assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}


def test_the_gateway_scales_by_cpu_and_the_workers_by_what_waits_in_their_queues(
    everything: list[Json],
) -> None:
    (scaler,) = of_kind(everything, "HorizontalPodAutoscaler")
    (scaled,) = of_kind(everything, "ScaledObject")
    (metric,) = scaler["spec"]["metrics"]
    lists = {trigger["metadata"]["listName"] for trigger in scaled["spec"]["triggers"]}
    assert scaler["spec"]["scaleTargetRef"]["name"] == "oblivion-gateway"
    assert metric["resource"]["name"] == "cpu"
    assert scaled["spec"]["scaleTargetRef"]["name"] == "oblivion-router-worker"
    assert lists == {
        f"bull:{queue}:{room}"
        for queue in (WEBHOOK_PROCESSING, AI_AGENT_TASKS)
        for room in ("wait", "prioritized")
    }


def test_by_default_an_ingress_of_kong_serves_oblivion_local(render: Render) -> None:
    ingresses = of_kind(render("helm/oblivion"), "Ingress")
    assert {each["spec"]["ingressClassName"] for each in ingresses} == {"kong"}
    assert {rule["host"] for each in ingresses for rule in each["spec"]["rules"]} == {"oblivion.local"}


def test_a_certificate_and_another_class_reach_every_ingress(render: Render) -> None:
    values = {"publicUrl": "https://a.example.com", "ingress": {"className": "other", "tlsSecret": "cert"}}
    ingresses = of_kind(render("helm/oblivion", {"global": values}), "Ingress")
    assert {each["spec"]["ingressClassName"] for each in ingresses} == {"other"}
    assert [each["spec"]["tls"] for each in ingresses] == [
        [{"hosts": ["a.example.com"], "secretName": "cert"}]
    ] * len(ingresses)


def secrets_of(pod: Json) -> set[str]:
    """Names of all that the pod's containers read."""
    containers = pod["containers"]
    of_variables = {
        each["valueFrom"]["secretKeyRef"]["name"]
        for container in containers
        for each in container.get("env", [])
        if "valueFrom" in each
    }
    whole = {
        each["secretRef"]["name"]
        for container in containers
        for each in container.get("envFrom", [])
        if "secretRef" in each
    }
    return of_variables | whole


def test_with_secrets_of_ones_own_no_pod_reads_another(render: Render) -> None:
    manifests = render("helm/oblivion", SECRETS_OF_MINE)
    read = {name: secrets_of(pod) for name, pod in pods_of(manifests)}
    assert {name for name, secrets in read.items() if secrets - {"mine"}} == set()
    assert {
        f"{kind}/oblivion-{part}"
        for kind, parts in {
            "Deployment": SERVICES - {"observer"},
            "StatefulSet": {"postgres", "redis"},
        }.items()
        for part in parts
    } <= {name for name, secrets in read.items() if secrets}
    assert [each["spec"].get("secretRefs") for each in of_kind(manifests, "Agent")] == [
        [{"name": "mine"}]
    ] * 6


@pytest.mark.parametrize(("kept", "append_only"), [(True, "yes"), (False, "no")])
def test_redis_writes_what_it_keeps_to_a_file_unless_nothing_is_to_be_kept(
    render: Render, *, kept: bool, append_only: str
) -> None:
    (redis,) = of_kind(render("infra/redis", {"persistence": {"enabled": kept}}), "StatefulSet")
    (container,) = redis["spec"]["template"]["spec"]["containers"]
    assert f"appendonly {append_only}\n" in container["args"][0]
    assert ("volumeClaimTemplates" in redis["spec"]) is kept


def test_development_keeps_nothing_of_redis() -> None:
    (line,) = re.findall(r"^install redis .*$", (ROOT / "helm/deploy.sh").read_text(), re.MULTILINE)
    skaffold = yaml.safe_load((ROOT / "skaffold.yaml").read_text())["deploy"]["helm"]["releases"]
    (release,) = [each for each in skaffold if each["name"] == "redis"]
    assert line.endswith("--set persistence.enabled=false")
    assert release["setValues"] == {"persistence.enabled": False}


def test_postgres_makes_the_database_and_runs_init_sql_in_it(render: Render) -> None:
    manifests = render("infra/postgres")
    (postgres,) = of_kind(manifests, "StatefulSet")
    (scripts,) = of_kind(manifests, "ConfigMap")
    (container,) = postgres["spec"]["template"]["spec"]["containers"]
    told = {each["name"]: each.get("value") for each in container["env"]}
    mounts = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    assert told["POSTGRES_DB"] == "oblivion_db"
    assert mounts["init"] == "/docker-entrypoint-initdb.d"
    assert list(scripts["data"].values()) == [(ROOT / "infra/postgres/init.sql").read_text()]


@pytest.mark.parametrize(
    ("stand_in", "image"), [(False, r"qdrant/qdrant:v[\d.]+"), (True, r"oblivion/sandbox:[\d.]+")]
)
def test_qdrant_and_its_stand_in_are_reached_by_one_name(
    render: Render, *, stand_in: bool, image: str
) -> None:
    manifests = render("infra/qdrant", {"standIn": stand_in})
    (workload,) = of_kind(manifests, "StatefulSet")
    (service,) = of_kind(manifests, "Service")
    (container,) = workload["spec"]["template"]["spec"]["containers"]
    assert re.fullmatch(image, container["image"])
    assert service["metadata"]["name"] == "oblivion-qdrant"
    assert service["spec"]["ports"] == [{"name": "main", "port": 6333, "targetPort": "main"}]


def test_the_stores_are_official_images() -> None:
    images = {name: yaml.safe_load((ROOT / f"infra/{name}/values.yaml").read_text())["image"] for name in
              ("postgres", "redis", "qdrant")}  # fmt: skip
    assert images["postgres"].startswith("postgres:")
    assert images["redis"].startswith("redis:")
    assert images["qdrant"].startswith("qdrant/qdrant:v")


@pytest.mark.parametrize("file", CHARTS, ids=lambda file: file.parent.name)
def test_a_chart_tells_artifact_hub_its_licence_and_its_images(file: Path) -> None:
    facts = yaml.safe_load(file.read_text())
    told = facts["annotations"]
    assert told["artifacthub.io/license"] == "Apache-2.0"
    assert facts["description"]
    for image in yaml.safe_load(told.get("artifacthub.io/images", "[]")):
        assert set(image) == {"name", "image"}
        assert not image["image"].startswith("oblivion/") or image["image"].endswith(f":{facts['version']}")


@pytest.mark.parametrize("file", CHARTS, ids=lambda file: file.parent.name)
def test_helm_finds_nothing_to_mend_in_a_chart(helm: str, file: Path) -> None:
    found = subprocess.run(
        [helm, "lint", "--strict", "--kube-version", "1.34.0", str(file.parent)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout


@pytest.fixture
def with_notes(tmp_path: Path) -> Path:
    """A copy of the umbrella whose notes are a manifest: without a cluster helm shows them nowhere else."""
    for name in ("helm", "infra"):
        shutil.copytree(ROOT / name, tmp_path / name, symlinks=True)
    templates = tmp_path / "helm/oblivion/templates"
    text = (templates / "NOTES.txt").read_text()
    (templates / "notes.yaml").write_text(
        f'{{{{- define "notes" -}}}}\n{text}\n{{{{- end -}}}}\n'
        '{kind: Notes, metadata: {name: notes}, text: {{ include "notes" . | quote }}}\n'
    )
    return templates.parent


@pytest.mark.parametrize(
    ("values", "sentences"),
    [
        (
            {},
            ["oblivion tenants create acme", "oblivion slack connect --tenant acme", "sandbox.enabled=true"],
        ),
        (
            {"sandbox": {"enabled": True}},
            ["port-forward svc/oblivion-sandbox 8300", "mappings link Launch", "oblivion login"],
        ),
    ],
)
def test_the_notes_say_what_to_do_next(
    render: Render, with_notes: Path, values: Json, sentences: list[str]
) -> None:
    (notes,) = of_kind(render(str(with_notes), values, "-n", "here"), "Notes")
    assert "helm test oblivion -n here" in notes["text"]
    assert "Keep a copy:     the Secrets oblivion-keys and oblivion-database." in notes["text"]
    assert [sentence for sentence in sentences if sentence not in notes["text"]] == []
