"""Pinned values of charts that are not ours: each names what it installs."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from oblivion_cli.cluster.secrets import new_keys, new_passwords
from tests.charts.conftest import Render, of_kind

ROOT = Path(__file__).parents[2]
VALUES = sorted((ROOT / "infra" / "values").glob("*.yaml"))
HEADER = re.compile(r"^# (chart|repository|version|namespace): (\S+)$", re.MULTILINE)


@pytest.mark.parametrize("file", VALUES, ids=lambda file: file.stem)
def test_it_names_chart_repository_version_and_namespace(file: Path) -> None:
    named = dict(HEADER.findall(file.read_text()))
    assert set(named) == {"chart", "repository", "version", "namespace"}
    assert re.fullmatch(r"\d+\.\d+\.\d+", named["version"])
    assert isinstance(yaml.safe_load(file.read_text()), dict)


@pytest.mark.parametrize(
    ("store", "exporter"), [("redis", "redis-exporter"), ("postgres", "postgres-exporter")]
)
def test_what_measures_a_store_is_let_in_and_has_its_password(
    render: Render, store: str, exporter: str
) -> None:
    text = (ROOT / "infra" / "values" / f"{exporter}.yaml").read_text()
    (policy,) = of_kind(render(f"infra/{store}"), "NetworkPolicy")
    (service,) = (
        each for each in of_kind(render(f"infra/{store}"), "Service") if "clusterIP" not in each["spec"]
    )
    let_in = [
        name
        for rule in policy["spec"]["ingress"]
        for each in rule["from"]
        for wish in each["podSelector"].get("matchExpressions", [])
        for name in wish["values"]
    ]
    assert name_of_its_pods(text) in let_in
    assert f"{service['metadata']['name']}" in text
    assert f"{{name: oblivion-database, key: {store}}}" in text
    assert store in new_passwords()


def test_what_scales_by_the_queues_is_let_in_where_they_are(render: Render) -> None:
    """KEDA's operator asks Redis itself; the chart calls its pods so."""
    (policy,) = of_kind(render("infra/redis"), "NetworkPolicy")
    assert "keda-operator" in str(policy["spec"]["ingress"])


def name_of_its_pods(text: str) -> str:
    """The label `app.kubernetes.io/name` of an exporter's pods: the chart's name, unless values say so.

    The chart of Postgres' exporter knows the label `app` alone (seen by rendering it), so its values say so.
    """
    values, chart = yaml.safe_load(text), dict(HEADER.findall(text))["chart"]
    is_labelled = chart != "prometheus-postgres-exporter"
    return values.get("podLabels", {"app.kubernetes.io/name": chart} if is_labelled else {}).get(
        "app.kubernetes.io/name", "nobody"
    )


HELM = """#!/bin/sh
echo "$@" >> "$ASKED"
"""


def asked_of_helm(tmp_path: Path, *goals: str) -> list[str]:
    """What make asks of a helm that only takes notes."""
    program = tmp_path / "helm"
    program.write_text(HELM)
    program.chmod(0o755)
    asked = tmp_path / "asked"
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "ASKED": str(asked)}
    subprocess.run(["make", *goals], cwd=ROOT, env=environment, check=True, capture_output=True)
    return asked.read_text().splitlines()


def test_each_is_rendered_as_it_is_pinned_with_our_values_where_charts_can_be_fetched(tmp_path: Path) -> None:
    asked = {line.split()[1]: line for line in asked_of_helm(tmp_path, "infra-check")}
    assert asked.keys() == {file.stem for file in VALUES}
    for file in VALUES:
        pinned = dict(HEADER.findall(file.read_text()))
        line = asked[file.stem]
        assert line.startswith(f"template {file.stem} ")
        assert f"--version {pinned['version']} -n {pinned['namespace']} -f infra/values/{file.name}" in line
        where = (
            f"{pinned['repository']}/{pinned['chart']} "
            if pinned["repository"].startswith("oci://")
            else f"{pinned['chart']} --repo {pinned['repository']} "
        )
        assert where in line
    assert "make infra-check" in (ROOT / ".github/workflows/cluster.yml").read_text()


def test_installing_one_takes_the_same_chart(tmp_path: Path) -> None:
    (asked,) = asked_of_helm(tmp_path, "infra-kong")
    assert asked.startswith("upgrade --install kong ingress --repo ")
    assert asked.endswith("--create-namespace")


STORES = sorted((ROOT / "infra" / "values" / "external-secrets").glob("*.yaml"))


@pytest.mark.parametrize("file", STORES, ids=lambda file: file.stem)
def test_external_secrets_make_the_keys_that_the_job_would_make(file: Path) -> None:
    store, secret = yaml.safe_load_all(file.read_text())
    made = {each["secretKey"]: each["remoteRef"]["key"] for each in secret["spec"]["data"]}
    provided = store["spec"]["provider"].get("fake", {}).get("data")
    assert (store["kind"], secret["kind"]) == ("SecretStore", "ExternalSecret")
    assert secret["spec"]["secretStoreRef"]["name"] == store["metadata"]["name"]
    assert secret["spec"]["target"]["name"] == "oblivion-keys"
    assert made.keys() == new_keys().keys()
    assert provided is None or {each["key"] for each in provided} == set(made.values())


def test_with_keys_of_ones_own_the_job_makes_the_passwords_alone(render: Render) -> None:
    manifests = render("helm/database", {"global": {"keys": {"existingSecret": "oblivion-keys"}}})
    (job,) = of_kind(manifests, "Job", "secrets")
    arguments = job["spec"]["template"]["spec"]["containers"][0]["args"]
    assert arguments[2:] == ["--keys=", "--passwords=oblivion-database"]


def test_kong_listens_on_the_ports_that_kind_brings_to_the_host() -> None:
    proxy = yaml.safe_load((ROOT / "infra/values/kong.yaml").read_text())["gateway"]["proxy"]
    (node,) = yaml.safe_load((ROOT / "kind-config.yaml").read_text())["nodes"]
    mapped = {each["hostPort"]: each["containerPort"] for each in node["extraPortMappings"]}
    assert mapped == {80: proxy["http"]["nodePort"], 443: proxy["tls"]["nodePort"]}


def test_kongs_class_is_the_one_that_our_ingresses_have(render: Render) -> None:
    kong = yaml.safe_load((ROOT / "infra/values/kong.yaml").read_text())["controller"]["ingressController"]
    classes = {each["spec"]["ingressClassName"] for each in of_kind(render("helm/gateway"), "Ingress")}
    assert classes == {kong["ingressClass"]}
