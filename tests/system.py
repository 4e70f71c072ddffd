"""The whole embedded system as a black box: `oblivion up` in a home of its own, its parts found by pid."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import psutil
import redis.asyncio

from oblivion_platform.embedded.process import free_port
from oblivion_platform.lifetime import tied_to_parent
from tests.faults.schedule import Fault, Harm
from tests.settling import waiting_rows

START_WITHIN_S = 180.0
STOP_WITHIN_S = 60.0

MARKS = {
    "postgres": "pginstall18/bin/postgres",
    "redis": "valkey-server",
    "ingestion": "oblivion_ingestion",
    "router-worker": "oblivion_router_worker",
    "gateway": "oblivion_gateway",
    "mcp-hub": "oblivion_mcp_hub",
    "squad": "oblivion_agent",
    "sandbox": "oblivion_sandbox",
}
"""What a part's command line contains."""


class SystemFailed(Exception):
    """The system did not start, or a command on it failed."""


class System:
    """One home, started and stopped any number of times, with `settings` added to the environment."""

    def __init__(self, home: Path, settings: Mapping[str, str]) -> None:
        self.home = home
        # The same after a restart: agents come back to the address that they know.
        self._port = free_port()
        self._process: asyncio.subprocess.Process | None = None
        self.environment = {**os.environ, **settings, "OBLIVION_HOME": str(home)}

    async def start(self) -> None:
        log = (self.home.parent / "up.log").open("ab")
        self._process = await asyncio.create_subprocess_exec(
            # Or a run that is killed, or sent SIGTERM, would leave the system behind.
            *tied_to_parent([sys.executable, "-m", "oblivion_cli", "up", "--port", str(self._port)]),
            env=self.environment,
            stdout=log,
            stderr=log,
        )
        log.close()
        async with asyncio.timeout(START_WITHIN_S):
            while not self._running().get("ready"):
                if self._process.returncode is not None:
                    raise SystemFailed(f"oblivion up ended with {self._process.returncode}: see {log.name}")
                await asyncio.sleep(0.1)

    async def stop(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self._process.wait(), STOP_WITHIN_S)
            except TimeoutError:
                self._process.kill()
                await self._process.wait()

    @property
    def base_url(self) -> str:
        return str(self._running()["base_url"])

    @property
    def sandbox_url(self) -> str:
        return f"http://127.0.0.1:{self._running()['ports']['sandbox']}"

    @property
    def gateway_url(self) -> str:
        return f"http://127.0.0.1:{self._running()['ports']['gateway']}"

    @property
    def worker_url(self) -> str:
        return f"http://127.0.0.1:{self._running()['ports']['router_worker']}"

    @property
    def redis_url(self) -> str:
        return f"redis://127.0.0.1:{self._running()['ports']['redis']}/0"

    async def command(self, *arguments: str, settings: Mapping[str, str] | None = None) -> str:
        """Run `oblivion …` on this home, with `settings` added, and return what it printed.

        Raises:
            SystemFailed: it said no.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "oblivion_cli",
            *arguments,
            env={**self.environment, **(settings or {})},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, errors = await process.communicate()
        if process.returncode != 0:
            raise SystemFailed(f"oblivion {' '.join(arguments)}: {errors.decode()}{output.decode()}")
        return output.decode()

    async def inflict(self, fault: Fault) -> None:
        """Do the harm, and undo a stop after its time. Killed parts are started again by `oblivion up`."""
        if fault.harm is Harm.WIPE:
            await self._wipe_redis()
        elif fault.harm is Harm.KILL:
            self.send(fault.victim, signal.SIGKILL)
        else:
            stopped = self.send(fault.victim, signal.SIGSTOP)
            await asyncio.sleep(fault.for_s)
            for process in stopped:
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(signal.SIGCONT)

    async def unsettled(self, read_since: datetime | None = None) -> dict[str, int]:
        """See `tests.settling`."""
        return await waiting_rows(self.database_url(), read_since)

    def send(self, part: str, number: signal.Signals) -> list[psutil.Process]:
        """Send a signal to every process of a part, and return them."""
        processes = list(self.processes(part))
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        return processes

    def processes(self, part: str) -> Iterator[psutil.Process]:
        """The part's own process and, for Postgres, its backends: a real stop stops them too."""
        assert self._process is not None
        for process in psutil.Process(self._process.pid).children():
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                if any(MARKS[part] in word for word in process.cmdline()):
                    yield process
                    yield from process.children(recursive=True)

    async def _wipe_redis(self) -> None:
        client = redis.asyncio.Redis.from_url(self.redis_url)
        with suppress(redis.exceptions.RedisError):
            await client.flushall()
        await client.aclose()

    def database_url(self) -> str:
        """As the command line's own role: rows of a tenant once it is set."""
        password = json.loads((self.home / "secrets.json").read_text())["passwords"]["oblivion_cli"]
        return (
            f"postgresql://oblivion_cli:{password}@127.0.0.1:{self._running()['ports']['postgres']}/oblivion"
        )

    def _running(self) -> dict[str, object]:
        try:
            return json.loads((self.home / "running.json").read_text())
        except (FileNotFoundError, ValueError):
            return {}
