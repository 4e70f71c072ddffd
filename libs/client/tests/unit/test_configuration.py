"""How an agent finds its server and its credentials, and what it says when it does not."""

import fcntl
import json
import stat
from pathlib import Path

import pytest

from oblivion_client.configuration import Configuration
from oblivion_client.errors import AgentMisconfigured

CREDENTIALS = {"AGENT_ID": "acme.fixer", "AGENT_SECRET": "s3cret"}


def test_the_environment_is_enough(tmp_path: Path) -> None:
    found = Configuration.find(tmp_path, {"OBLIVION_URI": "https://oblivion.example.com/", **CREDENTIALS})
    assert found == Configuration("https://oblivion.example.com", "acme.fixer", "s3cret")
    assert "s3cret" not in repr(found)


def test_a_file_beside_the_script_fills_what_the_environment_leaves_out(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text('AGENT_ID="from-file"\nAGENT_SECRET=of-file\nOBLIVION_URI=http://file:1\n')
    found = Configuration.find(tmp_path, {"OBLIVION_URI": "http://environment:2"})
    assert (found.uri, found.agent_id, found.agent_secret) == ("http://environment:2", "from-file", "of-file")


def test_the_system_that_runs_here_is_found(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    file = home / "running.json"
    file.write_text(json.dumps({"pid": 1, "base_url": "http://localhost:8300", "port": 8300}))
    file.chmod(stat.S_IRUSR | stat.S_IWUSR)
    with file.open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        found = Configuration.find(tmp_path, {"OBLIVION_HOME": str(home), **CREDENTIALS})
    assert found.uri == "http://localhost:8300"


def test_what_a_killed_system_left_behind_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "running.json").write_text(json.dumps({"base_url": "http://localhost:8300"}))
    with pytest.raises(AgentMisconfigured, match="Start one with `oblivion up`"):
        Configuration.find(tmp_path, {"OBLIVION_HOME": str(tmp_path), **CREDENTIALS})


@pytest.mark.parametrize("content", ["", "[]", "{", '{"base_url": 5}', '{"base_url": ""}'])
def test_a_damaged_running_file_is_no_server(tmp_path: Path, content: str) -> None:
    file = tmp_path / "running.json"
    file.write_text(content)
    with file.open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(AgentMisconfigured, match="OBLIVION_URI"):
            Configuration.find(tmp_path, {"OBLIVION_HOME": str(tmp_path), **CREDENTIALS})


@pytest.mark.parametrize("missing", sorted(CREDENTIALS))
def test_a_missing_credential_is_named_with_what_to_do(tmp_path: Path, missing: str) -> None:
    known = {name: value for name, value in CREDENTIALS.items() if name != missing}
    with pytest.raises(
        AgentMisconfigured, match=f"{missing} is not set. Make an agent with `oblivion agents new"
    ):
        Configuration.find(tmp_path, {"OBLIVION_URI": "http://localhost:1", **known})


def test_an_address_without_a_scheme_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AgentMisconfigured, match=r"https://oblivion\.example\.com"):
        Configuration.find(tmp_path, {"OBLIVION_URI": "localhost:8300", **CREDENTIALS})
