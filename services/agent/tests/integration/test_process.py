"""`python -m oblivion_agent` as a process: what it says when it cannot start."""

import os
import subprocess
import sys
from pathlib import Path


def start(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("AGENT_", "OBLIVION_"))
    }
    return subprocess.run(
        [sys.executable, "-m", "oblivion_agent"],
        env={**inherited, "OBLIVION_HOME": str(folder), **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_without_a_server_it_says_what_to_set_and_ends_with_2(tmp_path: Path) -> None:
    ended = start(tmp_path, AGENT_ID="id", AGENT_SECRET="s3cret")
    assert ended.returncode == 2
    assert "OBLIVION_URI is not set" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_without_credentials_it_says_how_to_get_them(tmp_path: Path) -> None:
    ended = start(tmp_path, OBLIVION_URI="http://localhost:9")
    assert ended.returncode == 2
    assert "AGENT_ID is not set" in ended.stderr
