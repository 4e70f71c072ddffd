"""Agents as resources: applied, connected, answering; the squad asleep until there is work."""

import asyncio
import json
import re
import time
from collections.abc import Iterator

import pytest

from oblivion_sandbox.control import SandboxControl
from tests.e2e.cluster import ROOT, Installed, Json, namespace, run

CONNECTED_GOAL_S = 10.0
WOKEN_WITHIN_S = 90.0
POLL_S = 0.2
SCOUT = {
    "apiVersion": "oblivion.dev/v1alpha1",
    "kind": "Agent",
    "metadata": {"name": "scout"},
    "spec": {
        "description": "Finds things.",
        "aliases": ["@scout"],
        "secretRefs": [{"name": "oblivion-squad-environment"}],
    },
}


@pytest.fixture(scope="module")
def system() -> Iterator[Installed]:
    with namespace("oblivion-e2e-agents") as room:
        ours = "customresourcedefinition.apiextensions.k8s.io/agents.oblivion.dev" not in run(
            "kubectl", "get", "crd", "-o", "name"
        )
        if ours:
            chart = str(ROOT / "helm" / "oblivion-crds")
            run("helm", "install", "oblivion-crds", chart, "-n", "default")
        system = Installed(room)
        system.install({"sandbox": {"enabled": True}, "operator": {"enabled": True}})
        yield system
        system.uninstall()
        if ours:
            run("helm", "uninstall", "oblivion-crds", "-n", "default", "--wait")


def condition(system: Installed, agent: str, kind: str) -> str:
    path = f'jsonpath={{.status.conditions[?(@.type=="{kind}")].status}}'
    return system.namespace.kubectl("get", "agent", agent, "-o", path)


def children(system: Installed, agent: str) -> list[Json]:
    return system.namespace.objects("deploy,sa,networkpolicy,secret,pod", f"oblivion.dev/agent={agent}")


async def until_connected(system: Installed, agent: str, within_s: float) -> float:
    """Seconds until the Agent says that it is connected."""
    began = time.monotonic()
    while await asyncio.to_thread(condition, system, agent, "Connected") != "True":
        assert time.monotonic() - began < within_s, system.namespace.kubectl("describe", "agent", agent)
        await asyncio.sleep(POLL_S)
    return time.monotonic() - began


async def answered(control: SandboxControl, text: str, within_s: float) -> tuple[str, float]:
    """Mention the app in a new thread; the answer, and the seconds it took."""
    channel = (await control.slack.channels())["launch"]
    bot = (await control.slack.app())["bot_user_id"]
    began = time.monotonic()
    root = await control.slack.post(channel, f"<@{bot}> {text}")
    while time.monotonic() - began < within_s:
        for message in await control.slack.messages(channel):
            said = json.dumps(message)
            if (
                message["via"] == "api"
                and message["thread_ts"] == root["ts"]
                and "Processing" not in said
                and re.search(r"cinema", said)
            ):
                return said, time.monotonic() - began
        await asyncio.sleep(POLL_S)
    raise AssertionError(
        f"no answer within {within_s} s: {await control.slack.thread(channel, str(root['ts']))}"
    )


@pytest.mark.timeout(300)
async def test_the_squad_is_there_and_asleep(system: Installed) -> None:
    await system.wait_for_job("connect")
    async with asyncio.timeout(60):
        while True:
            agents = system.namespace.objects("agents.oblivion.dev")
            phases = {each["metadata"]["name"]: each.get("status", {}).get("phase") for each in agents}
            if phases and set(phases.values()) == {"Asleep"}:
                break
            await asyncio.sleep(POLL_S)
    assert {"general", "github", "notion", "analysis", "calendar", "tickets"} <= set(phases)


@pytest.mark.timeout(300)
async def test_a_mention_wakes_an_agent_that_answers(system: Installed) -> None:
    await system.wait_for_job("connect")
    async with system.forward("sandbox") as way, SandboxControl(way.url) as control:
        said, took_s = await answered(
            control, "summarise this thread: the old cinema is free", WOKEN_WITHIN_S
        )
    print(f"woken and answered after {took_s:.1f} s")
    assert "cinema" in said


@pytest.mark.timeout(300)
async def test_an_agent_is_connected_soon_after_apply_and_leaves_nothing(system: Installed) -> None:
    await system.wait_for_job("connect")
    system.namespace.kubectl("apply", "-f", "-", stdin=json.dumps(SCOUT))
    took_s = await until_connected(system, "scout", 60)
    print(f"connected after {took_s:.1f} s")
    system.namespace.kubectl("delete", "agent", "scout", "--wait")
    async with asyncio.timeout(90):
        while left := children(system, "scout"):  # noqa: ASYNC110 - the cluster's garbage collector tells nobody
            await asyncio.sleep(POLL_S)
    assert left == []
    assert took_s < CONNECTED_GOAL_S
