"""Looks at runs while parts die: how long each waits for somebody though all who are needed are there."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import httpx
import psutil
import psycopg
import redis.asyncio

from oblivion_platform.tasks import end
from tests.faults.beside import SystemAndMore
from tests.faults.patience import Patience
from tests.settling import of_each_tenant

LOOK_EVERY_S = 1.0
ANSWERS_WITHIN_S = 0.5
NEEDED = (
    (("router-worker",),),
    (("gateway", "squad"), ("gateway-2", "squad-2")),
    (("gateway", "steady"), ("gateway-2", "steady-2")),
)
"""Of each line all of one group have to be there, and the stores: an agent knows one of the gateways."""
_AWAY = (psycopg.Error, httpx.HTTPError, redis.RedisError, psutil.Error, OSError, KeyError)


class Watch:
    """Of one system, for the length of a schedule."""

    def __init__(self, system: SystemAndMore, patience: Patience, since_unix: float) -> None:
        self._system = system
        self._patience = patience
        self._since_unix = since_unix
        self._http = httpx.AsyncClient(timeout=ANSWERS_WITHIN_S, trust_env=False)

    @contextlib.asynccontextmanager
    async def kept(self) -> AsyncGenerator[None]:
        """It looks again and again until the end of the block."""
        looking = asyncio.create_task(self._keep())
        try:
            yield
            if looking.done():
                looking.result()
        finally:
            await end(looking)
            await self._http.aclose()

    async def _keep(self) -> None:
        while True:
            try:
                await self._look()
            except _AWAY:
                self._patience.excuse()
            await asyncio.sleep(LOOK_EVERY_S)

    async def _look(self) -> None:
        async with asyncio.timeout(4 * ANSWERS_WITHIN_S):
            rows = await self._runs()
            is_able = await self._is_able()
        for row in rows:
            self._patience.see_fence(row["id"], row["fence"])
        if is_able:
            self._patience.see(time.monotonic(), [row["id"] for row in rows if row["waits"]])
        else:
            self._patience.excuse()

    async def _runs(self) -> list[dict[str, Any]]:
        async with await psycopg.AsyncConnection.connect(self._system.database_url()) as connection:
            return await of_each_tenant(connection, _RUNS, (self._since_unix,))

    async def _is_able(self) -> bool:
        store = redis.asyncio.Redis.from_url(self._system.redis_url, socket_timeout=ANSWERS_WITHIN_S)
        async with store:
            await store.ping()
        for groups in NEEDED:
            if not any([await self._are_there(group) for group in groups]):
                return False
        return True

    async def _are_there(self, parts: Sequence[str]) -> bool:
        for part in parts:
            if not await self._is_there(part):
                return False
        return True

    async def _is_there(self, part: str) -> bool:
        process = next(self._system.processes(part), None)
        if process is None:
            return False
        with contextlib.suppress(psutil.NoSuchProcess, httpx.HTTPError):
            if process.status() in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE):
                return False
            url = self._system.health_url(part)
            if url is None:
                return self._system.said_since(part, "connected to", process.create_time())
            return (await self._http.get(url)).is_success
        return False


_RUNS = """
    SELECT id::text, fence, CASE
        WHEN state IN ('succeeded', 'failed', 'cancelled') THEN false
        WHEN state = 'queued' THEN NOT EXISTS (
            SELECT FROM runs other WHERE other.thread = runs.thread AND other.id <> runs.id
              AND (other.state IN ('routed', 'assigned', 'running', 'waiting')
                   OR other.state = 'queued' AND (other.created_at, other.id) < (runs.created_at, runs.id)))
        WHEN holder IS NULL THEN 5 > (
            SELECT count(*) FROM runs other WHERE other.agent_id = runs.agent_id
              AND other.state IN ('assigned', 'running', 'waiting') AND other.holder IS NOT NULL)
        ELSE lease_until < clock_timestamp() END AS waits
    FROM runs WHERE created_at >= to_timestamp(%s)
"""
"""It waits for its holder, whose lease is over, or for any; not for people, for the runs before it in its
thread, or for an agent that has all the work that one replica takes."""
