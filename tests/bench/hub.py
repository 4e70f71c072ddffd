"""Calls of a tool through the MCP hub, beside others in front of the same upstream, in one run.

The hub proves the caller's token, looks up what the run may do, writes the call down and checks arguments and
results; its peers do nothing of that. One core is the server's under test, the other has the client, the
upstream and the hub's stores. Every peer is asked for the same tool of the same upstream. What is many times
slower is measured once, and what cannot be installed here is left out. Rust's mcp-proxy is: crates.io has its
source alone, and nothing is compiled for a bench.

python -m tests.bench hub
"""

import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg

from oblivion_mcp_hub.testing import TestTenant, World, running_world
from oblivion_platform.database.migrate import upgrade
from oblivion_platform.database.roles import OWNER, SERVICE_ROLES, ensure_roles
from oblivion_platform.embedded import EmbeddedPostgres, EmbeddedRedis
from oblivion_platform.embedded.process import free_port
from oblivion_platform.logging import configure_logging
from oblivion_platform.settings import LogSettings
from oblivion_platform.testing import FreshDatabase
from oblivion_platform.testing.databases import password_of
from tests.bench import hub_contextforge
from tests.bench.figures import Figure, at_least, at_most
from tests.bench.hub_load import Plan, Result

ROUNDS, IN_FLIGHT, RUNS = 3, 16, 64
TIMES_SDK, SHARE_OF_SDK, LIST_MS = 2.5, 0.4, 20.0
SLOW_WARM_UP_CALLS = 50
CONNECTIONS, TOOLS_EACH = 20, 250
"""For the list of 5,000 tools."""
START_WITHIN_S = 180.0
"""One of them makes its database first, on a machine that may be busy."""
BUILD = Path("build/bench-hub")
FASTMCP = "fastmcp==4.1.2"
MODERN = "2026-07-28"
_META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
_JSON = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}


@dataclass(frozen=True)
class Measured:
    """One server, alone with one caller and with sixteen."""

    name: str
    p50_ms: float
    per_s: float
    us_a_call: float
    """Of the server's processor time; says the same on a busy machine."""


@dataclass(frozen=True)
class Peer:
    """Who is measured: how it is started, asked, and made ready once it answers."""

    command: list[str]
    """Empty: the upstream itself."""
    plan: dict[str, Any]
    environment: dict[str, str] = field(default_factory=dict[str, str])
    prepare: Callable[[str], Awaitable[None]] | None = None
    """Given its address."""
    is_slow: bool = False
    """Many times slower than the others, so a few calls tell."""


@dataclass(frozen=True)
class Served:
    """A server that answers, and what it spends."""

    port: int
    process: psutil.Process

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/mcp"

    @property
    def spent_s(self) -> float:
        return sum(self.process.cpu_times()[:2])


@dataclass(frozen=True)
class Bench:
    """The stores, a tenant, and which core is whose."""

    world: World
    tenant: TestTenant
    environment: dict[str, str]
    admin_url: str
    server_core: int
    load_core: int


async def measure() -> list[Figure]:
    """All in turn, up to three times; the median counts."""
    configure_logging(LogSettings(log_level="error"), service="bench")
    server_core, load_core, *_ = sorted(os.sched_getaffinity(0))
    installed = {
        name: await asyncio.to_thread(_installed, name, requirement)
        for name, requirement in {"fastmcp": FASTMCP, "contextforge": hub_contextforge.REQUIREMENT}.items()
    }
    os.sched_setaffinity(0, {load_core})
    try:
        with tempfile.TemporaryDirectory(prefix="oblivion-bench-") as folder:
            async with _stores(Path(folder), server_core, load_core) as bench:
                return [*await _calls(bench, installed, Path(folder)), await _listing(bench)]
    finally:
        os.sched_setaffinity(0, {server_core, load_core})


async def _calls(bench: Bench, installed: dict[str, Path | None], folder: Path) -> list[Figure]:
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(_serving(bench, _peer("upstream"), core=bench.load_core))
        await bench.world.connect(bench.tenant, name="bench", url=upstream.url, is_trusted=True)
        peers = _peers(installed, upstream.url, folder)
        measured: dict[str, list[Measured]] = {name: [] for name in peers}
        for number in range(ROUNDS):
            for name, peer in peers.items():
                if number == 0 or not peer.is_slow:
                    measured[name].append(await _round(bench, name, peer, upstream))
    return _figures({name: _median(each) for name, each in measured.items()})


