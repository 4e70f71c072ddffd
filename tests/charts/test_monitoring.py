"""Alerts and dashboards ask for metrics that exist; promtool understands the rules."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.charts.conftest import Render, of_kind

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "infra" / "monitoring"
SUFFIXES = ("_bucket", "_count", "_sum", "_total")
DECLARED = re.compile(r'"(oblivion_[a-z_]+)"')
ASKED = re.compile(r"\boblivion_[a-z_]+")


def metrics_of_the_services() -> set[str]:
    sources = [*ROOT.glob("services/*/src/**/*.py"), *ROOT.glob("libs/platform/src/**/*.py")]
    return {name for source in sources for name in DECLARED.findall(source.read_text())}


def plain(name: str) -> str:
    for suffix in SUFFIXES:
        name = name.removesuffix(suffix)
    return name


@pytest.mark.parametrize("file", ["rules.yaml", "dashboards.yaml"])
def test_every_metric_asked_for_is_one_that_a_service_has(file: str) -> None:
    asked = set(ASKED.findall((MONITORING / file).read_text()))
    known = {plain(name) for name in metrics_of_the_services()}
    assert {name for name in asked if plain(name) not in known} == set()


def test_every_alert_says_what_happened_and_what_to_do() -> None:
    groups = yaml.safe_load((MONITORING / "rules.yaml").read_text())["groups"]
    alerts = [rule for group in groups for rule in group["rules"]]
    assert len(alerts) >= 10
    for alert in alerts:
        assert alert["annotations"]["summary"], alert["alert"]
        assert alert["annotations"]["description"], alert["alert"]
        assert alert["labels"]["severity"] in {"warning", "critical"}, alert["alert"]


def test_promtool_accepts_the_rules() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not on the PATH (Debian: apt-get install prometheus)")
    checked = subprocess.run(
        [promtool, "check", "rules", str(MONITORING / "rules.yaml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr


def test_dashboards_are_what_grafana_imports(render: Render) -> None:
    maps = of_kind(render("infra/monitoring"), "ConfigMap")
    dashboards = [json.loads(text) for each in maps for text in each["data"].values()]
    assert {dashboard["uid"] for dashboard in dashboards} == {
        "oblivion-work",
        "oblivion-events",
        "oblivion-gateway",
    }
    for panel in (panel for dashboard in dashboards for panel in dashboard["panels"]):
        assert panel["targets"], panel["title"]
