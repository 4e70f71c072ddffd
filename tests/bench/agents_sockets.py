"""Agents on one gateway process, beside stock python-socketio and Node's socket.io under the same client.

One core is the server's, the other has the client and the stores. The gateway authenticates, checks
contracts, limits and fences, and keeps presence; its peers do nothing but acknowledge. What is echoed is
`task.progress` of runs that the sockets hold, of which at most 4 a second and run are stored.

python -m tests.bench.agents_sockets [CONNECTIONS]
"""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import UUID

import httpx
import psutil
from pydantic import SecretStr

from oblivion_gateway.testing import World, running_world
from oblivion_gateway.testing_agents import dispatching
from oblivion_platform.agents import parse_client_id
from oblivion_platform.crypto import generate_key
from oblivion_platform.database.migrate import upgrade
from oblivion_platform.database.roles import OWNER, SERVICE_ROLES, ensure_roles
from oblivion_platform.embedded import EmbeddedPostgres, EmbeddedRedis
from oblivion_platform.embedded.process import free_port
from oblivion_platform.logging import configure_logging
from oblivion_platform.settings import LogSettings
from oblivion_platform.testing import FreshDatabase, eventually
from oblivion_platform.testing.databases import password_of
from tests.bench.figures import Figure, at_least, at_most, show
from tests.bench.socket_load import Plan, Result
from tests.bench.webhooks import NODE

CONNECTIONS = 1_000
"""By default; 5,000 by hand."""
AGENTS = 50
ACTIVE, IN_FLIGHT, SECONDS, ROUND_TRIPS = 4, 16, 8.0, 2_000
MB_AT_5000, SHARE_OF_STOCK, TIMES_STOCK_RTT = 350.0, 0.75, 1.5
NODE_SOURCES, NODE_BUILD = Path(__file__).parent / "node_sockets", Path("build/bench-node-sockets")
START_WITHIN_S = 30.0


@dataclass(frozen=True)
class Measured:
    """One server under the load."""

    kb_a_connection: float
    us_an_echo: float
    """Of the server's processor time; says the same on a busy machine."""
    result: Result


@dataclass(frozen=True)
class Bench:
    """The stores, the tenant's agents, and which core is whose."""

    world: World
    database: FreshDatabase
    redis_url: str
    tenant_id: UUID
    agents: dict[UUID, str]
    """Agent → token."""
    server_core: int
    load_core: int


async def measure(connections: int = CONNECTIONS) -> list[Figure]:
    """All three in turn."""
    configure_logging(LogSettings(log_level="warning"), service="bench")
    server_core, load_core, *_ = sorted(os.sched_getaffinity(0))
    await asyncio.to_thread(_install_node_peer)
    os.sched_setaffinity(0, {load_core})
    try:
        with tempfile.TemporaryDirectory(prefix="oblivion-bench-") as folder:
            async with _stores(Path(folder), server_core, load_core) as bench:
                stock = await _peer(bench, [sys.executable, "-m", "tests.bench.socket_peers"], connections)
                node = await _peer(bench, [str(NODE), str(NODE_BUILD / "server.mjs")], connections)
                ours = await _gateway(bench, connections)
    finally:
        os.sched_setaffinity(0, {server_core, load_core})
    return _figures(connections, ours, stock, node)