def _peers(installed: dict[str, Path | None], upstream_url: str, folder: Path) -> dict[str, Peer]:
    peers = {
        "hub": Peer([sys.executable, "-m", "oblivion_mcp_hub"], _modern("bench__echo")),
        "direct": Peer([], _modern("echo")),
        "SDK's own server": Peer(_peer("sdk"), _modern("echo")),
    }
    fastmcp, contextforge = installed["fastmcp"], installed["contextforge"]
    if fastmcp is not None:
        script = str(Path(__file__).parent / "hub_fastmcp.py")
        for how in ("kept", "stock"):
            command = [str(fastmcp), script, "{port}", upstream_url, how]
            peers[f"FastMCP proxy, {how}"] = Peer(
                command, _modern("echo"), {"FASTMCP_LOG_LEVEL": "ERROR"}, is_slow=how == "stock"
            )
    if contextforge is not None:
        peers["mcp-contextforge-gateway"] = Peer(
            hub_contextforge.command(contextforge),
            hub_contextforge.plan(),
            hub_contextforge.environment(folder / "contextforge.db"),
            prepare=lambda url: hub_contextforge.connect(url, upstream_url),
            is_slow=True,
        )
    return peers


async def _round(bench: Bench, name: str, peer: Peer, upstream: Served) -> Measured:
    if not peer.command:
        return await _measured(bench, name, peer, upstream)
    async with _serving(bench, peer.command, core=bench.server_core, more=peer.environment) as server:
        if peer.prepare is not None:
            await peer.prepare(f"http://127.0.0.1:{server.port}")
        return await _measured(bench, name, peer, server)


async def _measured(bench: Bench, name: str, peer: Peer, server: Served) -> Measured:
    plan = {**peer.plan, "warm_up_calls": SLOW_WARM_UP_CALLS} if peer.is_slow else peer.plan
    if name == "hub":
        await _settle(bench, server, plan)
    tokens = await _tokens(bench, bench.tenant, "bench__*") if name == "hub" else []
    alone = await _load(bench, server.port, plan, 1, tokens)
    tokens = await _tokens(bench, bench.tenant, "bench__*") if name == "hub" else []
    before_s = server.spent_s
    together = await _load(bench, server.port, plan, IN_FLIGHT, tokens)
    spent_s = server.spent_s - before_s
    return Measured(name, alone.p50_ms, together.per_s, 1e6 * spent_s / together.calls)


async def _settle(bench: Bench, server: Served, plan: dict[str, Any]) -> None:
    """Some calls, and what Postgres does by itself within a minute: until then it plans for empty tables."""
    tokens = await _tokens(bench, bench.tenant, "bench__*")
    await _load(bench, server.port, {**plan, "seconds": 0.0}, 1, tokens)
    async with await psycopg.AsyncConnection.connect(bench.admin_url, autocommit=True) as admin:
        await admin.execute("ANALYZE")


async def _tokens(bench: Bench, tenant: TestTenant, *tools: str) -> list[str]:
    """Of runs that have not called anything yet."""
    agent = await bench.world.new_agent(tenant, *tools, max_tool_calls_per_run=10_000)
    runs = [await bench.world.new_run(tenant, agent) for _ in range(RUNS)]
    return [await bench.world.run_token(tenant, run) for run in runs]


def _median(measured: list[Measured]) -> Measured:
    def middle(get: str) -> float:
        return statistics.median(getattr(each, get) for each in measured)

    return Measured(measured[0].name, middle("p50_ms"), middle("per_s"), middle("us_a_call"))


def _figures(measured: dict[str, Measured]) -> list[Figure]:
    hub, sdk = measured["hub"], measured["SDK's own server"]
    figures = [
        Figure(f"hub: tools/call, p50, {each.name}", round(each.p50_ms, 3), "ms")
        for each in measured.values()
    ]
    figures += [
        Figure(f"hub: tools/call at {IN_FLIGHT}, {each.name}", round(each.per_s), "/s")
        for each in measured.values()
    ]
    figures += [
        Figure(f"hub: processor time a call, {each.name}", round(each.us_a_call), "us")
        for each in measured.values()
    ]
    others = [each for each in measured.values() if each.name not in {"hub", "direct", sdk.name}]
    figures += [
        Figure(
            f"hub: calls at {IN_FLIGHT}, times those of {each.name}", round(hub.per_s / each.per_s, 1), "x"
        )
        for each in others
    ]
    figures += [
        Figure(f"hub: processor time, share of {each.name}'s", round(hub.us_a_call / each.us_a_call, 3), "x")
        for each in (sdk, *others)
    ]
    return [
        *figures,
        at_most("hub: times the SDK's own p50", hub.p50_ms / sdk.p50_ms, "x", TIMES_SDK),
        at_least("hub: share of the SDK's own calls", hub.per_s / sdk.per_s, "x", SHARE_OF_SDK),
    ]


