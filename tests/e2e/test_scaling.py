"""Pods follow the load and go again: the gateway by CPU, the workers by the depth of their queue."""

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, suppress

import httpx
import pytest

from oblivion_sandbox.control import SandboxControl
from tests.e2e.cluster import CommandFailed, Installed, namespace, run
from tests.e2e.test_faults import quick

pytestmark = pytest.mark.long

GROWS_WITHIN_S = 180.0
SHRINKS_WITHIN_S = 240.0
POLL_S = 1.0
CALLERS = 8


def cluster_has(api: str) -> bool:
    return api in run("kubectl", "api-versions").split()


@pytest.fixture(scope="module")
def room_values() -> dict[str, object]:
    scaled: dict[str, object] = {
        "gateway": {
            "autoscaling": {
                "enabled": True,
                "minReplicas": 1,
                "maxReplicas": 3,
                "cpuPercent": 60,
                "calmSeconds": 5,
            }
        }
    }
    if cluster_has("keda.sh/v1alpha1"):
        keda = {"enabled": True, "minReplicas": 0, "maxReplicas": 3, "jobsPerReplica": 10}
        worker = quick()["router-worker"]
        assert isinstance(worker, dict)
        scaled["router-worker"] = {**worker, "keda": {**keda, "pollingSeconds": 1, "calmSeconds": 10}}
    return scaled


@pytest.fixture(scope="module")
def system(room_values: dict[str, object]) -> Iterator[Installed]:
    with namespace("oblivion-e2e-scaling") as room:
        system = Installed(room)
        system.install({**quick(), **room_values})
        yield system


def replicas(system: Installed, chart: str) -> int:
    wish = system.namespace.kubectl("get", "deploy", f"oblivion-{chart}", "-o", "jsonpath={.spec.replicas}")
    return int(wish or 0)


async def reaches(system: Installed, chart: str, low: int, high: int, within_s: float) -> int:
    """Wait until the chart has between `low` and `high` pods; returns how many."""
    deadline = time.monotonic() + within_s
    while True:
        now = await asyncio.to_thread(replicas, system, chart)
        if low <= now <= high or time.monotonic() > deadline:
            return now
        await asyncio.sleep(POLL_S)


async def left(system: Installed, chart: str, within_s: float) -> int:
    """Wait until no pod of the chart is left; returns how many are. One that still drains still works."""
    deadline = time.monotonic() + within_s
    while True:
        pods = len(await system.pods_of(chart))
        if pods == 0 or time.monotonic() > deadline:
            return pods
        await asyncio.sleep(POLL_S)


@asynccontextmanager
async def callers_of(url: str) -> AsyncGenerator[None]:
    """Some that ask as fast as they get answers."""

    async def ask_on(http: httpx.AsyncClient) -> None:
        while True:
            with suppress(httpx.HTTPError):
                await http.get("/.well-known/jwks.json")

    async with httpx.AsyncClient(base_url=url) as http:
        asking = [asyncio.create_task(ask_on(http)) for _ in range(CALLERS)]
        try:
            yield
        finally:
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)


@pytest.mark.timeout(600)
async def test_the_gateway_grows_under_load_and_shrinks_after(system: Installed) -> None:
    try:
        system.namespace.kubectl("top", "pods")
    except CommandFailed:
        pytest.skip("the cluster has no metrics server")
    async with system.forward("gateway") as way, callers_of(way.url):
        grown = await reaches(system, "gateway", 2, 3, GROWS_WITHIN_S)
    shrunk = await reaches(system, "gateway", 1, 1, SHRINKS_WITHIN_S)
    assert grown >= 2
    assert shrunk == 1


@pytest.mark.timeout(600)
async def test_workers_come_from_nothing_by_queue_depth_and_go_again(system: Installed) -> None:
    if not cluster_has("keda.sh/v1alpha1"):
        pytest.skip("the cluster has no KEDA")
    await system.wait_for_job("connect")
    await system.oblivion("mappings", "link", "Launch", "#launch")
    slept = await left(system, "router-worker", SHRINKS_WITHIN_S)
    async with system.forward("sandbox") as way, SandboxControl(way.url) as control:
        list_id = (await control.clickup.lists())["Launch"]
        names = [f"scaled task {number:03d}" for number in range(40)]
        for name in names:
            await control.clickup.create_task(list_id, name)
        woken = await reaches(system, "router-worker", 1, 3, GROWS_WITHIN_S)
        shown = await until_shown(control, names)
    gone = await left(system, "router-worker", SHRINKS_WITHIN_S)
    assert (slept, gone) == (0, 0)
    assert woken >= 1
    assert shown == len(names)


async def until_shown(control: SandboxControl, names: list[str]) -> int:
    """How many of these tasks the channel shows, once all are there or time is up."""
    channel = (await control.slack.channels())["launch"]
    deadline = time.monotonic() + GROWS_WITHIN_S
    while True:
        said = str([message["message"] for message in await control.slack.messages(channel)])
        shown = sum(name in said for name in names)
        if shown == len(names) or time.monotonic() > deadline:
            return shown
        await asyncio.sleep(POLL_S)
