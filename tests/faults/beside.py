"""What a schedule needs beside `oblivion up`: an agent of its own, and second replicas.

A second replica gets the environment of the first, and a port of its own. All are started again when they
end, as `oblivion up` does with its parts.
"""

import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import psutil
import psycopg
from dotenv import dotenv_values

from oblivion_cli.up.logs import ServiceLog
from oblivion_cli.up.services import Process, ProcessSpec, python_module
from oblivion_cli.up.supervisor import Supervisor
from oblivion_platform.embedded.process import free_port
from tests.faults import agent
from tests.settling import of_each_tenant
from tests.system import MARKS, System

PART = "FAULTS_PART"
"""In the environment of each such process: which one it is."""
_SOURCES = Path(__file__).parents[2]
_UNLIMITED = """
    UPDATE agents SET definition = definition || '{"limits": {"messages_per_minute": 600, "concurrency": 50}}'
    WHERE name = %s RETURNING id
"""
"""What is asked of it in seconds is more than most agents get in minutes."""


_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)[.,](\d{1,6})(Z?)")
LATEST = 200
"""Lines of a log that are looked at."""


def time_of(line: str) -> float:
    """Unix time of a line of a log: UTC with a Z, local without; 0 for none."""
    found = _MOMENT.search(line)
    if found is None:
        return 0.0
    day, clock, fraction, zone = found.groups()
    moment = datetime.fromisoformat(f"{day}T{clock}.{fraction:0<6}")
    return (moment.replace(tzinfo=UTC) if zone else moment.astimezone()).timestamp()


class SystemAndMore(System):
    """The embedded system with what stands beside it; `processes` finds both."""

    def __init__(self, home: Path, settings: Mapping[str, str]) -> None:
        super().__init__(home, settings)
        self._supervisor = Supervisor(lambda _: None)
        self._second_url: str | None = None

    async def stand_by(self, *, is_doubled: bool) -> None:
        """Start the agent, and the second replicas if there shall be some; the system runs."""
        signed = await self._signed()
        specs = [self._steady(agent.NAME, signed, self.gateway_url)]
        if is_doubled:
            port = free_port()
            self._second_url = f"http://127.0.0.1:{port}"
            await self._start(self._second("gateway", PORT=str(port)))
            specs.append(self._second("squad", OBLIVION_URI=self._second_url))
            specs.append(self._steady(f"{agent.NAME}-2", signed, self._second_url))
        await self._start(*specs)

    def health_url(self, part: str) -> str | None:
        """Where a part says that it is ready; None for an agent, which says so nowhere."""
        urls = {
            "gateway": self.gateway_url,
            "gateway-2": self._second_url,
            "router-worker": self.worker_url,
        }
        return f"{urls[part]}/health/ready" if part in urls else None

    def said_since(self, part: str, words: str, since_unix: float) -> bool:
        """Whether a part's log has the words since then; of an agent, which nobody can ask."""
        with suppress(FileNotFoundError):
            lines = (self.home / "logs" / f"{part}.log").read_text(errors="replace").splitlines()
            return any(words in line and time_of(line) >= since_unix for line in reversed(lines[-LATEST:]))
        return False

    async def stop(self) -> None:
        await self._supervisor.stop()
        self._second_url = None
        await super().stop()

    def processes(self, part: str) -> Iterator[psutil.Process]:
        yield from super().processes(part) if part in MARKS else self._beside(part)

    def _beside(self, part: str) -> Iterator[psutil.Process]:
        for process in psutil.Process().children():
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                if process.environ().get(PART) == part:
                    yield process

    async def _signed(self) -> Mapping[str, str]:
        """What the agent signs in with; it is registered once."""
        file = self.home.parent / f"{agent.NAME}.env"
        if not file.exists():
            await self.command("agents", "create", agent.NAME, "--env", str(file))
            async with await psycopg.AsyncConnection.connect(self.database_url()) as connection:
                await of_each_tenant(connection, _UNLIMITED, (agent.NAME,))
        return {name: value for name, value in dotenv_values(file).items() if value is not None}

    def _steady(self, part: str, signed: Mapping[str, str], uri: str) -> ProcessSpec:
        own = {**signed, "OBLIVION_URI": uri, "PYTHONUNBUFFERED": "1", PART: part}
        return ProcessSpec(part, [sys.executable, "-m", agent.__name__], {**os.environ, **own}, None)

    def _second(self, part: str, **own: str) -> ProcessSpec:
        first, name = next(super().processes(part)), f"{part}-2"
        module = {"gateway": "oblivion_gateway", "squad": "oblivion_agent"}[part]
        environment = {**first.environ(), **own, PART: name}
        return ProcessSpec(name, python_module(module), environment, self.health_url(name))

    async def _start(self, *specs: ProcessSpec) -> None:
        logs = self.home / "logs"
        await self._supervisor.start(
            *(Process(spec, ServiceLog(logs, spec.name, lambda _: None), _SOURCES) for spec in specs)
        )
