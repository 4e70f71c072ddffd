"""What is generated is what its sources say."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from oblivion_platform.database.roles import OWNER, RELAY, SERVICE_ROLES

ROOT = Path(__file__).parents[2]
CHARTS = sorted([*ROOT.glob("helm/*/Chart.yaml"), *ROOT.glob("infra/*/Chart.yaml")])
LISTS = sorted((ROOT / "images" / "packages").glob("*.txt"))


def test_schemas_pages_and_path_table_are_up_to_date() -> None:
    checked = subprocess.run(
        [sys.executable, "helm/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout


def test_the_images_lists_of_packages_are_up_to_date() -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "images.packages", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout


def test_every_package_of_an_image_is_locked() -> None:
    locked = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    named = {name for file in LISTS for name in file.read_text().split()}
    assert {name for name in named if not name.startswith("oblivion-")} <= locked


def test_charts_and_packages_have_one_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    makefile = re.search(r"^VERSION := (\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert makefile is not None
    assert makefile[1] == version
    for file in ROOT.glob("helm/*/Chart.yaml"):
        chart = yaml.safe_load(file.read_text())
        # A library has none: it starts nothing.
        assert (chart["version"], chart.get("appVersion", version)) == (version, version), file


@pytest.mark.parametrize("file", CHARTS, ids=lambda file: file.parent.name)
def test_what_a_chart_depends_on_is_a_link_to_where_it_is(file: Path) -> None:
    """A link that a copy made a file of would leave a chart that nobody can render."""
    wanted = {
        each["name"]: (file.parent / each["repository"].removeprefix("file://")).resolve()
        for each in yaml.safe_load(file.read_text()).get("dependencies", [])
    }
    room = file.parent / "charts"
    found = {each.name: each for each in room.iterdir()} if room.exists() else {}
    assert {name for name, each in found.items() if not each.is_symlink()} == set()
    assert {name: each.resolve() for name, each in found.items()} == wanted
    assert all((each / "Chart.yaml").is_file() for each in wanted.values())


def test_init_sql_makes_the_roles_that_the_platform_names() -> None:
    made = re.findall(r"^CREATE ROLE (\w+)", (ROOT / "infra/postgres/init.sql").read_text(), re.MULTILINE)
    assert set(made) == {OWNER, RELAY, *SERVICE_ROLES}
