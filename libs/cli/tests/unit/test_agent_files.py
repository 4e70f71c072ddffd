"""`oblivion agents new`: the files it writes work as they are."""

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from oblivion_cli.commands.agents_new import check_name, new
from oblivion_cli.errors import UsageWrong
from oblivion_cli.usecases.agent_files import agent_files, module_name, write_credentials, write_new
from oblivion_contracts.agent_resource import AgentSpec


def test_the_agent_has_twelve_lines_and_its_own_test_passes(tmp_path: Path) -> None:
    write_new(tmp_path, agent_files("my-fixer"))
    assert len((tmp_path / "my_fixer.py").read_text().splitlines()) == 12
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-c",
        "/dev/null",
        str(tmp_path),
    ]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path)
    assert "1 passed" in ran.stdout, ran.stdout + ran.stderr


def test_the_agent_resource_names_the_agent() -> None:
    resource = yaml.safe_load(agent_files("fixer")["agent.yaml"])
    assert (resource["apiVersion"], resource["kind"]) == ("oblivion.dev/v1alpha1", "Agent")
    assert resource["metadata"]["name"] == "fixer"
    assert AgentSpec.model_validate_json(json.dumps(resource["spec"])).egress == ["none"]
    assert resource["spec"]["replicas"] == 1


def test_the_dockerfile_runs_the_agent_on_an_image_that_is_built_here() -> None:
    lines = agent_files("my-fixer")["Dockerfile"].splitlines()
    (base,) = [line.removeprefix("ARG BASE=") for line in lines if line.startswith("ARG BASE=")]
    name, _, version = base.removeprefix("oblivion/").partition(":")
    root = Path(__file__).parents[4]
    assert (root / "images" / "packages" / f"{name}.txt").is_file()
    assert f"VERSION := {version}\n" in (root / "Makefile").read_text()
    assert "FROM ${BASE}" in lines
    assert "COPY my_fixer.py ." in lines
    assert lines[-1] == 'CMD ["python", "my_fixer.py"]'


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "fixer.py").write_text("mine")
    with pytest.raises(UsageWrong, match=r"fixer\.py already"):
        write_new(tmp_path, agent_files("fixer"))
    assert [file.name for file in tmp_path.iterdir()] == ["fixer.py"]


def test_credentials_are_the_owners_alone_and_other_lines_stay(tmp_path: Path) -> None:
    env = tmp_path / ".env"
    env.write_text("GITHUB_TOKEN=mine\nAGENT_ID=old\n")
    write_credentials(env, "oba_1", "obs_2")
    assert env.read_text() == "GITHUB_TOKEN=mine\nAGENT_ID=oba_1\nAGENT_SECRET=obs_2\n"
    assert stat.S_IMODE(env.stat().st_mode) == 0o600


def test_a_name_that_cannot_be_an_agents_is_refused_with_an_example() -> None:
    with pytest.raises(UsageWrong, match="such as fixer"):
        check_name("My Fixer")


def test_a_module_can_be_imported_whatever_the_name() -> None:
    names = ("fixer", "my-fixer", "2nd", "json")
    assert [module_name(name) for name in names] == ["fixer", "my_fixer", "agent_2nd", "agent_json"]


def test_without_a_system_the_files_are_written_and_the_next_step_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OBLIVION_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("OBLIVION_DATABASE_URL", raising=False)
    new("fixer", tmp_path / "fixer")
    assert (tmp_path / "fixer" / "Dockerfile").exists()
    assert not (tmp_path / "fixer" / ".env").exists()
    assert "oblivion agents create fixer --env" in capsys.readouterr().out
