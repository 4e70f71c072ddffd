"""What `oblivion up` runs: two stores, and processes that each get an environment of their own."""

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import httpx

from oblivion_cli.errors import CommandFailed
from oblivion_cli.up.logs import ServiceLog
from oblivion_platform.embedded import EmbeddedPostgres, EmbeddedRedis
from oblivion_platform.environment import machine_environment
from oblivion_platform.lifetime import tied_to_parent

READY_WITHIN_S = 120.0
POLL_S = 0.05
STORE_POLL_S = 0.25
STOP_PATIENCE_S = 15.0
LOG_TAIL_LINES = 5


class Service(Protocol):
    """Something that runs beside us and can be started again."""

    name: str

    async def start(self) -> None:
        """Return when it does its work."""
        ...

    async def ended(self) -> str:
        """Wait for its end and say how it came."""
        ...

    async def stop(self) -> None:
        """End it cleanly."""
        ...


class Store:
    """An embedded server as a service."""

    def __init__(self, name: str, server: EmbeddedPostgres | EmbeddedRedis) -> None:
        self.name = name
        self._server = server

    async def start(self) -> None:
        await self._server.start()

    async def ended(self) -> str:
        while self._server.running:  # noqa: ASYNC110 - a plain child has no event to await
            await asyncio.sleep(STORE_POLL_S)
        return "ended"

    async def stop(self) -> None:
        await self._server.stop()


@dataclass(frozen=True)
class ProcessSpec:
    """How one process is started, and how it is asked whether it is ready."""

    name: str
    command: list[str]
    environment: dict[str, str] = field(repr=False)
    ready_url: str | None
    """None for a process that answers no HTTP: it is ready once it runs."""


class Process:
    """A child process whose output goes to its log; it cannot outlive us."""

    def __init__(self, spec: ProcessSpec, log: ServiceLog, folder: Path) -> None:
        self.name = spec.name
        self._spec = spec
        self._log = log
        self._folder = folder
        self._child: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._last_lines: list[str] = []

    async def start(self) -> None:
        """Start it and wait for its readiness.

        Raises:
            CommandFailed: it ended before, or was not ready in time.
        """
        self._child = await asyncio.create_subprocess_exec(
            *tied_to_parent(self._spec.command),
            cwd=self._folder,
            env=self._spec.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            limit=1024 * 1024,
            # A group of its own: Ctrl-C reaches the supervisor alone, which stops all in order.
            process_group=0,
        )
        self._reading = asyncio.create_task(self._read_output(self._child))
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                await self._wait_until_ready(self._child)
        except TimeoutError:
            raise self._failure(f"was not ready within {READY_WITHIN_S:.0f} s") from None

    async def ended(self) -> str:
        assert self._child is not None  # noqa: S101 - only asked after start
        code = await self._child.wait()
        return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL to one that does not drain in time."""
        if self._child is None:
            return
        for each in (signal.SIGTERM, signal.SIGKILL):
            if self._child.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    self._child.send_signal(each)
                    self._child.send_signal(signal.SIGCONT)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STOP_PATIENCE_S):
                    await self._child.wait()
                break
        if self._reading is not None:
            await self._reading

    async def _wait_until_ready(self, child: asyncio.subprocess.Process) -> None:
        if self._spec.ready_url is None:
            return
        async with httpx.AsyncClient(timeout=2, trust_env=False) as client:
            while child.returncode is None:
                with contextlib.suppress(httpx.HTTPError):
                    if (await client.get(self._spec.ready_url)).is_success:
                        return
                await asyncio.sleep(POLL_S)
        raise self._failure("ended while starting")

    async def _read_output(self, child: asyncio.subprocess.Process) -> None:
        assert child.stdout is not None  # noqa: S101 - asked for a pipe
        while True:
            try:
                line = await child.stdout.readline()
            except ValueError:  # Longer than the limit: no log line of ours.
                continue
            if not line:
                return
            text = line.decode(errors="replace").rstrip()
            self._last_lines = [*self._last_lines[-LOG_TAIL_LINES + 1 :], text]
            self._log.write(text)

    def _failure(self, what: str) -> CommandFailed:
        tail = "\n  ".join(self._last_lines)
        return CommandFailed(
            f"{self.name} {what}." + (f" It said last:\n  {tail}\n" if tail else ""),
            f"Read `oblivion logs {self.name}`.",
        )


def python_module(module: str) -> list[str]:
    """The command line of a service."""
    return [sys.executable, "-m", module]


_OF_ONE_PROCESS = re.compile(
    r"_(KEYS?|SECRET|PASSWORD)(_|$)|(?<!_HEALTH)_TOKEN$|_(DATABASE|REDIS)_URL$|_MCP_SERVERS$"
)
"""In the name of a setting: it is secret, so only the process that works with it is given it.
The token of the health pages is every service's own."""


def child_environment(**own: str) -> dict[str, str]:
    """What the machine's programs need, our settings without the secret ones, and what this one needs."""
    settings = {
        name: value
        for name, value in os.environ.items()
        if name.startswith("OBLIVION_") and not _OF_ONE_PROCESS.search(name)
    }
    return {**machine_environment(), **settings, "PYTHONUNBUFFERED": "1", **own}


Announce = Callable[[str], None]
