"""What GitHub runs: sound workflows that call targets of the Makefile, and leave nothing out."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def test_zizmor_finds_nothing_to_mend_in_them() -> None:
    zizmor = Path(sys.executable).with_name("zizmor")
    checked = subprocess.run(
        [zizmor, "--offline", "--no-progress", *WORKFLOWS], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_the_targets_that_they_make_exist(file: Path) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    targets |= {f"image-{each.stem}" for each in ROOT.glob("images/packages/*.txt")}
    targets |= {f"infra-{each.stem}" for each in ROOT.glob("infra/values/*.yaml")}
    called = re.findall(r"\bmake ((?:-s )?[a-z0-9-]+(?: [a-z-]+)*)", file.read_text())
    wanted = {word for call in called for word in call.split() if not word.startswith("-")}
    assert wanted
    assert wanted <= targets


def jobs(workflow: str) -> dict[str, Any]:
    return yaml.safe_load((ROOT / ".github/workflows" / f"{workflow}.yml").read_text())["jobs"]


def commands(job: dict[str, Any]) -> str:
    return "\n".join(step.get("run", "") for step in job["steps"])


def test_every_push_is_linted_and_tested_on_each_python_that_is_supported() -> None:
    ci = jobs("ci")
    assert "make page check" in commands(ci["check"])
    assert "make page test" in commands(ci["test"])
    assert ci["test"]["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]
    assert "make faults" in commands(ci["faults"])


def test_every_push_renders_the_charts_builds_the_images_and_tries_the_system_on_kind() -> None:
    cluster = jobs("cluster")
    assert "helm lint helm/oblivion" in commands(cluster["charts"])
    assert "pytest tests/charts" in commands(cluster["charts"])
    assert "make images image-sizes" in commands(cluster["images"])
    assert "diff first.digest second.digest" in commands(cluster["images"])
    on_kind = commands(cluster["e2e"])
    assert "make infra-metrics-server infra-keda" in on_kind
    assert (
        on_kind.index("kind create cluster")
        < on_kind.index("make images load")
        < on_kind.index("make e2e E2E=all")
    )


def test_a_release_is_images_charts_and_packages_signed_and_with_what_is_in_them() -> None:
    release = jobs("release")
    images = commands(release["images"])
    assert "--sbom=true --provenance=mode=max" in images
    assert "--build-arg PYTHON_IMAGE=$BASE --output type=image,push=true,rewrite-timestamp=true" in images
    assert 'echo "BASE=python:3.11-slim@$digest"' in images
    assert images.index("make push-charts") < images.index('cosign" sign --yes')
    names = subprocess.run(
        ["make", "-s", "names", "VERSION=9.9.9", "REGISTRY=r"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert {
        "r/gateway:9.9.9",
        "r/agent-base:9.9.9",
        "r/charts/oblivion:9.9.9",
        "r/charts/oblivion-crds:9.9.9",
    } <= set(names)
    packages = commands(release["packages"])
    assert "libs/contracts" in packages
    assert "libs/client" in packages
    assert "uv publish --trusted-publishing always" in packages
