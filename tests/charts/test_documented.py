"""What the documents say of the charts holds: values, flags, what is kept, what runs where."""

import re
from functools import cache
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from tests.charts.conftest import Json, Render, of_kind
from tests.e2e.test_uninstall import PROMISED

ROOT = Path(__file__).parents[2]
INSTALL = ROOT / "docs/install/kubernetes.md"
OPERATE = ROOT / "docs/operate/kubernetes.md"
PARTS = {part["name"]: part["repository"].removeprefix("file://") for part in
         yaml.safe_load((ROOT / "helm/oblivion/Chart.yaml").read_text())["dependencies"]}  # fmt: skip
FREE = {"settings", "annotations", "labels", "nodeSelector"}
"""Maps whose keys are the reader's."""


def values_of(part: str) -> Json:
    return yaml.safe_load((ROOT / "helm/oblivion" / PARTS[part] / "values.yaml").read_text())


@cache
def known() -> Json:
    """Every value of the umbrella with its default."""
    return {"global": values_of("lib")["global"], **{part: values_of(part) for part in PARTS}}


def paths_in(document: Path) -> set[str]:
    """Words in backquotes that begin as a value of the umbrella does."""
    roots = "|".join(sorted(known(), key=len, reverse=True))
    return set(re.findall(rf"`((?:{roots})(?:\.[A-Za-z]+)+)(?:=[^`]*)?`", document.read_text()))


def is_a_value(path: str) -> bool:
    place: Any = known()
    for key in path.split("."):
        if not isinstance(place, dict) or key not in place:
            return False
        place = cast("Json", place)[key]
        if key in FREE:
            return True
    return True


def section(document: Path, title: str) -> str:
    found = re.search(
        rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", document.read_text(), re.DOTALL | re.MULTILINE
    )
    assert found is not None, f"{document.name} has no section {title!r}"
    return found[1]


@pytest.mark.parametrize("document", [INSTALL, OPERATE], ids=lambda document: document.parent.name)
def test_every_value_that_is_named_exists(document: Path) -> None:
    named = paths_in(document)
    assert len(named) >= 3
    assert {path for path in named if not is_a_value(path)} == set()


@pytest.mark.parametrize("document", [INSTALL, OPERATE], ids=lambda document: document.parent.name)
def test_every_flag_that_is_shown_renders(render: Render, document: Path) -> None:
    shown = re.findall(r"--set ((?:[a-z-]+\.)+[A-Za-z_.]+=[^\s`]*)", document.read_text())
    assert shown
    for flag in shown:
        beside = ["--set", "global.httpRoute.gatewayName=front"] if "httpRoute.enabled" in flag else []
        chart = "infra/monitoring" if flag.startswith("monitoring") else "helm/oblivion"
        assert render(chart, {}, *beside, "--set", flag.replace("…", "x")), flag


def test_what_uninstalling_keeps_is_what_the_test_of_it_finds() -> None:
    kept = set(re.findall(r"`([a-z0-9-]+)`", section(OPERATE, "Uninstall").partition("Nothing else.")[0]))
    assert kept == {name.partition("/")[2] for name in PROMISED}


@pytest.mark.parametrize(
    "title",
    ["Secrets", "Upgrade", "Scale", "Backup and restore", "Uninstall", "What is wrong?", "Before production"],
)
def test_whoever_operates_it_finds(title: str) -> None:
    assert len(section(OPERATE, title).split()) > 40


@pytest.mark.parametrize("title", ["What runs where", "On Kind", "On a cluster of yours"])
def test_whoever_installs_it_finds(title: str) -> None:
    assert len(section(INSTALL, title).split()) > 40


def test_what_runs_where_names_every_chart() -> None:
    table = section(INSTALL, "What runs where")
    charts = {f"{room}/{name}" for part, (room, name) in
              ((part, (ROOT / "helm/oblivion" / path).resolve().parts[-2:]) for part, path in PARTS.items())
              if part != "lib"}  # fmt: skip
    assert {chart for chart in charts if f"`{chart}`" not in table} == set()


def test_who_is_given_which_key_is_as_the_table_says(render: Render) -> None:
    """The table of secrets in docs/operate/kubernetes.md."""
    given = {
        each["metadata"]["name"].removeprefix("oblivion-"): {
            variable["name"]
            for variable in each["spec"]["template"]["spec"]["containers"][0]["env"]
            if "valueFrom" in variable
        }
        for each in of_kind(render("helm/oblivion"), "Deployment")
    }

    def keys(*names: str, role: str) -> set[str]:
        keys = {f"OBLIVION_{name}_KEY" for name in names}
        return {f"PASSWORD_OF_OBLIVION_{role}", "PASSWORD_OF_REDIS"} | keys

    assert given["ingestion"] == keys("SIGNING", role="INGESTION")
    assert given["gateway"] == keys("MASTER", role="GATEWAY")
    assert given["mcp-hub"] == keys("MASTER", role="MCP_HUB")
    assert given["router-worker"] == keys("MASTER", "SIGNING", role="ROUTER_WORKER")
    assert given["cli"] == keys("MASTER", "SIGNING", role="CLI")
    assert given["observer"] == given["operator"] == set()
