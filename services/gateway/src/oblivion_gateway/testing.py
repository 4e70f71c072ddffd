"""A running gateway with a tenant in it, for tests: real Postgres, real Redis, a real socket."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx
from pydantic import SecretStr
from sqlalchemy import text

from oblivion_contracts.agents import AgentDefinition, ClientSecretIssued
from oblivion_contracts.runs import RunFailure
from oblivion_gateway.bootstrap import Gateway, running
from oblivion_gateway.settings import Settings
from oblivion_platform import people, runs
from oblivion_platform.agents import ClientId, SecretHasher, create_agent, issue_secret
from oblivion_platform.crypto import MasterKeyRing, generate_key
from oblivion_platform.database.engine import Database
from oblivion_platform.testing import FreshDatabase, eventually

PUBLIC_URL = "http://localhost:8300"


@dataclass(frozen=True)
class TestTenant:
    """A tenant with its data key, and one person in each role."""

    __test__ = False
    id: UUID
    slug: str
    people: dict[str, UUID] = field(default_factory=dict[str, UUID])
    """Role → user; `operator` is a user who is an operator too."""


@dataclass
class World:
    """A gateway under test and what is around it."""

    gateway: Gateway
    base_url: str
    database: Database
    """As the command line's role."""
    master_keys: MasterKeyRing
    settings: Settings

    async def new_tenant(self) -> TestTenant:
        tenant = TestTenant(uuid4(), f"t-{uuid4().hex[:8]}")
        key = self.master_keys.new_tenant_key(tenant.id)
        async with self.database.tenant(tenant.id) as tx:
            await tx.execute(
                text("INSERT INTO tenants (id, slug, name) VALUES (:id, :slug, 'Test')"),
                {"id": tenant.id, "slug": tenant.slug},
            )
            await tx.execute(
                text("INSERT INTO tenant_keys (id, tenant_id, wrapped_key) VALUES (:id, :tenant, :wrapped)"),
                {"id": key.id, "tenant": tenant.id, "wrapped": key.wrapped},
            )
            for role in ("admin", "user", "guest"):
                new = people.NewUser(f"{role} person", role=role)
                tenant.people[role] = (await people.create_user(tx, tenant.id, new)).id
            operator = await people.create_user(tx, tenant.id, people.NewUser("operator person"))
            await tx.execute(text("UPDATE users SET is_operator = true WHERE id = :id"), {"id": operator.id})
            tenant.people["operator"] = operator.id
        return tenant

    async def new_agent(self, tenant: TestTenant, name: str = "fixer") -> ClientSecretIssued:
        async with self.database.tenant(tenant.id) as tx:
            agent = await create_agent(tx, tenant.id, name, AgentDefinition())
            hasher = SecretHasher(self.master_keys)
            return await issue_secret(tx, hasher, ClientId(tenant.id, agent.id))

    async def token(self, tenant: TestTenant, role: str) -> str:
        """A token of the tenant's person in `role`."""
        issued = await self.gateway.tokens.issue(tenant.id, f"user:{tenant.people[role]}", role)
        return issued.token

    async def cookie(self, tenant: TestTenant, role: str) -> str:
        async with self.database.tenant(tenant.id) as tx:
            return await people.open_session(tx, tenant.id, tenant.people[role])

    async def agent_token(self, issued: ClientSecretIssued) -> str:
        answer = await self.request(
            "POST",
            "/auth/token",
            data={"client_id": issued.client_id, "client_secret": issued.client_secret},
        )
        return str(answer.json()["access_token"])

    async def request(
        self, method: str, path: str, *, token: str | None = None, **options: Any
    ) -> httpx.Response:
        headers = dict(options.pop("headers", {}))
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        async with httpx.AsyncClient(base_url=self.base_url, timeout=30) as client:
            return await client.request(method, path, headers=headers, **options)


@asynccontextmanager
async def running_world(database: FreshDatabase, redis_url: str, **changes: Any) -> AsyncGenerator[World]:
    """A gateway that is ready; `changes` are settings."""
    master_key = changes.pop("master_key", None) or SecretStr(generate_key())
    values: dict[str, Any] = {
        "database_url": SecretStr(database.url("oblivion_gateway")),
        "redis_url": SecretStr(redis_url),
        "master_key": master_key,
        "host": "127.0.0.1",
        "port": 0,
        "public_url": PUBLIC_URL,
        "drain_timeout_s": 2.0,
        **changes,
    }
    unknown = values.keys() - Settings.model_fields.keys()
    if unknown:
        raise TypeError(f"no settings of the gateway: {', '.join(sorted(unknown))}")
    settings = Settings(**values)
    cli = Database.connect(database.url("oblivion_cli"), pool_size=4)
    try:
        async with running(settings) as service:
            world = World(
                service.gateway,
                f"http://127.0.0.1:{service.port}",
                cli,
                settings.master_key_ring(),
                settings,
            )
            await eventually(lambda: service.gateway.announcements.listening)
            yield world
    finally:
        await cli.close()


@dataclass
class Desk:
    """A world, a tenant, and its admin's token."""

    world: World
    tenant: TestTenant
    admin: str

    async def post(self, path: str, body: dict[str, Any] | None = None, **options: Any) -> httpx.Response:
        return await self.world.request("POST", path, token=self.admin, json=body or {}, **options)

    async def get(self, path: str, **options: Any) -> httpx.Response:
        return await self.world.request("GET", path, token=self.admin, **options)

    async def new_run(self) -> str:
        session = (await self.post("/api/sessions")).json()["id"]
        said = await self.post(f"/api/sessions/{session}/messages", {"text": "hello"})
        return said.raise_for_status().json()["run_id"]

    async def finish(self, run: str) -> None:
        """The run is over, as when nobody is there to work on it."""
        failure = RunFailure(code="no_agent", message="Nobody is there.")
        async with self.world.gateway.database.tenant(self.tenant.id) as tx:
            change = await runs.give_up(tx, UUID(run), failure)
        signals = runs.RunSignals(self.world.settings.redis_url.get_secret_value())
        if change is not None:
            await signals.changed(self.tenant.id, change)
        await signals.close()
