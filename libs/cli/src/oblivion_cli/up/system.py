"""The embedded system put together: which services there are, with which settings, in which order."""

import asyncio
import importlib.util
import os
import time
from dataclasses import dataclass

import psycopg
from psycopg import sql

from oblivion_cli.home import DATABASE, Home, HomeSecrets
from oblivion_cli.up.front import front_process
from oblivion_cli.up.logs import ServiceLog
from oblivion_cli.up.queue_board import SOCKET, queue_board_process
from oblivion_cli.up.services import (
    Announce,
    Process,
    ProcessSpec,
    Store,
    child_environment,
    python_module,
)
from oblivion_cli.up.stand_ins import TOOL_STAND_INS, sign_in_settings
from oblivion_cli.up.stdio_servers import hub_settings, stdio_servers
from oblivion_cli.up.supervisor import Supervisor
from oblivion_platform.database.roles import OWNER, ensure_roles
from oblivion_platform.embedded import EmbeddedPostgres, EmbeddedRedis
from oblivion_platform.embedded.process import free_port
from oblivion_sandbox.control import SandboxControl

_LANGFUSE = ("LANGFUSE_PUBLIC_KEY", "LANGFUSE_SECRET_KEY", "LANGFUSE_HOST")
"""Whoever is told what the model is told: nobody but the squad sends it there."""

THIS_MACHINE = "127.0.0.0/8, ::1/128"
_LAST_FIRST = ("squad", "queue-board", "observer", "mcp-hub", "router-worker", "gateway", "ingestion")


@dataclass(frozen=True)
class Ports:
    """Where everything listens, on 127.0.0.1."""

    front: int
    postgres: int
    redis: int
    sandbox: int
    ingestion: int
    gateway: int
    router_worker: int
    mcp_hub: int
    observer: int

    @classmethod
    def around(cls, front: int) -> "Ports":
        """The front's port is the people's choice; the others are whatever is free."""
        return cls(front, *(free_port() for _ in range(8)))


