"""A gateway with one tenant in it: an agent and a dispatcher that gives it work, or people who ask."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from oblivion_contracts.agents import ClientSecretIssued
from oblivion_gateway.testing import Desk, TestTenant, World, running_world
from oblivion_gateway.testing_agents import Dispatcher, TestAgent, dispatching
from oblivion_platform.agents import parse_client_id
from oblivion_platform.testing import FreshDatabase


@dataclass
class Office:
    """Where the tests of the sockets take place."""

    world: World
    tenant: TestTenant
    issued: ClientSecretIssued
    dispatcher: Dispatcher
    agents: list[TestAgent] = field(default_factory=list[TestAgent])

    @property
    def agent_id(self) -> UUID:
        client = parse_client_id(self.issued.client_id)
        assert client is not None
        return client.agent_id

    async def agent(self, *, hello: bool = True, world: World | None = None, **more: Any) -> TestAgent:
        """The agent, connected (to another gateway, if given)."""
        agent = TestAgent((world or self.world).base_url)
        self.agents.append(agent)
        await agent.connect(await self.world.agent_token(self.issued))
        if hello:
            assert (await agent.hello(**more)).ok
        return agent


@pytest.fixture
async def new_office(
    database: FreshDatabase, redis_url: str
) -> AsyncGenerator[Callable[..., Awaitable[Office]]]:
    """Opens an office whose gateway has the given settings."""
    from contextlib import AsyncExitStack

    async with AsyncExitStack() as stack:
        offices: list[Office] = []

        async def open_office(**settings: Any) -> Office:
            world = await stack.enter_async_context(running_world(database, redis_url, **settings))
            tenant = await world.new_tenant()
            issued = await world.new_agent(tenant)
            dispatcher = await stack.enter_async_context(dispatching(database, redis_url))
            offices.append(Office(world, tenant, issued, dispatcher))
            return offices[-1]

        yield open_office
        for office in offices:
            for agent in office.agents:
                await agent.close()


@pytest.fixture
async def office(new_office: Callable[..., Awaitable[Office]]) -> Office:
    return await new_office()


@pytest.fixture
async def desk(database: FreshDatabase, redis_url: str) -> AsyncGenerator[Desk]:
    async with running_world(database, redis_url, sse_heartbeat_s=0.2) as world:
        tenant = await world.new_tenant()
        yield Desk(world, tenant, await world.token(tenant, "admin"))


@pytest.fixture
def rows(desk: Desk, database: FreshDatabase) -> Callable[..., str]:
    """Puts a row of the tenant where only other processes put any; returns its id."""

    def put(table: str, **values: Any) -> str:
        row = {"id": str(uuid4()), "tenant_id": str(desk.tenant.id), **values}
        columns, places = ", ".join(row), ", ".join(["%s"] * len(row))
        with psycopg.connect(database.admin_url, autocommit=True) as admin:
            admin.execute(f"INSERT INTO {table} ({columns}) VALUES ({places})", list(row.values()))  # pyright: ignore[reportArgumentType] - names of ours
        return str(row["id"])

    return put


@pytest.fixture
def held_table(database: FreshDatabase) -> Callable[[str], AbstractContextManager[None]]:
    """Holds a table: whoever reads it waits until the block ends."""

    @contextmanager
    def hold(table: str) -> Generator[None]:
        with psycopg.connect(database.admin_url) as admin:
            admin.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")  # pyright: ignore[reportArgumentType] - a name of ours
            yield

    return hold
