"""What is generated is what its sources say."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import yaml

from oblivion_platform.database.roles import OWNER, RELAY, SERVICE_ROLES

ROOT = Path(__file__).parents[2]
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


def test_init_sql_makes_the_roles_that_the_platform_names() -> None:
    made = re.findall(r"^CREATE ROLE (\w+)", (ROOT / "infra/postgres/init.sql").read_text(), re.MULTILINE)
    assert set(made) == {OWNER, RELAY, *SERVICE_ROLES}
