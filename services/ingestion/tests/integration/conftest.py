"""A world with one tenant, one Slack team and one ClickUp webhook, and ingestion running in it."""

from collections.abc import AsyncIterator

import pytest

from oblivion_ingestion.testing import (
    APP,
    CLICKUP_SECRET,
    SLACK_SECRET,
    TEAM,
    WEBHOOK,
    Running,
    World,
    served,
)
from oblivion_platform.testing import FreshDatabase


@pytest.fixture
def world(database: FreshDatabase, redis_url: str) -> World:
    made = World(database, redis_url)
    made.add_integration(made.slack, "slack", TEAM, made.tenant)
    made.add_integration(made.clickup, "clickup", "9001", made.tenant)
    made.add_secret(f"slack:{APP}:{TEAM}", SLACK_SECRET, made.slack)
    made.add_secret(f"clickup:{WEBHOOK}", CLICKUP_SECRET, made.clickup)
    return made


@pytest.fixture
async def service(world: World) -> AsyncIterator[Running]:
    async with served(world.settings()) as started:
        yield started
