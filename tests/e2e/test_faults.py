"""Rollouts, killed pods and lost stores under traffic: afterwards every effect is there, and once.

People work in the sandbox as in the fault schedules of tests/faults; the same code counts what became of it.
"""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import psycopg
import pytest

from oblivion_sandbox.control import SandboxControl
from tests.e2e.cluster import Installed, namespace, unsettled
from tests.faults.__main__ import QUICK
from tests.faults.load import Place, Work
from tests.faults.verdict import Verdict, judge

SETTLED_WITHIN_S = 180.0
SETTLED_POLLS = 8
POLL_S = 0.5
CONTROL_TIMEOUT_S = 5.0
SERVICES = ("ingestion", "router-worker", "gateway", "squad")

Harm = Callable[[Installed], Awaitable[None]]


@dataclass
class Ways:
    """The sandbox and the database of the system, from here."""

    control: SandboxControl
    database_url: str


def quick(**more: dict[str, object]) -> dict[str, object]:
    """Periods and timeouts that let a fault be over in seconds, for every part."""
    parts = {part: {"settings": QUICK} for part in (*SERVICES, "sandbox")}
    return {**parts, "sandbox": {"enabled": True, "settings": QUICK}, **more}


@pytest.fixture(scope="module")
def system() -> Iterator[Installed]:
    with namespace("oblivion-e2e-faults") as room:
        system = Installed(room)
        system.install(quick())
        yield system


@asynccontextmanager
async def ways_to(system: Installed) -> AsyncGenerator[Ways]:
    await system.wait_for_job("connect")
    async with (
        system.forward("sandbox") as sandbox,
        system.forward("postgres", 5432) as postgres,
        SandboxControl(sandbox.url, timeout_s=CONTROL_TIMEOUT_S) as control,
    ):
        yield Ways(control, system.database_url(postgres.port))


async def linked_place(system: Installed, control: SandboxControl) -> Place:
    name = f"faults-{random.randrange(16**8):08x}"
    list_id = await control.clickup.add_list(name)
    channel = await control.slack.add_channel(name)
    questions = await control.slack.add_channel(f"{name}-ask")
    await system.oblivion("mappings", "link", name, f"#{name}")
    return Place(list_id, channel, questions, str((await control.slack.app())["bot_user_id"]))


async def suffer(system: Installed, harm: Harm) -> Verdict:
    """Traffic before, during and after the harm; then recovery, then the count."""
    async with ways_to(system) as ways:
        place = await linked_place(system, ways.control)
        work = Work(ways.control, place, random.Random(1))
        suffering = asyncio.create_task(harm(system))
        while True:
            await work.go_on()
            if suffering.done():
                break
        await suffering
        stuck = await settled(ways)
        verdict = await judge(ways.control, place, stuck)
        print(f"{work.marks} acts, {work.unanswered} unanswered: {verdict}")
        return verdict


async def settled(ways: Ways) -> dict[str, int]:
    """Wait until nothing waits any more; what still does after SETTLED_WITHIN_S is stuck."""
    deadline = time.monotonic() + SETTLED_WITHIN_S
    quiet, waiting = 0, {"not answering": 1}
    while time.monotonic() < deadline and quiet < SETTLED_POLLS:
        await asyncio.sleep(POLL_S)
        try:
            waiting = await unsettled(ways.database_url)
            for side in (ways.control.slack, ways.control.clickup):
                if undelivered := (await side.delivery_counts()).get("waiting", 0):
                    waiting["undelivered"] = waiting.get("undelivered", 0) + undelivered
        except (psycopg.Error, httpx.HTTPError, KeyError, ValueError) as error:
            waiting = {f"not answering: {type(error).__name__}": 1}
        quiet = 0 if waiting else quiet + 1
    return waiting


@pytest.mark.timeout(600)
@pytest.mark.parametrize("service", SERVICES)
async def test_a_rollout_under_traffic_loses_and_doubles_nothing(system: Installed, service: str) -> None:
    async def roll_out(system: Installed) -> None:
        await asyncio.sleep(2)
        await system.rollout(service)

    verdict = await suffer(system, roll_out)
    assert verdict.clean, verdict


@pytest.mark.timeout(600)
@pytest.mark.parametrize("part", [*SERVICES, "sandbox", "redis", "postgres"])
async def test_a_killed_pod_loses_and_doubles_nothing(system: Installed, part: str) -> None:
    async def kill(system: Installed) -> None:
        await asyncio.sleep(2)
        await system.kill(part)
        await asyncio.sleep(1)
        await system.settled(part)

    verdict = await suffer(system, kill)
    assert verdict.clean, verdict


@pytest.mark.timeout(900)
async def test_pods_killed_at_random_moments_lose_and_double_nothing(system: Installed) -> None:
    async def kill_some(system: Installed) -> None:
        dice = random.Random(7)
        for _ in range(5):
            await asyncio.sleep(dice.uniform(1, 6))
            await system.kill(dice.choice([*SERVICES, "sandbox", "redis", "postgres"]))
        for part in (*SERVICES, "sandbox", "redis", "postgres"):
            await system.settled(part)

    verdict = await suffer(system, kill_some)
    assert verdict.clean, verdict
