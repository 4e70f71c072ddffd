"""The squad that every system begins with."""

import pytest

from oblivion_platform.testing import eventually

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(300),
    pytest.mark.asyncio(loop_scope="package"),
]
SQUAD = {"general", "notion", "analysis", "calendar", "github", "tickets"}


async def test_all_six_of_the_squad_are_online(world):
    async with world.signed_in() as browser:

        async def online():
            agents = (await browser.get("/api/agents")).json()["items"]
            assert {agent["name"] for agent in agents if agent["online"]} >= SQUAD

        await eventually(online, within_s=60)
