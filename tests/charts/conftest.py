"""Renders charts with the helm that is on the PATH."""

import json
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
KUBERNETES = "1.34.0"

Json = dict[str, Any]
Render = Callable[..., list[Json]]


class RenderRefused(Exception):
    """What helm said."""


@pytest.fixture(scope="session")
def helm() -> str:
    found = shutil.which("helm")
    if found is None:
        pytest.skip("helm is not on the PATH; with it, the charts' renderings are tested here")
    return found


@pytest.fixture(scope="session")
def render(helm: str) -> Render:
    """`render("helm/gateway", {"replicas": 2})` gives the manifests, hooks included."""

    @cache
    def told(chart: str, values: str, *flags: str) -> str:
        done = subprocess.run(
            [
                helm,
                "template",
                "oblivion",
                str(ROOT / chart),
                "--kube-version",
                KUBERNETES,
                "-f",
                "-",
                *flags,
            ],
            input=values,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode != 0:
            raise RenderRefused(done.stderr)
        return done.stdout

    def rendered(chart: str, values: Json | None = None, *flags: str) -> list[Json]:
        text = told(chart, json.dumps(values or {}), *flags)
        return [each for each in yaml.load_all(text, yaml.CSafeLoader) if each]

    return rendered


def of_kind(manifests: list[Json], kind: str, name: str = "") -> list[Json]:
    return [each for each in manifests if each["kind"] == kind and name in each["metadata"]["name"]]


def pods_of(manifests: list[Json]) -> list[tuple[str, Json]]:
    """Name and spec of every pod that these manifests would make."""
    found: list[tuple[str, Json]] = []
    for each in manifests:
        name = f"{each['kind']}/{each['metadata']['name']}"
        if each["kind"] == "Pod":
            found.append((name, each["spec"]))
        elif each["kind"] in {"Deployment", "StatefulSet", "Job"}:
            found.append((name, each["spec"]["template"]["spec"]))
    return found
