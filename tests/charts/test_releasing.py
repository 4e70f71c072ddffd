"""`make push-charts`: what is published asks for the images that were published with it."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.charts.conftest import pods_of

ROOT = Path(__file__).parents[2]
REGISTRY = "ghcr.io/acme/oblivion"
NOT_OURS = ("postgres:", "redis:", "docker.io/library/")
HELM = """#!/bin/sh
# Packages, and notes where it would have pushed to.
if [ "$1" = push ]; then echo "$@" >> "$PUSHED"; else exec "$HELM" "$@"; fi
"""


@pytest.fixture
def published(helm: str, tmp_path: Path) -> Path:
    """The folder of the packages."""
    for name in ("helm", "infra"):
        shutil.copytree(ROOT / name, tmp_path / name, symlinks=True)
    shutil.copy(ROOT / "Makefile", tmp_path)
    program = tmp_path / "bin" / "helm"
    program.parent.mkdir()
    program.write_text(HELM)
    program.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "HELM": str(shutil.which(helm)),
        "PUSHED": str(tmp_path / "pushed"),
    }
    subprocess.run(
        ["make", "push-charts", f"REGISTRY={REGISTRY}", "VERSION=9.9.9"],
        cwd=tmp_path,
        env=environment,
        check=True,
        capture_output=True,
    )
    return tmp_path / "build" / "charts"


def test_a_published_chart_asks_for_the_images_published_with_it(helm: str, published: Path) -> None:
    rendered = subprocess.run(
        [helm, "template", "oblivion", str(published / "oblivion-9.9.9.tgz"), "--kube-version", "1.31.0",
         "--set", "sandbox.enabled=true"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    manifests: list[dict[str, Any]] = [each for each in yaml.safe_load_all(rendered) if each]
    images = {container["image"] for _, pod in pods_of(manifests) for container in pod["containers"]}
    ours = {image for image in images if not image.startswith(NOT_OURS)}
    assert len(ours) >= 8
    assert {
        image for image in ours if not (image.startswith(f"{REGISTRY}/") and image.endswith(":9.9.9"))
    } == set()
    assert f"value: {REGISTRY}/agent:9.9.9" in rendered
    pushed = (published.parents[1] / "pushed").read_text().splitlines()
    assert [line.split()[-1] for line in pushed] == [f"oci://{REGISTRY}/charts"] * 2
