"""Two tenants on one cluster: neither sees the other's agents, events, runs, sessions or work."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from oblivion_contracts.agent_socket import TaskAssigned
from oblivion_gateway.testing_agents import TestAgent, about
from oblivion_platform.testing import eventually
from oblivion_sandbox.control import SandboxControl
from tests.e2e.cluster import Installed

LISTINGS = (
    "agents", "runs", "sessions", "events", "mappings", "users", "workflows", "audit", "approvals",
    "credentials", "dead-letters", "routes/decisions", "routes/rules",
)  # fmt: skip
IDENTITY = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
ADMIN_TOKEN = (Path(__file__).parent / "admin_token.py").read_text()
EVENT_WITHIN_S = 60.0


@dataclass
class Tenant:
    """Its admin over REST, and one agent of it that is connected."""

    slug: str
    http: httpx.AsyncClient
    agent: TestAgent
    agent_name: str

    async def ask(self, words: str) -> tuple[str, str]:
        """Begin a session with the agent; the ids of the session and of its run."""
        begun = await self.http.post("/api/sessions", json={"title": words, "agent": self.agent_name})
        session_id = begun.json()["id"]
        message = {"text": words, "agent": self.agent_name}
        said = await self.http.post(f"/api/sessions/{session_id}/messages", json=message)
        return session_id, said.json()["run_id"]

    async def everything(self) -> dict[str, str]:
        """What each listing says."""
        answers = {path: await self.http.get(f"/api/{path}") for path in LISTINGS}
        assert {path: answer.status_code for path, answer in answers.items() if answer.is_error} == {}
        return {path: answer.text for path, answer in answers.items()}


@asynccontextmanager
async def tenant(system: Installed, base_url: str, slug: str, agent_name: str) -> AsyncGenerator[Tenant]:
    command = ("exec", "deploy/oblivion-cli", "--", "python", "-c", ADMIN_TOKEN, slug)
    token = (await asyncio.to_thread(system.namespace.kubectl, *command)).strip()
    made = json.loads(await system.oblivion("agents", "create", agent_name, "--tenant", slug, "--json"))
    agent = TestAgent(base_url)
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=base_url, headers=headers, timeout=30) as http:
        await agent.connect(await agent_token(http, made))
        await agent.hello()
        try:
            yield Tenant(slug, http, agent, agent_name)
        finally:
            await agent.close()


async def agent_token(http: httpx.AsyncClient, made: dict[str, Any]) -> str:
    wish = {"client_id": made["AGENT_ID"], "client_secret": made["AGENT_SECRET"]}
    answer = await http.post("/auth/token", data={"grant_type": "client_credentials", **wish})
    return answer.json()["access_token"]


@pytest.mark.timeout(300)
async def test_neither_tenant_sees_or_hears_anything_of_the_other(default_system: Installed) -> None:
    system = default_system
    await system.wait_for_job("connect")
    await system.oblivion("tenants", "create", "other")
    await system.oblivion("mappings", "link", "Launch", "#launch", "--tenant", "default")
    async with AsyncExitStack() as stack:
        way = await stack.enter_async_context(system.forward("gateway"))
        first = await stack.enter_async_context(tenant(system, way.url, "default", "scout-of-the-first"))
        second = await stack.enter_async_context(tenant(system, way.url, "other", "scout-of-the-second"))
        await write_in_slack(system)
        session, run = await first.ask("the zebra of the first")
        _, other_run = await second.ask("the okapi of the second")
        await first.agent.next(TaskAssigned, within_s=EVENT_WITHIN_S)
        assigned = await second.agent.next(TaskAssigned, within_s=EVENT_WITHIN_S)
        work = {"prompt": "spy", "agent": "scout-of-the-first"}
        handed_on = await second.agent.call(
            "task.delegate", {**about(assigned), "key": "k", "delegation": work}
        )
        await eventually(lambda: has_events(first), within_s=EVENT_WITHIN_S)
        of_first, of_second = await first.everything(), await second.everything()
        refused = [
            (await second.http.get(path)).status_code
            for path in (f"/api/sessions/{session}", f"/api/runs/{run}", f"/api/jobs/{run}/status")
        ]

    assert handed_on.problem is not None
    assert handed_on.problem.code == "agent_unknown"
    assert refused == [404, 404, 404]
    # What is not acknowledged is told again.
    assert {str(each.run_id) for each in first.agent.heard(TaskAssigned)} == {run}
    assert {str(each.run_id) for each in second.agent.heard(TaskAssigned)} == {other_run}
    for path in ("agents", "runs", "sessions", "events", "mappings", "users"):
        assert IDENTITY.search(of_first[path]), path
    told = set(IDENTITY.findall(" ".join(of_first.values())))
    also_told = set(IDENTITY.findall(" ".join(of_second.values())))
    assert told & also_told == set()
    assert "zebra" in of_first["sessions"]
    assert "okapi" in of_second["sessions"]
    assert [path for path, text in of_second.items() if "zebra" in text or "of-the-first" in text] == []
    assert [path for path, text in of_first.items() if "okapi" in text or "of-the-second" in text] == []


async def write_in_slack(system: Installed) -> None:
    """The sandbox is connected to the first tenant alone."""
    async with system.forward("sandbox") as way, SandboxControl(way.url) as control:
        await control.slack.post((await control.slack.channels())["launch"], "the giraffe of the first")


async def has_events(of: Tenant) -> None:
    assert IDENTITY.search((await of.http.get("/api/events")).text)