async def _listing(bench: Bench) -> Figure:
    """5,000 tools of twenty servers, once they are known."""
    tenant = await bench.world.new_tenant()
    more = {"BENCH_TOOLS": str(TOOLS_EACH)}
    async with (
        _serving(bench, _peer("upstream"), core=bench.load_core, more=more) as upstream,
        _serving(bench, [sys.executable, "-m", "oblivion_mcp_hub"], core=bench.server_core) as server,
    ):
        for number in range(CONNECTIONS):
            await bench.world.connect(tenant, name=f"bench{number}", url=upstream.url)
        tokens = await _tokens(bench, tenant, *(f"bench{number}__*" for number in range(CONNECTIONS)))
        plan = {**_asking("tools/list", {}), "warm_up_calls": SLOW_WARM_UP_CALLS}
        await _until_listed(server.port, plan, tokens[0])
        result = await _load(bench, server.port, plan, 1, tokens)
    return at_most("hub: tools/list of 5,000 tools, p50", result.p50_ms, "ms", LIST_MS)


async def _until_listed(port: int, plan: dict[str, Any], token: str) -> None:
    headers = {**plan["headers"], "Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(timeout=60) as http, asyncio.timeout(START_WITHIN_S):
        while True:
            answer = await http.post(
                f"http://127.0.0.1:{port}{plan['path']}", content=plan["body"], headers=headers
            )
            if len(answer.json().get("result", {}).get("tools", ())) == CONNECTIONS * TOOLS_EACH:
                return
            await asyncio.sleep(0.2)


def _modern(tool: str) -> dict[str, Any]:
    plan = _asking("tools/call", {"name": tool, "arguments": {"text": "hello"}})
    return {**plan, "headers": {**plan["headers"], "Mcp-Name": tool}}


def _asking(method: str, params: dict[str, Any]) -> dict[str, Any]:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": _META}})
    headers = {**_JSON, "MCP-Protocol-Version": MODERN, "Mcp-Method": method}
    return {"path": "/mcp", "body": body, "headers": headers}


def _peer(name: str) -> list[str]:
    return [sys.executable, "-m", "tests.bench.hub_peers", name]


async def _load(bench: Bench, port: int, plan: dict[str, Any], connections: int, tokens: list[str]) -> Result:
    whole = Plan(port, bench.load_core, tokens=tokens, connections=connections, **plan)
    load = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.bench.hub_load",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await load.communicate(json.dumps(asdict(whole)).encode())
    result = Result(**json.loads(output))
    assert result.failed == 0, f"{result.failed} calls failed"
    return result


@asynccontextmanager
async def _serving(
    bench: Bench, command: list[str], *, core: int, more: dict[str, str] | None = None
) -> AsyncGenerator[Served]:
    port = free_port()
    environment = {**os.environ, **bench.environment, "PORT": str(port), **(more or {})}
    server = await asyncio.create_subprocess_exec(
        *(part.replace("{port}", str(port)) for part in command),
        env=environment,
        stdout=asyncio.subprocess.DEVNULL,
    )
    os.sched_setaffinity(server.pid, {core})
    try:
        await _until_answering(server, port)
        yield Served(port, psutil.Process(server.pid))
    finally:
        if server.returncode is None:
            server.send_signal(signal.SIGKILL)
        await server.wait()


async def _until_answering(server: asyncio.subprocess.Process, port: int) -> None:
    async with httpx.AsyncClient() as http, asyncio.timeout(START_WITHIN_S):
        while server.returncode is None:
            try:
                answer = await http.get(f"http://127.0.0.1:{port}/health/ready")
                if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
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
        async with running_world(database, redis.url) as world:
            settings = world.hub.settings
            environment = {
                "OBLIVION_DATABASE_URL": settings.database_url.get_secret_value(),
                "OBLIVION_REDIS_URL": redis.url,
                "OBLIVION_MASTER_KEY": settings.master_key.get_secret_value(),
                "OBLIVION_PUBLIC_URL": settings.public_url,
                "OBLIVION_HOST": "127.0.0.1",
                "OBLIVION_LOG_LEVEL": "error",
                "OBLIVION_MCP_ALLOWED_NETWORKS": "127.0.0.0/8",
                "OBLIVION_MCP_CALLER_REQUESTS_PER_MINUTE": "100000000",
                "OBLIVION_MCP_TENANT_REQUESTS_PER_MINUTE": "100000000",
            }
            yield Bench(
                world, await world.new_tenant(), environment, database.admin_url, server_core, load_core
            )
    finally:
        await redis.stop()
        await postgres.stop()


def _installed(name: str, requirement: str) -> Path | None:
    """A peer in an environment of its own under build/; None: it cannot be had here."""
    python, done = BUILD / name / "bin" / "python", BUILD / name / f".{requirement}"
    if done.exists():
        return python.absolute()
    BUILD.mkdir(parents=True, exist_ok=True)
    uv = str(Path(sys.executable).parent / "uv")
    began = time.monotonic()
    for command in (
        [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(BUILD / name)],
        [uv, "pip", "install", "--quiet", "--python", str(python), requirement],
    ):
        if subprocess.run(command, check=False).returncode != 0:
            print(f"{requirement} cannot be installed here; it is not measured", flush=True)
            return None
    done.touch()
    print(f"{requirement} installed in {time.monotonic() - began:.0f} s", flush=True)
    return python.absolute()
