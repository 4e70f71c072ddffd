"""The npm package of `libs/use-job-progress`, built as it is published, in a program that is not our page."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from oblivion_platform.node import node_program

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[4]
PACKAGE = ROOT / "libs" / "use-job-progress"
MODULES = ROOT / "services" / "observer" / "web" / "node_modules"
NODE = node_program()
USE = """
import { followJob, useJobProgress } from "@oblivion/use-job-progress";
console.log(typeof followJob, typeof useJobProgress);
"""


def node(*arguments: str | Path) -> str:
    assert NODE is not None
    ran = subprocess.run(
        [NODE, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout.strip()


@pytest.mark.skipif(
    NODE is None or not MODULES.exists(), reason="needs Node and the page's packages: make page"
)
def test_the_package_is_built_whole_and_can_be_used_elsewhere(tmp_path: Path):
    installed = tmp_path / "node_modules" / "@oblivion" / "use-job-progress"
    node(MODULES / "typescript" / "bin" / "tsc", "-p", PACKAGE, "--outDir", installed / "dist")
    shutil.copy(PACKAGE / "package.json", installed)
    (tmp_path / "node_modules" / "react").symlink_to(MODULES / "react")
    (tmp_path / "use.mjs").write_text(USE)
    assert node(tmp_path / "use.mjs") == "function function"
    described = json.loads((PACKAGE / "package.json").read_text())
    for path in described["exports"]["."].values():
        assert (installed / path).is_file()
    assert not list(installed.glob("dist/*.test.*"))
