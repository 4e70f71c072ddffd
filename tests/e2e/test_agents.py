"""Agents as resources: applied, connected, answering; the squad asleep until there is work."""

import asyncio
import json
import time

import pytest

from oblivion_platform.testing import eventually
from oblivion_sandbox.control import SandboxControl
from tests.e2e.cluster import Installed, Json
from tests.e2e.measured import measured, memory_mib

CONNECTED_GOAL_S = 10.0
"""On a machine that does nothing else; what it took is noted."""
CONNECTED_WITHIN_S = 60.0
WOKEN_WITHIN_S = 90.0
GONE_WITHIN_S = 120.0
MEASURED_WITHIN_S = 120.0
"""Until the cluster has measured a pod that has just started."""
MEMORY_GOAL_MIB = 250.0
POLL_S = 0.2
SQUAD = {"general", "github", "notion", "analysis", "calendar", "tickets"}
SCOUT: Json = {
    "apiVersion": "oblivion.dev/v1alpha1",
    "kind": "Agent",
    "metadata": {"name": "scout"},
    "spec": {
        "description": "Finds things.",
        "aliases": ["@scout"],
        "secretRefs": [{"name": "oblivion-squad-environment"}],
    },
}


def agents(system: Installed) -> dict[str, Json]:
    return {each["metadata"]["name"]: each for each in system.namespace.objects("agents.oblivion.dev")}


def condition(agent: Json, kind: str) -> Json:
    conditions = agent.get("status", {}).get("conditions", [])
    return next((each for each in conditions if each["type"] == kind), {})


def children(system: Installed, agent: str) -> list[Json]:
    return system.namespace.objects("deploy,sa,networkpolicy,secret,pod", f"oblivion.dev/agent={agent}")


async def until_connected(system: Installed, agent: str) -> float:
    """Seconds until the Agent says that it is connected."""
    began = time.monotonic()
    while condition((await asyncio.to_thread(agents, system))[agent], "Connected").get("status") != "True":
        assert time.monotonic() - began < CONNECTED_WITHIN_S, system.namespace.kubectl(
            "describe", "agent", agent
        )
        await asyncio.sleep(POLL_S)
    return time.monotonic() - began


async def until_ready(system: Installed, names: set[str]) -> dict[str, Json]:
    """These Agents, once all of them say that they are Ready."""
    async with asyncio.timeout(CONNECTED_WITHIN_S):
        while True:
            found = await asyncio.to_thread(agents, system)
            ready = {name for name, each in found.items() if condition(each, "Ready").get("status") == "True"}
            if names <= ready:
                return found
            await asyncio.sleep(POLL_S)


async def put_to_sleep(system: Installed, agent: str) -> None:
    """Whatever other tests had it do: afterwards no pod of it is left."""
    label = f"oblivion.dev/agent={agent}"
    system.namespace.kubectl("scale", "deploy", "-l", label, "--replicas=0")
    async with asyncio.timeout(GONE_WITHIN_S):
        while system.namespace.objects("pods", label):  # noqa: ASYNC110 - another process's state
            await asyncio.sleep(POLL_S)


async def answered(control: SandboxControl, text: str, word: str) -> float:
    """Mention the app in a new thread; the seconds until its answer has the word."""
    channel = (await control.slack.channels())["launch"]
    bot = (await control.slack.app())["bot_user_id"]
    began = time.monotonic()
    root = await control.slack.post(channel, f"<@{bot}> {text}")
    while time.monotonic() - began < WOKEN_WITHIN_S:
        for message in await control.slack.messages(channel):
            said = json.dumps(message)
            is_ours = message["via"] == "api" and message["thread_ts"] == root["ts"]
            if is_ours and word in said and "Processing" not in said:
                return time.monotonic() - began
        await asyncio.sleep(POLL_S)
    raise AssertionError(
        f"no answer within {WOKEN_WITHIN_S} s: {await control.slack.thread(channel, str(root['ts']))}"
    )


@pytest.mark.timeout(300)
async def test_the_squad_is_there_and_sleeps_until_there_is_work(default_system: Installed) -> None:
    await default_system.wait_for_job("connect")
    found = await until_ready(default_system, SQUAD)
    assert {found[name]["spec"]["replicas"] for name in SQUAD} == {0}
    assert "Asleep" in {found[name]["status"]["phase"] for name in SQUAD}


@pytest.mark.timeout(300)
async def test_a_mention_wakes_an_agent_that_answers(default_system: Installed) -> None:
    await default_system.wait_for_job("connect")
    await until_ready(default_system, SQUAD)
    await put_to_sleep(default_system, "analysis")
    async with default_system.forward("sandbox") as way, SandboxControl(way.url) as control:
        took_s = await answered(control, "@analyst compare the cinema with the terrace", "cinema")
    pods = default_system.namespace.objects("pods", "oblivion.dev/agent=analysis")
    measured("mention to the answer of a woken agent", took_s, "s", WOKEN_WITHIN_S)
    assert len(pods) == 1


@pytest.mark.timeout(300)
async def test_an_agent_is_connected_soon_after_apply_and_leaves_nothing(default_system: Installed) -> None:
    await default_system.wait_for_job("connect")
    default_system.namespace.kubectl("apply", "-f", "-", stdin=json.dumps(SCOUT))
    took_s = await until_connected(default_system, "scout")
    measured("apply of an Agent to connected", took_s, "s", CONNECTED_GOAL_S)
    listed = default_system.namespace.kubectl("get", "agents", "scout")
    async with default_system.forward("sandbox") as way, SandboxControl(way.url) as control:
        await answered(control, "@scout compare the cinema with the terrace", "cinema")
    default_system.namespace.kubectl("delete", "agent", "scout", "--wait")
    async with asyncio.timeout(GONE_WITHIN_S):
        while left := children(default_system, "scout"):  # noqa: ASYNC110 - the garbage collector tells nobody
            await asyncio.sleep(POLL_S)
    assert "Running" in listed
    assert left == []
    assert took_s < CONNECTED_WITHIN_S


@pytest.mark.timeout(300)
async def test_an_agent_that_waits_for_work_takes_little_memory(default_system: Installed) -> None:
    await default_system.wait_for_job("connect")
    if await asyncio.to_thread(memory_mib, default_system) is None:
        pytest.skip("the cluster measures no pods: kubectl top needs metrics-server")
    waiter = {**SCOUT, "metadata": {"name": "waiter"}, "spec": {**SCOUT["spec"], "aliases": ["@waiter"]}}
    default_system.namespace.kubectl("apply", "-f", "-", stdin=json.dumps(waiter))
    try:
        await until_connected(default_system, "waiter")
        (pod,) = default_system.namespace.objects("pods", "oblivion.dev/agent=waiter")

        async def is_measured() -> float:
            command = ("top", "pods", "--no-headers")
            rows = (await asyncio.to_thread(default_system.namespace.kubectl, *command)).splitlines()
            used = [row.split()[2] for row in rows if row.startswith(f"{pod['metadata']['name']} ")]
            assert used
            return float(used[0].removesuffix("Mi"))

        used_mib = await eventually(is_measured, within_s=MEASURED_WITHIN_S)
    finally:
        default_system.namespace.kubectl("delete", "agent", "waiter", "--wait")
    measured("idle memory of an agent", used_mib, "MiB", MEMORY_GOAL_MIB)
    assert used_mib <= MEMORY_GOAL_MIB
