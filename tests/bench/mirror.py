"""The mirror path on the whole embedded system: how soon, how many, and for how much processor time.

An inbound event is one webhook that ClickUp delivers; a created task brings two (`taskCreated` and
`taskStatusUpdated`). What Slack tells of our own messages comes on top, is handled too and counted apart.
Latency ends when the sandbox has the message (its `ts`). It begins when the sandbox owes the webhook, so that
sending it, its signature and its commit count; and once more when the event is stored
(`inbound_events.received_at`). All by this machine's clock, at a steady rate. Throughput is a backlog worked
off by one router-worker. Limits of the stand-ins and budgets of our own are lifted, so that nothing waits
on purpose.
"""

import asyncio
import json
import os
import signal
import tempfile
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString

import psycopg

from oblivion_platform.testing.polling import eventually
from oblivion_sandbox.control import SandboxControl
from tests.bench.figures import Figure, at_least, at_most, percentile
from tests.system import System

PLACES = 100
EVENTS_A_TASK = 2
RATE_PER_S = 50
"""Inbound events."""
STEADY_S = 20
BACKLOG = 1_500
"""Tasks."""
PARTS = ("router-worker", "postgres", "redis", "sandbox", "ingestion")
UNLIMITED = {
    "OBLIVION_SANDBOX_LIMITS_SCALE": "0",
    "OBLIVION_LOG_LEVEL": "warning",
    "OBLIVION_SLACK_POSTS_PER_CHANNEL_S": "1000",
    "OBLIVION_SLACK_POSTS_BURST": "1000",
    "OBLIVION_SLACK_CHANGES_PER_MINUTE": "60000",
    "OBLIVION_SLACK_CHANGES_BURST": "1000",
}


@dataclass(frozen=True)
class Bench:
    """The running system and its linked lists."""

    system: System
    control: SandboxControl
    tenant: uuid.UUID
    lists: list[str]
    channels: list[str]


async def measure() -> list[Figure]:
    """Start a system, measure latency, then throughput."""
    with tempfile.TemporaryDirectory(prefix="oblivion-bench-") as folder:
        system = System(Path(folder) / "home", UNLIMITED)
        try:
            await system.start()
            async with SandboxControl(system.sandbox_url) as control:
                bench = await _linked(system, control)
                return [*await _latency(bench), *await _throughput(bench)]
        finally:
            await system.stop()


async def _linked(system: System, control: SandboxControl) -> Bench:
    await control.clickup.limit(0)
    lists = [await control.clickup.add_list(f"bench {n}") for n in range(PLACES)]
    channels = [await control.slack.add_channel(f"bench-{n}") for n in range(PLACES)]
    async with await psycopg.AsyncConnection.connect(system.database_url()) as connection:
        row = await (await connection.execute("SELECT id FROM tenants")).fetchone()
        assert row is not None
        await connection.execute("SELECT set_config('oblivion.tenant', %s, true)", (str(row[0]),))
        for list_id, channel in zip(lists, channels, strict=True):
            await connection.execute(
                "INSERT INTO project_mappings (id, tenant_id, clickup_integration_id, clickup_list_id,"
                " slack_integration_id, slack_channel_id) SELECT %s, %s,"
                " (SELECT id FROM integrations WHERE source = 'clickup'), %s,"
                " (SELECT id FROM integrations WHERE source = 'slack'), %s",
                (uuid.uuid4(), row[0], list_id, channel),
            )
    return Bench(system, control, row[0], lists, channels)


async def _latency(bench: Bench) -> list[Figure]:
    tasks_per_s = RATE_PER_S / EVENTS_A_TASK
    count = int(tasks_per_s * STEADY_S)
    begin = time.monotonic()
    creating: list[asyncio.Task[object]] = []
    for n in range(count):
        await asyncio.sleep(max(0.0, begin + n / tasks_per_s - time.monotonic()))
        create = bench.control.clickup.create_task(bench.lists[n % PLACES], f"steady {n}")
        creating.append(asyncio.create_task(create))
    await asyncio.gather(*creating)
    await eventually(lambda: _have_posted(bench, count), within_s=120)
    await eventually(lambda: _answers_noted(bench), within_s=30)
    owed_ms = await _owed_ms(bench)
    async with await psycopg.AsyncConnection.connect(bench.system.database_url()) as connection:
        await connection.execute("SELECT set_config('oblivion.tenant', %s, true)", (str(bench.tenant),))
        rows = await connection.execute(
            "SELECT t.clickup_task_id, 1000 * t.slack_ts::double precision,"
            " 1000 * extract(epoch FROM min(e.received_at))::double precision"
            " FROM task_mappings t JOIN inbound_events e ON e.subject = 'task:' || t.clickup_task_id"
            " WHERE e.event_type LIKE '%taskCreated%' GROUP BY t.id, t.slack_ts"
        )
        moments = await rows.fetchall()
    whole_ms = [shown_ms - owed_ms[task] for task, shown_ms, _ in moments]
    stored_ms = [shown_ms - received_ms for _, shown_ms, received_ms in moments]
    shown = f"{RATE_PER_S} inbound events/s ({tasks_per_s:g} tasks/s) over {PLACES} lists, {count} tasks"
    return [
        at_most("webhook in to Slack message out, p50", percentile(whole_ms, 0.5), "ms", 40, shown),
        at_most("webhook in to Slack message out, p99", percentile(whole_ms, 0.99), "ms", 1000, shown),
        Figure("webhook stored to Slack message out, p50", round(percentile(stored_ms, 0.5), 1), "ms", shown),
        Figure(
            "webhook stored to Slack message out, p99", round(percentile(stored_ms, 0.99), 1), "ms", shown
        ),
    ]


