"""`agent.run()` in a process of its own: signals, exit codes, and starting again when the code changes."""

import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from oblivion_platform.testing import eventually

SCRIPT = """
from oblivion_client import Agent
agent = Agent("fixer", version="{version}")

@agent.on_task()
async def work(task, run):
    return "done"

agent.run()
"""


async def start(folder: Path, **environment: str) -> asyncio.subprocess.Process:
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("AGENT_", "OBLIVION_"))
    }
    return await asyncio.create_subprocess_exec(
        sys.executable,
        str(folder / "fixer.py"),
        env={**inherited, "OBLIVION_HOME": str(folder / "home"), **environment},
        stderr=asyncio.subprocess.PIPE,
    )


def write(folder: Path, version: str = "1") -> None:
    (folder / "fixer.py").write_text(SCRIPT.format(version=version))


def write_env(folder: Path, uri: str) -> None:
    (folder / ".env").write_text(f"OBLIVION_URI={uri}\nAGENT_ID=acme.fixer\nAGENT_SECRET=s3cret\n")


async def test_sigterm_drains_and_ends_with_exit_code_0(gateway: Any, tmp_path: Path) -> None:
    write(tmp_path)
    write_env(tmp_path, gateway.uri)
    process = await start(tmp_path)
    await eventually(lambda: bool(gateway.of("agent.hello")))
    process.send_signal(signal.SIGTERM)
    _, said = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, said.decode()
    assert gateway.of("agent.draining")


async def test_what_is_missing_is_said_in_a_sentence_without_a_traceback(tmp_path: Path) -> None:
    write(tmp_path)
    process = await start(tmp_path)
    _, said = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 2
    assert "Start one with `oblivion up`" in said.decode()
    assert "Traceback" not in said.decode()


@pytest.mark.timeout(300)  # Each change starts it anew, so a second one has to wait for the first.
async def test_a_changed_file_starts_the_agent_again(gateway: Any, tmp_path: Path) -> None:
    write(tmp_path)
    write_env(tmp_path, gateway.uri)
    process = await start(tmp_path, OBLIVION_RELOAD="1")
    try:
        await eventually(lambda: bool(gateway.of("agent.hello")))

        def started_again() -> bool:
            return any(hello.version == "2" for hello in gateway.of("agent.hello"))

        # Until it is seen: the watcher may not look yet when the first change is made.
        while not started_again():
            write(tmp_path, version="2")
            with suppress(AssertionError):
                await eventually(started_again)
    finally:
        process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.communicate(), 60)
    assert gateway.of("agent.hello")[0].version == "1"
