"""`make deploy` again: what was edited is rolled out, and what was not is left alone."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.charts.conftest import Json, Render, of_kind

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """As much of one as decides on the images' tag."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copytree(ROOT / "images", tmp_path / "images")
    for name in ("Dockerfile", "requirements.lock", "libs/a.py", "services/b.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    subprocess.run(["git", "-C", tmp_path, "add", "."], check=True)
    return tmp_path


def tag(checkout: Path) -> str:
    """What is built, loaded and installed; the page, which takes npm, is left out."""
    told = subprocess.run(
        ["make", "-n", "deploy", "PAGE="], cwd=checkout, capture_output=True, text=True, check=True
    ).stdout
    built = set(re.findall(r"-t \S+/gateway:(\S+)", told))
    loaded = set(re.findall(r"kind load .* \S+/gateway:(\S+)", told))
    installed = set(re.findall(r"IMAGE_TAG=(\S+) helm/deploy.sh", told))
    assert built == loaded == installed
    (found,) = installed
    return found


def test_an_edit_and_a_new_file_give_another_tag_and_nothing_else_does(checkout: Path) -> None:
    first = tag(checkout)
    again = tag(checkout)
    (checkout / "libs/a.py").write_text("edited")
    edited = tag(checkout)
    (checkout / "services/new.py").write_text("")
    added = tag(checkout)
    (checkout / "libs/a.py").unlink()
    deleted = tag(checkout)

    assert first == again
    assert len({first, edited, added, deleted}) == 4


def test_another_tag_rolls_every_part_and_runs_its_migrations(render: Render) -> None:
    def templates(image_tag: str) -> dict[str, Json]:
        manifests = render("helm/oblivion", {"sandbox": {"enabled": True}, "global": {"imageTag": image_tag}})
        return {
            f"{each['kind']}/{each['metadata']['name']}": each["spec"]["template"]
            for each in [*of_kind(manifests, "Deployment"), *of_kind(manifests, "Job", "migrations")]
        }

    one, other = templates("0.1.0-one"), templates("0.1.0-other")
    assert {name for name in one.keys() & other.keys() if one[name] == other[name]} == set()
    assert len(one.keys() & other.keys()) >= 7
    assert len(one.keys() - other.keys()) == 1