async def _owed_ms(bench: Bench) -> dict[str, int]:
    """When the sandbox began to owe each task's first webhook: unix milliseconds by task."""
    owed = await bench.control.clickup.deliveries(limit=100_000)
    created = [each for each in owed if each["event_type"] == "taskCreated"]
    return {str(json.loads(each["body"])["task_id"]): int(each["created_ms"]) for each in created}


async def _throughput(bench: Bench) -> list[Figure]:
    """Stop the worker, let a backlog grow, and time how it is worked off."""
    posted_before = await _posted(bench)
    await eventually(lambda: _nothing_waits(bench), within_s=60)
    stopped = bench.system.send("router-worker", signal.SIGSTOP)
    for start in range(0, BACKLOG, 50):
        await asyncio.gather(
            *(
                bench.control.clickup.create_task(bench.lists[n % PLACES], f"backlog {n}")
                for n in range(start, start + 50)
            )
        )
    await eventually(lambda: _all_delivered(bench), within_s=60)
    spent_before = {part: _cpu_s(bench.system, part) for part in PARTS}
    echoes_before = await _handled(bench, "slack")
    waiting = await _waiting(bench)
    begin = time.monotonic()
    for process in stopped:
        process.send_signal(signal.SIGCONT)
    await eventually(lambda: _have_posted(bench, posted_before + BACKLOG), within_s=120)
    await eventually(lambda: _nothing_waits(bench, "clickup"), within_s=60)
    took_s = time.monotonic() - begin
    spent = {part: _cpu_s(bench.system, part) - spent_before[part] for part in PARTS}
    echoes = await _handled(bench, "slack") - echoes_before
    shown = f"{waiting} webhooks of {BACKLOG} created tasks, all parts on {os.cpu_count()} cores"
    return [
        at_least(
            "inbound events/s mirrored by one router-worker process", waiting / took_s, "/s", 150, shown
        ),
        Figure("tasks mirrored meanwhile", round(BACKLOG / took_s, 1), "/s"),
        Figure("echoes of our own messages handled meanwhile", round(echoes / took_s, 1), "/s"),
        *(
            Figure(f"processor time per inbound event: {part}", round(1000 * spent[part] / waiting, 3), "ms")
            for part in PARTS
        ),
    ]


async def _have_posted(bench: Bench, count: int) -> bool:
    return await _posted(bench) >= count


async def _all_delivered(bench: Bench) -> bool:
    return (await bench.control.clickup.delivery_counts()).get("waiting", 0) == 0


async def _posted(bench: Bench) -> int:
    return (await bench.control.slack.calls()).get("chat.postMessage", 0)


async def _answers_noted(bench: Bench) -> bool:
    """Whether the worker has stored the `ts` of every message."""
    async with await psycopg.AsyncConnection.connect(bench.system.database_url()) as connection:
        await connection.execute("SELECT set_config('oblivion.tenant', %s, true)", (str(bench.tenant),))
        rows = await connection.execute("SELECT FROM task_mappings WHERE slack_ts IS NULL LIMIT 1")
        return await rows.fetchone() is None


async def _nothing_waits(bench: Bench, source: str = "%") -> bool:
    return await _count(bench, "state = 'received' AND source LIKE %s", source) == 0


async def _waiting(bench: Bench) -> int:
    return await _count(bench, "state = 'received' AND source = %s", "clickup")


async def _handled(bench: Bench, source: str) -> int:
    return await _count(bench, "state <> 'received' AND source = %s", source)


async def _count(bench: Bench, condition: LiteralString, source: str) -> int:
    async with await psycopg.AsyncConnection.connect(bench.system.database_url()) as connection:
        await connection.execute("SELECT set_config('oblivion.tenant', %s, true)", (str(bench.tenant),))
        rows = await connection.execute(f"SELECT count(*) FROM inbound_events WHERE {condition}", (source,))
        row = await rows.fetchone()
        return int(row[0]) if row else 0


def _cpu_s(system: System, part: str) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in system.processes(part))
