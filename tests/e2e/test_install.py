"""From an empty namespace to a task that travels and a mention that is answered, with default values."""

import asyncio
import re

import httpx
import pytest

from oblivion_cli.adapters.kubectl import Kubectl
from oblivion_cli.demo.questions import Questions
from oblivion_cli.demo.story import Story
from oblivion_cli.doctor.cluster import examine_cluster
from oblivion_cli.doctor.finding import Verdict
from oblivion_sandbox.control import SandboxControl
from tests.e2e.cluster import SANDBOX, Installed, run
from tests.e2e.measured import measured
from tests.e2e.told import Told

READY_GOAL_S = 120.0
FRONT = "http://localhost:8300"
"""Where a system with the sandbox is, once that port is forwarded."""
SERVICES = {"ingestion", "gateway", "router-worker", "mcp-hub", "observer", "operator"}
WOKEN_WITHIN_S = 90.0
"""A step that waits for agents: each of them sleeps until it is asked."""


@pytest.mark.timeout(600)
def test_it_is_ready_without_restarts_with_default_values(default_system: Installed) -> None:
    measured("install to ready", default_system.ready_after_s, "s", READY_GOAL_S)
    assert default_system.ready_after_s < READY_GOAL_S
    assert default_system.restarts() == {}
    assert default_system.charts() == {*SERVICES, "sandbox", "cli", "postgres", "redis"}


@pytest.mark.timeout(300)
async def test_helm_test_passes(default_system: Installed) -> None:
    await default_system.wait_for_job("connect")
    said = await asyncio.to_thread(
        run, "helm", "test", default_system.release, "-n", default_system.namespace.name
    )
    assert said.count("Succeeded") == len(SERVICES | {"sandbox"})


@pytest.mark.timeout(300)
async def test_the_doctor_of_the_cluster_finds_nothing_broken_in_it(default_system: Installed) -> None:
    await default_system.wait_for_job("connect")
    context = (await asyncio.to_thread(run, "kubectl", "config", "current-context")).strip()
    cluster = Kubectl(context, default_system.namespace.name)
    examined = [each async for each in examine_cluster(cluster)]
    broken = [each for each in examined if each.finding.verdict is Verdict.FAILED]
    assert broken == []
    assert {"cluster", "migrations", "workloads", "schema", "redis"} <= {each.check for each in examined}


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
        await Questions(control, told, WOKEN_WITHIN_S).play()
    print(told.lines)
    assert len(told.lines) >= 4


def test_pods_hold_only_the_keys_they_need(default_system: Installed) -> None:
    for pod in default_system.pods("ingestion"):
        names = {each["name"] for each in pod["spec"]["containers"][0]["env"]}
        assert "OBLIVION_SIGNING_KEY" in names
        assert "OBLIVION_MASTER_KEY" not in names
        assert pod["spec"]["automountServiceAccountToken"] is False


@pytest.mark.timeout(120)
async def test_a_one_time_link_signs_in_to_the_page_behind_the_one_port(default_system: Installed) -> None:
    await default_system.wait_for_job("connect")
    link = (await default_system.oblivion("login", "--tenant", "default")).strip()
    assert link.startswith(f"{FRONT}/auth/dev?code=")
    code = {"code": link.partition("=")[2]}
    async with (
        default_system.forward("sandbox", 8300) as way,
        httpx.AsyncClient(base_url=way.url, headers={"Host": FRONT.partition("//")[2]}) as http,
    ):
        stranger = await http.get("/api/me")
        await http.post("/auth/dev", data=code, headers={"Origin": FRONT})
        known = await http.get("/api/me")
        page, slack = await http.get("/"), await http.get("/slack", follow_redirects=True)
    assert (stranger.status_code, known.status_code) == (401, 200)
    assert known.json()["role"] == "admin"
    assert '<div id="root">' in page.text
    assert slack.status_code == 200


@pytest.mark.timeout(120)
async def test_who_asks_for_the_root_gets_the_page(default_system: Installed) -> None:
    async with default_system.forward("observer") as way, httpx.AsyncClient(base_url=way.url) as http:
        index = await http.get("/")
        script = re.search(r'<script type="module"[^>]* src="([^"]+)"', index.text)
        assert script is not None, index.text
        code = await http.get(script[1], headers={"Accept-Encoding": "gzip"})
    assert index.status_code == code.status_code == 200
    assert '<div id="root">' in index.text
    assert code.headers["content-encoding"] == "gzip"
    assert "immutable" in code.headers["cache-control"]


@pytest.mark.timeout(300)
def test_upgrading_changes_no_secret(default_system: Installed) -> None:
    before = default_system.namespace.secret("oblivion-keys", "master-key")
    default_system.install({**SANDBOX, "global": {"logLevel": "debug"}})
    assert default_system.namespace.secret("oblivion-keys", "master-key") == before
    assert default_system.restarts() == {}
