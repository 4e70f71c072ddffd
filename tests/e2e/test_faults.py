"""Rollouts, killed pods and lost stores under traffic: afterwards every effect is there, and once.

People work in the sandbox as in the fault schedules of tests/faults; the same code counts what became of it.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import pytest

from oblivion_sandbox.control import SandboxControl
from tests.e2e.cluster import Installed, namespace
from tests.faults.__main__ import QUICK
from tests.faults.load import Place, Work
from tests.faults.runs import judge_runs, read_runs
from tests.faults.verdict import Verdict, conversations, judge, questions_in
from tests.settling import given_up, settled, waiting_rows

SETTLED_WITHIN_S = 180.0
SETTLED_POLLS = 8
CONTROL_TIMEOUT_S = 5.0
SERVICES = ("ingestion", "router-worker", "gateway", "mcp-hub", "observer", "squad")
PARTS = (*SERVICES, "sandbox", "redis", "postgres")
ANOTHER = {"OBLIVION_HTTP_TIMEOUT_S": "2.5"}
UNDER_WAY = 10
"""Acts of people, before anything is done to them."""

Harm = Callable[[Installed], Awaitable[object]]


@dataclass
class Ways:
    """The sandbox and the database of the system, from here."""

    control: SandboxControl
    database_url: str


def quick(**more: dict[str, object]) -> dict[str, object]:
    """Periods and timeouts that let a fault be over in seconds, for every part; the squad is one pod."""
    parts = {part: {"settings": QUICK} for part in SERVICES}
    sandbox = {"enabled": True, "settings": QUICK}
    return {**parts, "sandbox": sandbox, "operator": {"enabled": False}, **more}


def rolled(values: dict[str, object]) -> dict[str, object]:
    """The same but for one setting of each service, so that an upgrade replaces all of their pods, and none
    of the world outside."""
    return {**values, **{part: {"settings": {**QUICK, **ANOTHER}} for part in SERVICES}}


def mostly_long(parts: tuple[str, ...], quick: str) -> list[object]:
    """One of them is tried always, the others where there is time."""
    return [part if part == quick else pytest.param(part, marks=pytest.mark.long) for part in parts]


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
        before = await given_up(ways.control)
        while work.marks < UNDER_WAY:
            await work.go_on()
        suffering = asyncio.create_task(harm(system))
        while True:
            await work.go_on()
            if suffering.done():
                break
        await suffering
        ended_at = datetime.now(UTC)
        rows = partial(waiting_rows, ways.database_url)
        wait = partial(settled, rows, ways.control, within_s=SETTLED_WITHIN_S, polls=SETTLED_POLLS)
        stuck = await wait()
        if work.removed_unheard or await given_up(ways.control) > before:
            # What senders gave up, or never told, is shown once the lists and channels have been read.
            stuck |= await wait(read_since=ended_at)
        await work.rest()
        verdict = await judge(ways.control, work, stuck)
        await judge_rows(verdict, ways, place)
        print(f"{work.marks} acts, {work.unanswered} unanswered: {verdict}")
        return verdict


async def judge_rows(verdict: Verdict, ways: Ways, place: Place) -> None:
    """The system's own rows: each question is one run, with one end and one answer."""
    asked = questions_in(await conversations(ways.control, place))
    complaints = judge_runs(await read_runs(ways.database_url, place.began_at), asked)
    verdict.lost += complaints.lost
    verdict.duplicated += complaints.duplicated
    verdict.disordered += complaints.disordered


@pytest.mark.timeout(900)
async def test_an_upgrade_of_everything_at_once_under_traffic_loses_and_doubles_nothing(
    system: Installed,
) -> None:
    """`helm upgrade` to what differs in every pod of ours: the services roll together."""
    before = {uid for service in SERVICES for uid in await system.pods_of(service)}

    async def upgrade(system: Installed) -> None:
        await asyncio.to_thread(system.install, rolled(quick()))
        for service in SERVICES:
            await system.settled(service)

    verdict = await suffer(system, upgrade)
    after = {uid for service in SERVICES for uid in await system.pods_of(service)}
    assert verdict.clean, verdict
    assert before & after == set()
    assert len(after) == len(SERVICES)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("service", mostly_long(SERVICES, "gateway"))
async def test_a_rollout_under_traffic_loses_and_doubles_nothing(system: Installed, service: str) -> None:
    async def roll_out(system: Installed) -> None:
        await system.rollout(service)

    verdict = await suffer(system, roll_out)
    assert verdict.clean, verdict


@pytest.mark.timeout(600)
@pytest.mark.parametrize("part", mostly_long(PARTS, "postgres"))
async def test_a_killed_pod_loses_and_doubles_nothing(system: Installed, part: str) -> None:
    async def kill(system: Installed) -> None:
        await system.settled(part, without=await system.kill(part))

    verdict = await suffer(system, kill)
    assert verdict.clean, verdict


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_pods_killed_at_random_moments_lose_and_double_nothing(system: Installed) -> None:
    async def kill_some(system: Installed) -> None:
        dice = random.Random(7)
        for _ in range(5):
            await asyncio.sleep(dice.uniform(1, 6))
            await system.kill(dice.choice(PARTS))
        for part in PARTS:
            await system.settled(part)

    verdict = await suffer(system, kill_some)
    assert verdict.clean, verdict
