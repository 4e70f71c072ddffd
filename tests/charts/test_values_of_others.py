"""Pinned values of charts that are not ours: each names what it installs."""

import re
from pathlib import Path

import pytest
import yaml

from oblivion_cli.cluster.secrets import new_keys, new_passwords
from tests.charts.conftest import Render, of_kind

VALUES = sorted((Path(__file__).parents[2] / "infra" / "values").glob("*.yaml"))
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
    text = (Path(__file__).parents[2] / "infra" / "values" / f"{exporter}.yaml").read_text()
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
    assert f"prometheus-{exporter}" in let_in
    assert dict(HEADER.findall(text))["chart"] in let_in
    assert f"{service['metadata']['name']}" in text
    assert f"{{name: oblivion-database, key: {store}}}" in text
    assert store in new_passwords()


STORES = sorted((Path(__file__).parents[2] / "infra" / "values" / "external-secrets").glob("*.yaml"))


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
