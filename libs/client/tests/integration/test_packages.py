"""What is published: wheels that can be installed, typed, and say what they are and need."""

import subprocess
import sys
import tarfile
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import pytest

LIBS = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("name", "package"), [("client", "oblivion_client"), ("contracts", "oblivion_contracts")]
)
def test_a_library_is_built_as_it_is_published(tmp_path: Path, name: str, package: str) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(tmp_path)]
    built = subprocess.run(command, cwd=LIBS / name, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    (source,) = tmp_path.glob("*.tar.gz")
    with ZipFile(wheel) as files:
        names = files.namelist()
        about = next(each for each in names if each.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(files.read(about).decode())
    assert f"{package}/py.typed" in names
    assert all(each.startswith((f"{package}/", f"{package}-")) for each in names), "nothing else comes along"
    assert source.name.startswith(f"{package}-")
    assert metadata["Name"] == f"oblivion-{name}"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Author"]
    assert metadata["Requires-Python"] == ">=3.11"
    assert len(metadata.get_payload()) > 200, "the README is the description"
    if name == "client":
        needed = {each.split(">")[0].split("<")[0] for each in metadata.get_all("Requires-Dist") or []}
        assert "oblivion-platform" not in needed
        assert "oblivion-contracts<0.2,>=0.1" in metadata.get_all("Requires-Dist", [])
        with tarfile.open(source) as files:
            assert any(each.endswith("/CHANGELOG.md") for each in files.getnames())