class EmbeddedSystem:
    """Everything that `oblivion up` keeps alive."""

    def __init__(self, home: Home, secrets: HomeSecrets, ports: Ports, announce: Announce) -> None:
        self.home = home
        self.secrets = secrets
        self.ports = ports
        self._announce = announce
        self._supervisor = Supervisor(announce)
        self._stdio_servers = stdio_servers(home)
        self._postgres = EmbeddedPostgres(home.folder("postgres"), port=ports.postgres)
        self._redis = EmbeddedRedis(home.folder("redis"), port=ports.redis, persistent=True)

    @property
    def base_url(self) -> str:
        return f"http://localhost:{self.ports.front}"

    @property
    def sandbox_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.sandbox}"

    @property
    def redis_url(self) -> str:
        return self._redis.url

    @property
    def model(self) -> str | None:
        """The language model of choice; None for the sandbox's."""
        return os.environ.get("OBLIVION_LLM_MODEL") or None

    def database_url(self, role: str) -> str:
        return self._postgres.url(role, self.secrets.passwords[role], DATABASE)

    async def start_stores(self) -> None:
        """Postgres and Redis, the roles and the schema."""
        await self._supervisor.start(Store("postgres", self._postgres), Store("redis", self._redis))
        await self._prepare_database()

    async def start_outside(self) -> None:
        """The stand-ins of Slack and ClickUp, the front, and stdio servers of one's own."""
        bridges = [each.process() for each in self._stdio_servers]
        front = front_process(self.home, self._upstreams(), self.ports.front)
        await self._start(self._sandbox(), front, *bridges)

    async def start_services(self) -> None:
        """Everything between the outside and the agents."""
        board = queue_board_process(self.redis_url)
        services = [
            self._ingestion(),
            self._gateway(),
            self._router_worker(),
            self._mcp_hub(),
            self._observer(),
        ]
        await self._start(*services, *([board] if board is not None else []))

    async def start_squad(self) -> None:
        """The agents, which are registered by now, and find a gateway that answers."""
        await self._start(self._squad(await self._github()))

    async def restart_services(self) -> None:
        """Start the services again, with the settings of now."""
        self._announce("starting the services again with their new settings")
        await self._supervisor.drop(*_LAST_FIRST)
        await self.start_services()
        await self.start_squad()

    async def stop(self) -> None:
        await self._supervisor.stop()

    async def _start(self, *specs: ProcessSpec) -> None:
        present = [spec for spec in specs if _is_installed(spec)]
        await self._supervisor.start(*(self._process(spec) for spec in present))

    def _process(self, spec: ProcessSpec) -> Process:
        return Process(spec, ServiceLog(self.home.logs, spec.name, self._announce), self.home.root)

    def _upstreams(self) -> dict[str, int]:
        return {
            "ingestion": self.ports.ingestion,
            "gateway": self.ports.gateway,
            "mcp-hub": self.ports.mcp_hub,
            "sandbox": self.ports.sandbox,
            "observer": self.ports.observer,
        }

    async def _prepare_database(self) -> None:
        admin_url = self._postgres.admin_url
        async with await psycopg.AsyncConnection.connect(admin_url, autocommit=True) as connection:
            known = await connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,))
            if await known.fetchone() is None:
                await connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
        database_url = admin_url.rsplit("/", 1)[0] + f"/{DATABASE}"
        await ensure_roles(database_url, self.secrets.passwords)
        # Loads SQLAlchemy, which the stores need not wait for.
        from oblivion_platform.database.migrate import HEAD, upgrade

        if await self._schema() != HEAD:
            await asyncio.to_thread(upgrade, self.database_url(OWNER))

    async def _schema(self) -> str | None:
        """The schema's revision; asking is quicker than starting migrations that have nothing to do."""
        async with await psycopg.AsyncConnection.connect(self.database_url(OWNER)) as connection:
            try:
                cursor = await connection.execute("SELECT version_num FROM alembic_version")
            except psycopg.errors.UndefinedTable:
                return None
            row = await cursor.fetchone()
            return None if row is None else str(row[0])

    def _sandbox(self) -> ProcessSpec:
        return ProcessSpec(
            name="sandbox",
            command=python_module("oblivion_sandbox"),
            environment=child_environment(
                PORT=str(self.ports.sandbox),
                OBLIVION_HOST="127.0.0.1",
                OBLIVION_HOME=str(self.home.root),
                OBLIVION_SANDBOX_BASE_URL=self.base_url,
            ),
            ready_url=f"{self.sandbox_url}/slack/control/app",
        )

    def _ingestion(self) -> ProcessSpec:
        return ProcessSpec(
            name="ingestion",
            command=python_module("oblivion_ingestion"),
            environment=child_environment(
                PORT=str(self.ports.ingestion),
                OBLIVION_DATABASE_URL=self.database_url("oblivion_ingestion"),
                OBLIVION_SIGNING_KEY=self.secrets.signing_key,
                **self._shared(),
            ),
            ready_url=f"http://127.0.0.1:{self.ports.ingestion}/health/ready",
        )

    def _router_worker(self) -> ProcessSpec:
        return ProcessSpec(
            name="router-worker",
            command=python_module("oblivion_router_worker"),
            environment=child_environment(
                PORT=str(self.ports.router_worker),
                OBLIVION_DATABASE_URL=self.database_url("oblivion_router_worker"),
                OBLIVION_MASTER_KEY=self.secrets.master_key,
                OBLIVION_SIGNING_KEY=self.secrets.signing_key,
                OBLIVION_INGESTION_URL=f"http://127.0.0.1:{self.ports.ingestion}",
                **self._model(),
                **self._shared(),
            ),
            ready_url=f"http://127.0.0.1:{self.ports.router_worker}/health/ready",
        )

    def _gateway(self) -> ProcessSpec:
        return ProcessSpec(
            name="gateway",
            command=python_module("oblivion_gateway"),
            environment=child_environment(
                PORT=str(self.ports.gateway),
                OBLIVION_DATABASE_URL=self.database_url("oblivion_gateway"),
                OBLIVION_MASTER_KEY=self.secrets.master_key,
                OBLIVION_PUBLIC_URL=self.base_url,
                OBLIVION_DEVELOPMENT_LOGIN="true",
                OBLIVION_TOOLS_URL=f"http://127.0.0.1:{self.ports.mcp_hub}/mcp",
                OBLIVION_QDRANT_URL=os.environ.get("OBLIVION_QDRANT_URL", f"{self.sandbox_url}/qdrant"),
                **self._shared(),
            ),
            ready_url=f"http://127.0.0.1:{self.ports.gateway}/health/ready",
        )

    def _mcp_hub(self) -> ProcessSpec:
        stand_ins = {
            f"OBLIVION_{name.upper()}_API_URL": f"{self.sandbox_url}{path}"
            for name, path in TOOL_STAND_INS.items()
        } | sign_in_settings(self.sandbox_url, self.base_url, self.home.real_ones())
        return ProcessSpec(
            name="mcp-hub",
            command=python_module("oblivion_mcp_hub"),
            environment=child_environment(
                PORT=str(self.ports.mcp_hub),
                OBLIVION_DATABASE_URL=self.database_url("oblivion_mcp_hub"),
                OBLIVION_MASTER_KEY=self.secrets.master_key,
                OBLIVION_PUBLIC_URL=self.base_url,
                # Tool servers of one's own run on this machine.
                OBLIVION_MCP_ALLOWED_NETWORKS=os.environ.get("OBLIVION_MCP_ALLOWED_NETWORKS", THIS_MACHINE),
                **(stand_ins | _own_settings(*stand_ins)),
                **hub_settings(self._stdio_servers),
                **self._shared(),
            ),
            ready_url=f"http://127.0.0.1:{self.ports.mcp_hub}/health/ready",
        )

    def _observer(self) -> ProcessSpec:
        return ProcessSpec(
            name="observer",
            command=python_module("oblivion_observer"),
            environment=child_environment(
                PORT=str(self.ports.observer),
                OBLIVION_HOST="127.0.0.1",
                OBLIVION_GATEWAY_URL=f"http://127.0.0.1:{self.ports.gateway}",
                OBLIVION_PUBLIC_URL=self.base_url,
                OBLIVION_QUEUE_BOARD_SOCKET=SOCKET,
            ),
            ready_url=f"http://127.0.0.1:{self.ports.observer}/health/ready",
        )

    def _squad(self, github: dict[str, str]) -> ProcessSpec:
        return ProcessSpec(
            name="squad",
            command=python_module("oblivion_agent"),
            environment=child_environment(
                OBLIVION_URI=f"http://127.0.0.1:{self.ports.gateway}",
                OBLIVION_AGENTS=str(self.home.squad_file),
                OBLIVION_HOME=str(self.home.root),
                **_own_settings("OBLIVION_MCP_SERVERS", *_LANGFUSE),
                **github,
                **self._model(),
            ),
            ready_url=None,
        )

    async def _github(self) -> dict[str, str]:
        """The repositories that a token of yours opens, else the sandbox's."""
        if "GITHUB_TOKEN" in os.environ:
            return _own_settings("GITHUB_TOKEN", "OBLIVION_GITHUB_API_URL")
        async with SandboxControl(self.sandbox_url) as control:
            account = await control.github.account()
        return {"GITHUB_TOKEN": account["token"], "OBLIVION_GITHUB_API_URL": f"{self.sandbox_url}/github"}

    def _model(self) -> dict[str, str]:
        """The model of choice with its provider's keys, or the sandbox's, which needs none."""
        if self.model is not None:
            return {name: value for name, value in os.environ.items() if name.endswith("_API_KEY")}
        return {
            "OBLIVION_LLM_MODEL": "openai:sandbox",
            "OBLIVION_LLM_BASE_URL": f"{self.sandbox_url}/llm/v1",
            "OPENAI_API_KEY": "sandbox",
        }

    def _shared(self) -> dict[str, str]:
        return {
            "OBLIVION_HOST": "127.0.0.1",
            "OBLIVION_HOME": str(self.home.root),
            "OBLIVION_REDIS_URL": self.redis_url,
            **self._outside(),
        }

    def _outside(self) -> dict[str, str]:
        """Where Slack and ClickUp are: the stand-ins, unless a real one is connected."""
        stand_ins = {
            "slack": ("OBLIVION_SLACK_API_URL", f"{self.sandbox_url}/slack/api/"),
            "clickup": ("OBLIVION_CLICKUP_API_URL", f"{self.sandbox_url}/clickup/api/v2"),
        }
        real_ones = self.home.real_ones()
        return dict(setting for name, setting in stand_ins.items() if name not in real_ones)


def _own_settings(*names: str) -> dict[str, str]:
    return {name: os.environ[name] for name in names if name in os.environ}


def _is_installed(spec: ProcessSpec) -> bool:
    if "-m" not in spec.command:
        return True
    module = spec.command[spec.command.index("-m") + 1]
    return importlib.util.find_spec(f"{module}.__main__") is not None


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._started_at = time.monotonic()

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self._started_at
