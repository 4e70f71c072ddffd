"""An installation is led through its first steps, each of which is looked at as it is."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from oblivion_gateway.testing import Desk
from oblivion_gateway.testing_agents import TestAgent
from oblivion_platform.testing import FreshDatabase, eventually


@pytest.fixture
def sql(database: FreshDatabase) -> Callable[..., None]:
    def run(statement: str, *values: Any) -> None:
        with psycopg.connect(database.admin_url, autocommit=True) as admin:
            admin.execute(statement, values)  # pyright: ignore[reportArgumentType]

    return run


@pytest.fixture
def workspaces(desk: Desk, sql: Callable[..., None]) -> dict[str, str]:
    """One of each, connected by another process."""
    ids = {source: str(uuid4()) for source in ("slack", "clickup")}
    for source, row in ids.items():
        sql(
            "INSERT INTO integrations (id, tenant_id, source, external_id, name) VALUES (%s, %s, %s, %s, %s)",
            *(row, desk.tenant.id, source, f"of {source}", "Launch"),
        )
    return ids


async def steps(desk: Desk) -> dict[str, tuple[str, str]]:
    answer = await desk.get("/api/setup")
    assert answer.status_code == 200, answer.text
    return {step["name"]: (step["state"], step["sentence"]) for step in answer.json()["items"]}


async def test_an_empty_installation_says_what_is_to_be_done(desk: Desk) -> None:
    found = (await desk.get("/api/setup")).json()["items"]
    assert [step["name"] for step in found] == ["slack", "clickup", "link", "agent", "first_run"]
    assert {step["state"] for step in found} == {"open"}
    assert (found[0]["sentence"], found[0]["fix"]) == (
        "No Slack workspace is connected.",
        "oblivion slack connect",
    )


async def test_a_workspace_whose_token_is_refused_fails_and_says_so(
    desk: Desk, workspaces: dict[str, str], sql: Callable[..., None]
) -> None:
    assert (await steps(desk))["clickup"] == ("done", "Launch is connected.")
    health = json.dumps({"status": "token_refused", "detail": "ClickUp does not accept the token."})
    sql("UPDATE integrations SET health = %s WHERE id = %s", health, workspaces["clickup"])
    found = await steps(desk)
    assert found["clickup"] == ("failing", "Launch: ClickUp does not accept the token.")
    assert found["slack"][0] == "done"


async def test_a_link_is_a_step_and_its_problem_is_told(
    desk: Desk, workspaces: dict[str, str], sql: Callable[..., None]
) -> None:
    new = {
        "clickup_integration_id": workspaces["clickup"],
        "clickup_list_id": "901",
        "slack_integration_id": workspaces["slack"],
        "slack_channel_id": "C0LAUNCH",
    }
    await desk.post("/api/mappings", new)
    assert (await steps(desk))["link"] == ("done", "One list is linked to a channel.")
    for message in ("Oblivion is not in the channel.", "Oblivion is not in the channel"):
        sql("UPDATE project_mappings SET problem = %s", json.dumps({"code": "x", "message": message}))
        assert (await steps(desk))["link"] == ("failing", "Oblivion is not in the channel.")


async def test_an_agent_counts_once_it_is_online(desk: Desk) -> None:
    issued = await desk.world.new_agent(desk.tenant)
    assert (await steps(desk))["agent"] == ("open", "None of 1 agents is online.")
    agent = TestAgent(desk.world.base_url)
    try:
        await agent.connect(await desk.world.agent_token(issued))
        assert (await agent.hello()).ok

        async def online() -> None:
            assert (await steps(desk))["agent"] == ("done", "1 of 1 agents online.")

        await eventually(online)
    finally:
        await agent.close()


async def test_the_first_answer_ends_the_first_steps(desk: Desk, sql: Callable[..., None]) -> None:
    run = await desk.new_run()
    assert (await steps(desk))["first_run"][0] == "open"
    await desk.finish(run)
    assert (await steps(desk))["first_run"] == ("failing", "Nobody is there.")
    sql("UPDATE runs SET state = 'succeeded', failure = NULL, result = 'yes' WHERE id = %s", run)
    assert (await steps(desk))["first_run"] == ("done", "An agent has answered.")
