"""When a system under test has settled: nothing waits any more, and what senders gave up on was fetched."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, LiteralString

import httpx
import psycopg
from psycopg.rows import dict_row

from oblivion_sandbox.control import SandboxControl

POLL_S = 0.5
Waiting = dict[str, int]
Rows = Callable[[datetime | None], Awaitable[Waiting]]
"""See `waiting_rows`, for one system."""


async def waiting_rows(database_url: str, read_since: datetime | None = None) -> Waiting:
    """Rows that wait for something, by table and state; empty once everything is settled.

    With `read_since`, integrations whose lists and channels were not read since then wait too.
    """
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        counts: Waiting = {}
        for row in await of_each_tenant(connection, _WAITING, (read_since,)):
            counts[row["what"]] = counts.get(row["what"], 0) + row["count"]
        return counts


async def of_each_tenant(
    connection: psycopg.AsyncConnection[Any], query: LiteralString, values: Sequence[object]
) -> list[dict[str, Any]]:
    """The query's rows under each tenant in turn."""
    found: list[dict[str, Any]] = []
    async with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        for tenant in await (await cursor.execute("SELECT id FROM tenants")).fetchall():
            await cursor.execute("SELECT set_config('oblivion.tenant', %s, true)", (str(tenant["id"]),))
            found += await (await cursor.execute(query, values)).fetchall()
    return found


async def settled(
    rows: Rows, control: SandboxControl, *, within_s: float, polls: int, read_since: datetime | None = None
) -> Waiting:
    """Wait until nothing waits at so many polls in a row; what still does after `within_s` is stuck.

    With `read_since`, what senders gave up on before is there, too.
    """
    deadline = time.monotonic() + within_s
    quiet, waiting = 0, {"not answering": 1}
    while time.monotonic() < deadline and quiet < polls:
        await asyncio.sleep(POLL_S)
        try:
            waiting = await rows(read_since)
            if undelivered := await _deliveries(control, "waiting"):
                waiting["undelivered"] = undelivered
        except (psycopg.Error, httpx.HTTPError, KeyError, ValueError) as error:
            waiting = {f"not answering: {type(error).__name__}": 1}
        quiet = 0 if waiting else quiet + 1
    return waiting


async def given_up(control: SandboxControl) -> int:
    """Deliveries that Slack and ClickUp have stopped trying."""
    return await _deliveries(control, "failed")


async def delivered(control: SandboxControl) -> int:
    """Deliveries that got their 2xx."""
    return await _deliveries(control, "delivered")


async def _deliveries(control: SandboxControl, state: str) -> int:
    counts = [await side.delivery_counts() for side in (control.slack, control.clickup)]
    return sum(count.get(state, 0) for count in counts)


_WAITING = """
    SELECT 'event ' || state AS what, count(*) FROM inbound_events
    WHERE state IN ('received', 'dead') GROUP BY 1
    UNION ALL SELECT 'effect ' || state, count(*) FROM outbox
    WHERE state IN ('pending', 'sending', 'dead') GROUP BY 1
    UNION ALL SELECT 'run ' || state, count(*) FROM runs
    WHERE state NOT IN ('succeeded', 'failed', 'cancelled') GROUP BY 1
    UNION ALL SELECT 'run unshown', count(*) FROM runs WHERE presented_seq < last_seq HAVING count(*) > 0
    UNION ALL SELECT 'unread ' || source, count(*) FROM integrations
    WHERE seen_until < %s::timestamptz GROUP BY 1
"""
