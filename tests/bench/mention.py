"""From a mention to the agent's acknowledgement, on the whole embedded system.

Begins when Slack has the message and owes its signed event (and, as a share of that, when the event is
committed: `inbound_events.received_at`; how soon Slack has its 2xx stands apart). Ends when `task.assigned`
is on the agent's socket, and when its `task.ack` is acknowledged; all by this machine's clock. The agent is a
bare one that answers at once, so what is measured is the way, not the work. Each mention begins a thread of
its own.

Then people ask the squad itself, one after the other: from the message to the answer in its thread.
"""

import asyncio
import json
import math
import tempfile
import time
import uuid
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg

from oblivion_contracts.agent_socket import NAMESPACE, TaskAssigned
from oblivion_gateway.testing_agents import TestAgent, about
from oblivion_platform.testing.polling import eventually
from oblivion_sandbox.control import SandboxControl
from tests.bench.figures import Figure, at_most, percentile
from tests.system import System

RATE_PER_S, STEADY_S, STEP_S = 20, 15, 5
FASTEST_PER_S, HALVINGS = 320, 2
P50_MS, ANSWERED_TO_SLACK_MS = 25.0, 100.0
QUESTIONS, ANSWERED_MS = 30, 3000.0
CHANNELS, REPLICAS = 20, 4
UNLIMITED = {
    "OBLIVION_SANDBOX_LIMITS_SCALE": "0",
    "OBLIVION_LOG_LEVEL": "warning",
    "OBLIVION_USER_REQUESTS_PER_MINUTE": "1000000",
    "OBLIVION_TENANT_REQUESTS_PER_MINUTE": "1000000",
    "OBLIVION_SLACK_POSTS_PER_CHANNEL_S": "1000",
    "OBLIVION_SLACK_POSTS_BURST": "1000",
    "OBLIVION_SLACK_CHANGES_PER_MINUTE": "60000",
    "OBLIVION_SLACK_CHANGES_BURST": "1000",
}


@dataclass
class Way:
    """When each run got to the agent, and when its acknowledgement was acknowledged; Unix time, s."""

    assigned: dict[uuid.UUID, float] = field(default_factory=dict)
    acknowledged: dict[uuid.UUID, float] = field(default_factory=dict)


@dataclass
class Took:
    """How long the mentions of one round took, ms."""

    assigned_ms: list[float] = field(default_factory=list)
    acknowledged_ms: list[float] = field(default_factory=list)
    since_commit_ms: list[float] = field(default_factory=list)
    answered_to_slack_ms: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Owed:
    """An event, as Slack knows it."""

    at_s: float
    """Unix time."""
    answered_ms: float
    """How long Slack waited for its 2xx; of several for one message the longest."""


class PromptAgent(TestAgent):
    """Acknowledges and answers as soon as it gets a run."""

    def __init__(self, base_url: str, way: Way) -> None:
        super().__init__(base_url)
        self._way = way
        self._answering: set[asyncio.Task[None]] = set()
        self.client.on("task.assigned", self._assigned, namespace=NAMESPACE)

    def _assigned(self, data: object) -> None:
        message = TaskAssigned.model_validate(data)
        if message.run_id not in self._way.assigned:
            self._way.assigned[message.run_id] = time.time()
            task = asyncio.create_task(self._answer(message))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)

    async def _answer(self, message: TaskAssigned) -> None:
        await self.call("task.ack", about(message))
        self._way.acknowledged[message.run_id] = time.time()
        await self.call("task.completed", {**about(message), "answer": "done"})


@dataclass(frozen=True)
class Bench:
    """The running system, its channels, and what the agents saw."""

    system: System
    control: SandboxControl
    channels: list[str]
    app: str
    """The app's user id."""
    way: Way


async def measure() -> list[Figure]:
    """A steady rate, then ever faster until the median has doubled."""
    with tempfile.TemporaryDirectory(prefix="oblivion-bench-") as folder:
        system = System(Path(folder) / "home", UNLIMITED)
        try:
            await system.start()
            async with SandboxControl(system.sandbox_url) as control, AsyncExitStack() as stack:
                return await _measure(await _prepared(system, control, stack))
        finally:
            await system.stop()


async def _measure(bench: Bench) -> list[Figure]:
    await _mention(bench, RATE_PER_S, 2)  # What is loaded at first use is no mention's.
    steady = await _mention(bench, RATE_PER_S, STEADY_S)
    median, shown = (
        percentile(steady.assigned_ms, 0.5),
        f"{len(steady.assigned_ms)} mentions at {RATE_PER_S}/s",
    )
    answered_ms = await _answers(bench)
    doubled = await _rate_that_doubles(bench, median)
    return [
        at_most("mention to task.assigned, p50", median, "ms", P50_MS, shown),
        _figure("mention to task.assigned, p99", steady.assigned_ms, 0.99),
        _figure("mention to acknowledged, p50", steady.acknowledged_ms, 0.5),
        _figure("mention to acknowledged, p99", steady.acknowledged_ms, 0.99),
        _figure("mention committed to task.assigned, p50", steady.since_commit_ms, 0.5),
        at_most(
            "mention's event acknowledged, p99",
            percentile(steady.answered_to_slack_ms, 0.99), "ms", ANSWERED_TO_SLACK_MS, shown,
        ),
        _figure("question to the squad to its answer in the thread, p50", answered_ms, 0.5),
        at_most(
            "question to the squad to its answer in the thread, p99",
            percentile(answered_ms, 0.99), "ms", ANSWERED_MS, f"{QUESTIONS} questions, one at a time",
        ),
        Figure(
            "mentions: rate at which the median has doubled", doubled, "/s", f"tried up to {FASTEST_PER_S}"
        ),
    ]  # fmt: skip