def _figures(connections: int, ours: Measured, stock: Measured, node: Measured) -> list[Figure]:
    def beside(get: str) -> str:
        values = [getattr(each.result, get) for each in (stock, node)]
        return f"stock {values[0]:.4g}, Node {values[1]:.4g}"

    memory = f"stock {stock.kb_a_connection:.0f} kB, Node {node.kb_a_connection:.0f} kB"
    cpu = f"stock {stock.us_an_echo:.0f}, Node {node.us_an_echo:.0f}"
    mb = ours.kb_a_connection * 5_000 / 1024
    share = ours.result.echoes_per_s / stock.result.echoes_per_s
    slower = ours.result.p50_ms / stock.result.p50_ms
    return [
        Figure("agents: memory a connection", round(ours.kb_a_connection, 1), "kB", memory),
        at_most(f"agents: 5,000 of them, from {connections}", mb, "MB", MB_AT_5000),
        Figure("agents: connects", round(ours.result.connects_per_s), "/s", beside("connects_per_s")),
        Figure("agents: acknowledged echoes", round(ours.result.echoes_per_s), "/s", beside("echoes_per_s")),
        at_least("agents: share of stock's echoes", share, "x", SHARE_OF_STOCK),
        Figure("agents: processor time an echo", round(ours.us_an_echo, 1), "us", cpu),
        Figure("agents: round trip, p50", round(ours.result.p50_ms, 3), "ms", beside("p50_ms")),
        Figure("agents: round trip, p99", round(ours.result.p99_ms, 3), "ms", beside("p99_ms")),
        at_most("agents: times stock's round trip", slower, "x", TIMES_STOCK_RTT),
    ]


async def _peer(bench: Bench, command: list[str], connections: int) -> Measured:
    async with _serving(bench, command, {}) as (process, port):
        return await _load(bench, process, port, [""] * connections, assigned=False)


async def _gateway(bench: Bench, connections: int) -> Measured:
    settings = bench.world.settings
    environment = {
        "OBLIVION_DATABASE_URL": settings.database_url.get_secret_value(),
        "OBLIVION_REDIS_URL": bench.redis_url,
        "OBLIVION_MASTER_KEY": settings.master_key.get_secret_value(),
        "OBLIVION_PUBLIC_URL": settings.public_url,
        "OBLIVION_AGENT_EVENTS_PER_S": "1000000",
        "OBLIVION_LEASE_S": "300",
    }
    tokens = list(bench.agents.values())
    async with _serving(bench, [sys.executable, "-m", "oblivion_gateway"], environment) as (process, port):
        each = [tokens[number % len(tokens)] for number in range(connections)]
        return await _load(bench, process, port, each, assigned=True)


async def _load(
    bench: Bench, server: psutil.Process, port: int, tokens: list[str], *, assigned: bool
) -> Measured:
    await _warm_up(bench, server, port, tokens, assigned=assigned)
    idle = server.memory_info().rss
    load = await _started_load(bench, port, tokens, active=ACTIVE, assigned=assigned)
    used_kb = (server.memory_info().rss - idle) / 1024
    if assigned:
        await _assign_runs(bench)
    result, spent_s = await _finished(load, server)
    return Measured(used_kb / len(tokens), 1e6 * spent_s / result.echoes, result)


async def _warm_up(
    bench: Bench, server: psutil.Process, port: int, tokens: list[str], *, assigned: bool
) -> None:
    """What the first connections load into memory is no connection's."""
    load = await _started_load(bench, port, tokens[:AGENTS], active=0, assigned=assigned)
    load.kill()
    await load.wait()

    def has_let_go() -> bool:
        open_ones = (each for each in server.net_connections("tcp") if each.status == psutil.CONN_ESTABLISHED)
        return all(each.laddr.port != port for each in open_ones)

    await eventually(has_let_go)


async def _started_load(
    bench: Bench, port: int, tokens: list[str], *, active: int, assigned: bool
) -> asyncio.subprocess.Process:
    plan = Plan(port, bench.load_core, tokens, active, IN_FLIGHT, SECONDS, ROUND_TRIPS, assigned)
    load = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.bench.socket_load",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=2**20,
    )
    assert load.stdin is not None
    assert load.stdout is not None
    load.stdin.write(json.dumps(asdict(plan)).encode() + b"\n")
    assert await load.stdout.readline() == b"connected\n"
    return load


