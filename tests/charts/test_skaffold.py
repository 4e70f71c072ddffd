"""What `skaffold dev` deploys is what `make deploy` does: the same releases, from images that it builds.

Its form is checked by CI against the schema that Skaffold publishes for its version.
"""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.charts.conftest import Render

ROOT = Path(__file__).parents[2]
SKAFFOLD: dict[str, Any] = yaml.safe_load((ROOT / "skaffold.yaml").read_text())
RELEASES: list[dict[str, Any]] = SKAFFOLD["deploy"]["helm"]["releases"]
BUILT = {artifact["image"] for artifact in SKAFFOLD["build"]["artifacts"]}


def test_every_release_of_make_deploy_is_one_of_skaffold() -> None:
    script = (ROOT / "helm" / "deploy.sh").read_text()
    listed = " ".join(re.findall(r"for (?:part|store) in ([a-z -]+);", script))
    single = re.findall(r"^(?:install|helm upgrade --install) ([a-z-]+) ", script, re.MULTILINE)
    assert {release["name"] for release in RELEASES} == {*listed.split(), *single}


def test_ci_checks_it_by_the_schema_of_its_version() -> None:
    version = SKAFFOLD["apiVersion"].removeprefix("skaffold/")
    workflow = (ROOT / ".github/workflows/cluster.yml").read_text()
    assert re.search(
        rf"check-jsonschema --schemafile\s+https://\S+/schemas/{version}\.json\s+skaffold\.yaml", workflow
    )


def test_every_image_is_built_from_what_is_here() -> None:
    templates = str([release.get("setValueTemplates", {}) for release in RELEASES])
    used = {
        f"oblivion/{name.replace('_', '-')}" for name in re.findall(r"IMAGE_TAG_oblivion_(\w+)", templates)
    }
    assert used == BUILT
    for artifact in SKAFFOLD["build"]["artifacts"]:
        for rule in artifact.get("sync", {}).get("manual", []):
            assert list(ROOT.glob(rule["src"])), rule["src"]


def test_the_profile_for_releases_takes_back_what_development_adds() -> None:
    (released,) = [each for each in SKAFFOLD["profiles"] if each["name"] == "released"]
    paths = {patch["path"] for patch in released["patches"]}
    artifacts = enumerate(SKAFFOLD["build"]["artifacts"])
    wanted = {n for n, artifact in artifacts if artifact["docker"].get("target") == "development"}
    assert paths == {f"/build/artifacts/{n}/{part}" for n in wanted for part in ("docker/target", "sync")}


@pytest.mark.parametrize("release", RELEASES, ids=lambda release: release["name"])
def test_each_release_renders_with_its_values(render: Render, release: dict[str, Any]) -> None:
    shared = yaml.safe_load((ROOT / "helm" / "skaffold.yaml").read_text())
    values = shared if "valuesFiles" in release else {}
    flags = [f"--set={key}={value}" for key, value in release.get("setValues", {}).items()]
    flags += [f"--set={key}=x" for key in release.get("setValueTemplates", {})]
    assert render(release["chartPath"], values, *flags)
