"""Sessions through Redis and on a miss: how long reading and writing takes.

A session of 100 messages of some 200 characters, as they go along with an assignment. Reading through Redis
is what happens for each message; a miss reads the rows and writes a copy; saying something is a row, and the
word that copies are old.
"""

import asyncio
import tempfile
import time
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import text

from oblivion_contracts.runs import RunSource
from oblivion_platform import sessions
from oblivion_platform.database.engine import Database
from oblivion_platform.database.migrate import upgrade
from oblivion_platform.database.roles import OWNER, SERVICE_ROLES, ensure_roles
from oblivion_platform.embedded import EmbeddedPostgres, EmbeddedRedis
from oblivion_platform.sessions import NewSessionRow, Said, SessionCache, Sessions
from oblivion_platform.testing import FreshDatabase
from oblivion_platform.testing.databases import password_of
from tests.bench.figures import Figure, at_most, percentile

MESSAGES, TIMES = 100, 1_000
THROUGH_REDIS_MS, ON_A_MISS_MS = 2.0, 10.0
TENANT = uuid.UUID(int=1)


async def measure() -> list[Figure]:
    """A full session, read and written in turn."""
    with tempfile.TemporaryDirectory(prefix="oblivion-bench-") as folder:
        async with _stores(Path(folder)) as (database, cache):
            return await _measure(database, cache)


async def _measure(database: Database, cache: SessionCache) -> list[Figure]:
    reading, session_id = Sessions(database, cache), await _full_session(database)
    snapshot = await reading.snapshot(TENANT, session_id)

    async def read() -> None:
        await reading.snapshot(TENANT, session_id)

    async def say() -> None:
        # As a message does it: its row, then the word that copies are old.
        async with database.tenant(TENANT) as tx:
            said = await sessions.append_message(
                tx, session_id, Said("user", "x" * 200, RunSource.API, "Ana")
            )
        await cache.outdate(TENANT, session_id, said.version)

    async def write() -> None:
        nonlocal snapshot
        snapshot = snapshot.model_copy(update={"version": snapshot.version + 1})
        await cache.put(TENANT, snapshot)

    async def miss() -> None:
        # Nobody has a copy of it that is as new.
        nonlocal snapshot
        version = snapshot.version + 1
        async with database.tenant(TENANT) as tx:
            await tx.execute(
                text("UPDATE sessions SET version = :v WHERE id = :id"), {"v": version, "id": session_id}
            )
        began = time.perf_counter()
        snapshot = await reading.snapshot(TENANT, session_id, at_least=version)
        misses_ms.append(1000 * (time.perf_counter() - began))

    misses_ms: list[float] = []
    reads_ms, writes_ms = await _timed(read), await _timed(write)
    await _timed(miss)
    said_ms = await _timed(say)
    peer = f"{MESSAGES} messages, {TIMES} times"
    return [
        Figure("sessions: read through Redis, p50", round(percentile(reads_ms, 0.5), 2), "ms", peer),
        at_most("sessions: read through Redis, p99", percentile(reads_ms, 0.99), "ms", THROUGH_REDIS_MS),
        Figure("sessions: write through Redis, p50", round(percentile(writes_ms, 0.5), 2), "ms"),
        at_most("sessions: write through Redis, p99", percentile(writes_ms, 0.99), "ms", THROUGH_REDIS_MS),
        Figure("sessions: say something, committed, p50", round(percentile(said_ms, 0.5), 2), "ms"),
        at_most("sessions: say something, committed, p99", percentile(said_ms, 0.99), "ms", ON_A_MISS_MS),
        Figure("sessions: read on a miss, p50", round(percentile(misses_ms, 0.5), 2), "ms"),
        at_most("sessions: read on a miss, p99", percentile(misses_ms, 0.99), "ms", ON_A_MISS_MS),
    ]


async def _timed(work: Callable[[], Awaitable[None]]) -> list[float]:
    took_ms: list[float] = []
    for _ in range(TIMES):
        began = time.perf_counter()
        await work()
        took_ms.append(1000 * (time.perf_counter() - began))
    return took_ms


async def _full_session(database: Database) -> uuid.UUID:
    async with database.tenant(TENANT) as tx:
        session = await sessions.create(tx, TENANT, NewSessionRow(RunSource.API))
        for number in range(MESSAGES):
            said = Said("agent" if number % 2 else "user", f"{number} ".ljust(200, "x"), RunSource.API, "Ana")
            await sessions.append_message(tx, session.id, said)
    return session.id


@asynccontextmanager
async def _stores(folder: Path) -> AsyncGenerator[tuple[Database, SessionCache]]:
    postgres, redis = EmbeddedPostgres(folder / "postgres"), EmbeddedRedis(folder / "redis")
    try:
        await postgres.start()
        await redis.start()
        await ensure_roles(postgres.admin_url, {role: password_of(role) for role in (OWNER, *SERVICE_ROLES)})
        fresh = FreshDatabase(postgres.admin_url, "postgres")
        await asyncio.to_thread(upgrade, fresh.owner_url)
        owner = Database.connect(fresh.owner_url)
        async with owner.tenant(TENANT) as tx:
            await tx.execute(
                text("INSERT INTO tenants (id, slug, name) VALUES (:id, 'bench', 'Bench')"), {"id": TENANT}
            )
        await owner.close()
        database, cache = Database.connect(fresh.url("oblivion_gateway")), SessionCache(redis.url)
        yield database, cache
        await cache.close()
        await database.close()
    finally:
        await redis.stop()
        await postgres.stop()