def _figure(name: str, took_ms: list[float], share: float) -> Figure:
    return Figure(name, round(percentile(took_ms, share), 1), "ms")


async def _answers(bench: Bench) -> list[float]:
    """The sandbox's model answers with the question in its words; the first one is nobody's measure."""
    channel = await bench.control.slack.add_channel("questions")
    took_ms = [await _answer(bench, channel, f"question{number:03d}x") for number in range(QUESTIONS + 1)]
    return took_ms[1:]


async def _answer(bench: Bench, channel: str, mark: str) -> float:
    async def answered() -> None:
        assert any(_answers_it(each, mark) for each in await bench.control.slack.messages(channel))

    began = time.monotonic()
    await bench.control.slack.post(channel, f"<@{bench.app}> {mark}")
    await eventually(answered, within_s=60)
    return 1000 * (time.monotonic() - began)


def _answers_it(entry: dict[str, Any], mark: str) -> bool:
    return entry["via"] == "api" and mark in json.dumps(entry["message"])


async def _rate_that_doubles(bench: Bench, median_ms: float) -> float:
    """Twice as many until there are too many, then halves of the last step."""

    async def has_doubled(rate_per_s: int) -> bool:
        return percentile((await _mention(bench, rate_per_s, STEP_S)).assigned_ms, 0.5) > 2 * median_ms

    low, high = RATE_PER_S, 2 * RATE_PER_S
    while not await has_doubled(high):
        if high >= FASTEST_PER_S:
            return high
        low, high = high, 2 * high
    for _ in range(HALVINGS):
        middle = (low + high) // 2
        low, high = (low, middle) if await has_doubled(middle) else (middle, high)
    return high


async def _mention(bench: Bench, rate_per_s: int, seconds: int) -> Took:
    """Mention the agent so often, and tell how long each took."""
    count, before, begin = rate_per_s * seconds, len(bench.way.acknowledged), time.monotonic()
    posting: list[asyncio.Task[object]] = []
    for number in range(count):
        await asyncio.sleep(max(0.0, begin + number / rate_per_s - time.monotonic()))
        post = bench.control.slack.post(
            bench.channels[number % CHANNELS], f"<@{bench.app}> @bench go {number}"
        )
        posting.append(asyncio.create_task(post))
    await asyncio.gather(*posting)
    await eventually(lambda: len(bench.way.acknowledged) >= before + count, within_s=120)
    fresh = list(bench.way.acknowledged)[before:]
    await bench.control.slack.delivered(within_s=120)
    committed, owed = await _events(bench), await _owed(bench)
    took = Took()
    for run_id in fresh:
        subject, committed_s = committed[run_id]
        took.assigned_ms.append(1000 * (bench.way.assigned[run_id] - owed[subject].at_s))
        took.acknowledged_ms.append(1000 * (bench.way.acknowledged[run_id] - owed[subject].at_s))
        took.answered_to_slack_ms.append(owed[subject].answered_ms)
        took.since_commit_ms.append(1000 * (bench.way.assigned[run_id] - committed_s))
    return took


async def _owed(bench: Bench) -> dict[str, Owed]:
    """What Slack owed of each message, by the event's subject."""
    found: dict[str, Owed] = {}
    for owed in await bench.control.slack.deliveries("delivered", limit=1_000_000):
        event = json.loads(owed["body"]).get("event", {})
        if event.get("type") in ("app_mention", "message") and "bot_id" not in event:
            subject = f"thread:{event.get('channel')}:{event.get('ts')}"
            known = found.get(subject, Owed(math.inf, 0.0))
            took_ms = float(owed["settled_ms"] - owed["created_ms"])
            found[subject] = Owed(min(known.at_s, owed["created_ms"] / 1000), max(known.answered_ms, took_ms))
    return found


async def _events(bench: Bench) -> dict[uuid.UUID, tuple[str, float]]:
    """Of each run, its event's subject and when that was committed."""
    async with await psycopg.AsyncConnection.connect(bench.system.database_url()) as connection:
        row = await (await connection.execute("SELECT id FROM tenants")).fetchone()
        assert row is not None
        await connection.execute("SELECT set_config('oblivion.tenant', %s, true)", (str(row[0]),))
        rows = await connection.execute(
            "SELECT r.id, e.subject, extract(epoch FROM e.received_at)::double precision"
            " FROM runs r JOIN inbound_events e ON e.id = r.event_id"
        )
        return {run_id: (subject, at_s) for run_id, subject, at_s in await rows.fetchall()}


async def _prepared(system: System, control: SandboxControl, stack: AsyncExitStack) -> Bench:
    created = json.loads(await system.command("agents", "create", "bench", "--json"))
    channels = [await control.slack.add_channel(f"bench-{number}") for number in range(CHANNELS)]
    way = Way()
    async with httpx.AsyncClient(base_url=system.base_url) as http:
        secret = {"client_id": created["AGENT_ID"], "client_secret": created["AGENT_SECRET"]}
        token = (await http.post("/auth/token", data=secret)).json()["access_token"]
    for _ in range(REPLICAS):
        agent = PromptAgent(system.base_url, way)
        await agent.connect(token)
        stack.push_async_callback(agent.close)
        assert (await agent.hello()).ok
    app = str((await control.slack.app())["bot_user_id"])
    return Bench(system, control, channels, app, way)
