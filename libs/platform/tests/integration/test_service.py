"""A whole process: it starts, drains on SIGTERM, and ends with the exit code that says how."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

SCRIPT = """
import asyncio, contextlib, sys
from oblivion_platform.service import CannotStart, run
from oblivion_platform.settings import LogSettings
from pydantic import Field

class Settings(LogSettings):
    drain_timeout_s: float = Field(default=0.3, description="Seconds.")
    needed: str = Field(description="Something needed.")

@contextlib.asynccontextmanager
async def running(settings):
    if settings.needed == "fails":
        raise ValueError("canary xoxb-canary")
    if settings.needed == "cannot":
        raise CannotStart("use another role")
    if settings.needed == "waits":
        print("waiting", flush=True)
        await asyncio.sleep(600)
    async with asyncio.TaskGroup() as group:
        group.create_task(asyncio.sleep(0))
        yield
        if settings.needed == "drains forever":
            print("draining", flush=True)
            await asyncio.sleep(600)
        print("drained", flush=True)

run(Settings, running, service="example")
"""


@contextmanager
def _process(tmp_path: Path, needed: str | None) -> Generator[subprocess.Popen[str]]:
    script = tmp_path / "example.py"
    script.write_text(SCRIPT)
    environment = {"PATH": os.environ["PATH"], **({} if needed is None else {"OBLIVION_NEEDED": needed})}
    with subprocess.Popen(
        [sys.executable, str(script)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _read_until(process: subprocess.Popen[str], word: str) -> list[str]:
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if word in line:
            return lines
    raise AssertionError(f"{word!r} was not said: {lines}")


def test_a_service_starts_and_drains_on_sigterm(tmp_path: Path) -> None:
    with _process(tmp_path, "nothing") as process:
        started = json.loads(_read_until(process, "service started")[-1])
        assert (started["service"], started["level"]) == ("example", "info")
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=60)
    assert "drained" in rest
    assert "service stopped" in rest
    assert process.returncode == 0


def test_a_drain_that_takes_too_long_is_cut_short(tmp_path: Path) -> None:
    with _process(tmp_path, "drains forever") as process:
        _read_until(process, "service started")
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 3


def test_a_service_that_still_waits_for_its_start_stops_at_once(tmp_path: Path) -> None:
    with _process(tmp_path, "waits") as process:
        _read_until(process, "waiting")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0


@pytest.mark.parametrize(
    ("needed", "code", "said"),
    [
        (None, 2, "OBLIVION_NEEDED is not set"),
        ("cannot", 2, "use another role"),
        ("fails", 1, "service failed"),
    ],
)
def test_a_service_that_cannot_start_says_why(
    tmp_path: Path, needed: str | None, code: int, said: str
) -> None:
    with _process(tmp_path, needed) as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert said in out + err
    assert "xoxb-canary" not in out + err
