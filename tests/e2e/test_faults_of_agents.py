"""The same where agents are pods of the operator: killed, left without it, and upgraded around them."""

import asyncio
from collections.abc import Iterator

import pytest

from oblivion_platform.testing import eventually
from tests.e2e.cluster import Installed, namespace
from tests.e2e.test_faults import SETTLED_WITHIN_S, quick, rolled, suffer

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

PARTS = ("operator", "agent")
"""`agent` is the pods of all of the squad."""
ROLLED = ("ingestion", "router-worker", "gateway", "mcp-hub", "observer", "operator")
AWAKE: dict[str, object] = quick(operator={"enabled": True}, squad={"agentReplicas": 1})
"""The squad as Agents, each of which runs."""
UPGRADED: dict[str, object] = {
    **rolled(AWAKE),
    "operator": {"enabled": True, "settings": {"OBLIVION_DEMAND_EVERY_S": "1.5"}},
    "squad": {"agentReplicas": 1},
}


@pytest.fixture(scope="module")
def operated(agent_resource: None) -> Iterator[Installed]:
    with namespace("oblivion-e2e-operated") as room:
        system = Installed(room)
        system.install(AWAKE)
        yield system


@pytest.mark.parametrize("part", PARTS)
async def test_agents_that_are_pods_outlive_what_is_killed_with_nothing_lost_or_doubled(
    operated: Installed, part: str
) -> None:
    async def kill(system: Installed) -> None:
        killed = await system.kill(part)
        assert killed
        await system.gone(part, killed)
        await until_online(system)

    await until_online(operated)
    verdict = await suffer(operated, kill)
    assert verdict.clean, verdict


async def test_an_upgrade_where_agents_are_pods_loses_and_doubles_nothing(operated: Installed) -> None:
    """Everything rolls but the agents, the operator too; they connect to the new gateway by themselves."""
    before = {part: await operated.pods_of(part) for part in ROLLED}

    async def upgrade(system: Installed) -> None:
        await asyncio.to_thread(system.install, UPGRADED)
        for part in ROLLED:
            await system.settled(part, without=before[part])
        await until_online(system)

    await until_online(operated)
    verdict = await suffer(operated, upgrade)
    assert verdict.clean, verdict


async def until_online(system: Installed) -> None:
    """All of the squad are connected."""

    async def online() -> None:
        found = await asyncio.to_thread(system.namespace.objects, "agents.oblivion.dev")
        assert found
        assert [each["metadata"]["name"] for each in found if not each.get("status", {}).get("online")] == []

    await eventually(online, within_s=SETTLED_WITHIN_S)