async def _finished(load: asyncio.subprocess.Process, server: psutil.Process) -> tuple[Result, float]:
    """The result, and the processor time that the server spent on the echoes."""
    assert load.stdin is not None
    assert load.stdout is not None
    load.stdin.write(b"go\n")
    assert await load.stdout.readline() == b"echoing\n"
    before = sum(server.cpu_times()[:2])
    result = Result(**json.loads(await load.stdout.readline()))
    spent_s = sum(server.cpu_times()[:2]) - before
    await load.wait()
    assert result.refused == 0, f"{result.refused} messages were refused"
    return result, spent_s


async def _assign_runs(bench: Bench) -> None:
    async with dispatching(bench.database, bench.redis_url) as dispatcher:
        for agent_id in list(bench.agents)[:ACTIVE]:
            run_id = await dispatcher.new_run(bench.tenant_id, agent_id)
            await dispatcher.assign(bench.tenant_id, run_id, lease_s=300)


@asynccontextmanager
async def _serving(
    bench: Bench, command: list[str], environment: dict[str, str]
) -> AsyncGenerator[tuple[psutil.Process, int]]:
    port = free_port()
    more = {"PORT": str(port), "OBLIVION_HOST": "127.0.0.1", "OBLIVION_LOG_LEVEL": "warning"}
    server = await asyncio.create_subprocess_exec(
        *command, env={**os.environ, **more, "NODE_ENV": "production", **environment}
    )
    os.sched_setaffinity(server.pid, {bench.server_core})
    try:
        await _until_ready(server, port)
        yield psutil.Process(server.pid), port
    finally:
        server.send_signal(signal.SIGKILL)
        await server.wait()


async def _until_ready(server: asyncio.subprocess.Process, port: int) -> None:
    async with httpx.AsyncClient() as http, asyncio.timeout(START_WITHIN_S):
        while server.returncode is None:
            try:
                if (await http.get(f"http://127.0.0.1:{port}/health/ready")).is_success:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.05)
    raise RuntimeError(f"the server ended with {server.returncode}")


@asynccontextmanager
async def _stores(folder: Path, server_core: int, load_core: int) -> AsyncGenerator[Bench]:
    postgres, redis = EmbeddedPostgres(folder / "postgres"), EmbeddedRedis(folder / "redis")
    try:
        await postgres.start()
        await redis.start()
        await ensure_roles(postgres.admin_url, {role: password_of(role) for role in (OWNER, *SERVICE_ROLES)})
        database = FreshDatabase(postgres.admin_url, "postgres")
        await asyncio.to_thread(upgrade, database.owner_url)
        key = SecretStr(generate_key())
        async with running_world(database, redis.url, master_key=key) as world:
            tenant = await world.new_tenant()
            agents: dict[UUID, str] = {}
            for number in range(AGENTS):
                issued = await world.new_agent(tenant, f"agent-{number}")
                client = parse_client_id(issued.client_id)
                assert client is not None
                agents[client.agent_id] = await world.agent_token(issued)
            yield Bench(world, database, redis.url, tenant.id, agents, server_core, load_core)
    finally:
        await redis.stop()
        await postgres.stop()


def _install_node_peer() -> None:
    """`npm install` into build/, once for each change of its package.json."""
    NODE_BUILD.mkdir(parents=True, exist_ok=True)
    shutil.copy(NODE_SOURCES / "server.mjs", NODE_BUILD)
    wanted, installed = NODE_SOURCES / "package.json", NODE_BUILD / "package.json"
    if installed.exists() and installed.read_bytes() == wanted.read_bytes():
        return
    npm = NODE.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    shutil.copy(wanted, installed)
    command = [str(NODE), str(npm), "install", "--no-package-lock", "--no-audit", "--no-fund", "--silent"]
    if subprocess.run(command, cwd=NODE_BUILD, check=False).returncode != 0:
        installed.unlink()
        raise RuntimeError("npm install failed; the Node peer cannot be measured")


if __name__ == "__main__":
    show(asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 5_000)))
