"""A world with one tenant, one Slack team and one ClickUp webhook, and ingestion running in it."""

from collections.abc import AsyncIterator

import pytest

from oblivion_ingestion.testing import Running, World, connected_world, served
from oblivion_platform.testing import FreshDatabase


@pytest.fixture
def world(database: FreshDatabase, redis_url: str) -> World:
    return connected_world(database, redis_url)


@pytest.fixture
async def service(world: World) -> AsyncIterator[Running]:
    async with served(world.settings()) as started:
        yield started
