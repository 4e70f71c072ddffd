"""Node is the wheel's, else the machine's if it is new enough."""

import importlib.util
from pathlib import Path

import pytest

from oblivion_platform.node import OLDEST_MAJOR, node_program


def machine_with(folder: Path, said: str) -> Path:
    """A folder for the PATH, whose `node` says that it is this version."""
    program = folder / "node"
    program.write_text(f"#!/bin/sh\necho '{said}'\n")
    program.chmod(0o755)
    return program


@pytest.fixture
def no_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)


@pytest.mark.usefixtures("no_wheel")
@pytest.mark.parametrize(
    ("said", "is_taken"),
    [(f"v{OLDEST_MAJOR}.1.0", True), ("v18.20.4", False), ("nonsense", False), ("", False)],
)
def test_a_machines_own_node_has_to_be_new_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, is_taken: bool
) -> None:
    program = machine_with(tmp_path, said)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert node_program() == (str(program) if is_taken else None)


@pytest.mark.usefixtures("no_wheel")
def test_where_there_is_none_none_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert node_program() is None
