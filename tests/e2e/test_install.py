"""From an empty namespace to a task that travels and a mention that is answered, with default values."""

import asyncio
import json

import pytest

from oblivion_cli.demo.questions import Questions
from oblivion_cli.demo.story import Story
from oblivion_sandbox.control import SandboxControl
from tests.e2e.cluster import SANDBOX, CommandFailed, Installed, run

READY_GOAL_S = 120.0


class Told:
    """Keeps what a story tells."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, float]] = []

    def done(self, what: str, took_s: float) -> None:
        self.lines.append((what, took_s))


@pytest.mark.timeout(600)
def test_it_is_ready_without_restarts_with_default_values(default_system: Installed) -> None:
    print(f"ready after {default_system.ready_after_s:.0f} s")
    assert default_system.ready_after_s < READY_GOAL_S
    assert default_system.restarts() == {}
    charts = {pod["metadata"]["labels"]["app.kubernetes.io/name"] for pod in default_system.pods()}
    assert charts >= {"ingestion", "gateway", "router-worker", "sandbox", "postgres", "redis", "cli"}


@pytest.mark.timeout(300)
async def test_helm_test_passes(default_system: Installed) -> None:
    await default_system.wait_for_job("connect")
    said = await asyncio.to_thread(
        run, "helm", "test", default_system.release, "-n", default_system.namespace.name
    )
    assert said.count("Succeeded") >= 4


@pytest.mark.timeout(300)
async def test_a_task_travels_to_slack_and_back(default_system: Installed) -> None:
    await default_system.wait_for_job("connect")
    await default_system.oblivion("mappings", "link", "Launch", "#launch", "--tenant", "default")
    told = Told()
    async with default_system.forward("sandbox") as way, SandboxControl(way.url) as control:
        await Story(control, way.url, told).play()
    assert len(told.lines) >= 8


@pytest.mark.timeout(300)
async def test_a_mention_is_answered_by_an_agents_pod(default_system: Installed) -> None:
    await default_system.wait_for_job("connect")
    await default_system.oblivion("mappings", "link", "Launch", "#launch", "--tenant", "default")
    told = Told()
    async with default_system.forward("sandbox") as way, SandboxControl(way.url) as control:
        await Questions(control, told).play()
    print(told.lines)
    assert len(told.lines) >= 4


def test_pods_hold_only_the_keys_they_need(default_system: Installed) -> None:
    for pod in default_system.pods("ingestion"):
        names = {each["name"] for each in pod["spec"]["containers"][0]["env"]}
        assert "OBLIVION_SIGNING_KEY" in names
        assert "OBLIVION_MASTER_KEY" not in names
        assert pod["spec"]["automountServiceAccountToken"] is False


def test_idle_memory_stays_within_the_goals(default_system: Installed) -> None:
    goals_mib = {"ingestion": 90, "gateway": 220, "router-worker": 220, "squad": 250}
    used = _memory_mib(default_system)
    print(json.dumps(used, indent=2))
    over = {chart: used[chart] for chart, goal in goals_mib.items() if used.get(chart, 0) > goal}
    assert over == {}


@pytest.mark.timeout(300)
def test_upgrading_changes_no_secret(default_system: Installed) -> None:
    before = default_system.namespace.secret("oblivion-keys", "master-key")
    default_system.install({**SANDBOX, "global": {"logLevel": "debug"}})
    assert default_system.namespace.secret("oblivion-keys", "master-key") == before
    assert default_system.restarts() == {}


def _memory_mib(system: Installed) -> dict[str, float]:
    """Working set by chart, as `kubectl top` has it; empty where the cluster has no metrics."""
    try:
        said = system.namespace.kubectl("top", "pods", "--no-headers")
    except CommandFailed:
        return {}
    charts = {
        pod["metadata"]["name"]: pod["metadata"]["labels"]["app.kubernetes.io/name"] for pod in system.pods()
    }
    rows = [line.split() for line in said.splitlines()]
    return {charts[row[0]]: float(row[2].removesuffix("Mi")) for row in rows if row[0] in charts}
