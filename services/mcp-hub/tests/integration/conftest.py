"""A hub with a tenant, and a tool server of the tests' own that does as it is told."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from mcp.client.client import Client

from oblivion_contracts.connections import ConnectionView
from oblivion_mcp_hub.adapters.kept_open import KeptOpen
from oblivion_mcp_hub.testing import TestTenant, World, running_world
from oblivion_mcp_hub.testing_upstream import Upstream, running_upstream
from oblivion_platform.testing import FreshDatabase


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    async with running_upstream() as made:
        yield made


NewWorld = Callable[..., Awaitable[World]]


@pytest.fixture
async def new_world(database: FreshDatabase, redis_url: str) -> AsyncIterator[NewWorld]:
    """Starts a hub with the given settings."""
    async with AsyncExitStack() as stack:

        async def start(**settings: Any) -> World:
            redis = settings.pop("redis_url", redis_url)
            return await stack.enter_async_context(running_world(database, redis, **settings))

        yield start


@pytest.fixture
def patience_s() -> float:
    """How long tool servers may take. Tests in which one hangs on purpose: `parametrize("patience_s", …)`."""
    return 20.0


@pytest.fixture
async def world(new_world: NewWorld, patience_s: float) -> World:
    return await new_world(
        tool_call_timeout_s=patience_s, tool_list_timeout_s=patience_s, tool_server_retry_s=0.1
    )


@pytest.fixture
async def tenant(world: World) -> TestTenant:
    return await world.new_tenant()


@pytest.fixture
async def wiki(world: World, tenant: TestTenant, upstream: Upstream) -> ConnectionView:
    """The tool server, connected and trusted."""
    return await world.connect(tenant, name="wiki", url=upstream.url, is_trusted=True)


@pytest.fixture
async def client(world: World, tenant: TestTenant) -> AsyncIterator[Client]:
    """Of somebody of the tenant."""
    token = await world.token(tenant, "user")
    # Held by one task: pytest enters and leaves fixtures in tasks of their own.
    kept = KeptOpen(lambda: world.client(token), drain_s=1.0)
    async with kept.use() as opening:
        yield opening.thing
    await kept.close()
