"""A running hub with a tenant in it, for tests: real Postgres, real Redis, real sockets."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID, uuid4

import httpx
import httpx2
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from pydantic import SecretStr
from sqlalchemy import text
from starlette.types import ASGIApp

from oblivion_contracts.agents import AgentDefinition
from oblivion_contracts.connections import ConnectionView, NewConnection
from oblivion_contracts.runs import RunSource
from oblivion_mcp_hub.bootstrap import Hub, running
from oblivion_mcp_hub.settings import Settings
from oblivion_platform import people, runs, sessions
from oblivion_platform.agents import create_agent
from oblivion_platform.crypto import MasterKeyRing, generate_key
from oblivion_platform.database.engine import Database
from oblivion_platform.http_server import serving
from oblivion_platform.runs import Holder, NewRun
from oblivion_platform.sessions import NewSessionRow, Said
from oblivion_platform.testing import FreshDatabase, eventually
from oblivion_platform.tokens import API_AUDIENCE, HUB_AUDIENCE, TokenKeys, Tokens

PUBLIC_URL = "http://localhost:8300"
THIS_MACHINE = "127.0.0.0/8"


@dataclass(frozen=True)
class TestTenant:
    """A tenant with its data key, and one person in each role."""

    __test__ = False
    id: UUID
    people: dict[str, UUID] = field(default_factory=dict[str, UUID])


@dataclass(frozen=True)
class TestRun:
    """A run that an agent holds."""

    __test__ = False
    id: UUID
    agent_id: UUID
    session_id: UUID
    fence: int


@dataclass
class World:
    """A hub under test and what is around it."""

    hub: Hub
    base_url: str
    cli: Database
    worker: Database
    master_keys: MasterKeyRing
    tokens: Tokens
    """As the gateway signs them: the hub itself has no key for that."""

    async def new_tenant(self) -> TestTenant:
        tenant = TestTenant(uuid4())
        key = self.master_keys.new_tenant_key(tenant.id)
        async with self.cli.tenant(tenant.id) as tx:
            await tx.execute(
                text("INSERT INTO tenants (id, slug, name) VALUES (:id, :slug, 'Test')"),
                {"id": tenant.id, "slug": f"t-{uuid4().hex[:8]}"},
            )
            await tx.execute(
                text("INSERT INTO tenant_keys (id, tenant_id, wrapped_key) VALUES (:id, :tenant, :wrapped)"),
                {"id": key.id, "tenant": tenant.id, "wrapped": key.wrapped},
            )
            for role in ("admin", "user", "guest"):
                new = people.NewUser(f"{role} person", role=role)
                tenant.people[role] = (await people.create_user(tx, tenant.id, new)).id
        return tenant

    async def new_agent(self, tenant: TestTenant, *tools: str, **limits: Any) -> UUID:
        definition = AgentDefinition.model_validate({"tools": list(tools), "limits": limits})
        async with self.cli.tenant(tenant.id) as tx:
            return (await create_agent(tx, tenant.id, f"agent-{uuid4().hex[:8]}", definition)).id

    async def new_run(self, tenant: TestTenant, agent_id: UUID, asked_by: str | None = "user") -> TestRun:
        """A run of a question by the person in that role, given to a socket of the agent."""
        user_id = None if asked_by is None else tenant.people[asked_by]
        async with self.worker.tenant(tenant.id) as tx:
            session = await sessions.create(tx, tenant.id, NewSessionRow(RunSource.API, user_id=user_id))
            new = NewRun(
                session_id=session.id,
                source=RunSource.API,
                thread=f"session:{session.id}",
                prompt="do it",
                user_id=user_id,
            )
            await runs.create(tx, tenant.id, new)
            run = await runs.read(tx, new.id)
            assert run is not None  # noqa: S101 - just created
            await runs.route(tx, run, agent_id, "agent", "default")
            change = await runs.assign(tx, new.id, Holder("socket", "gateway"), lease_s=60, deadline_s=600)
            assert change is not None  # noqa: S101 - it was routed
        return TestRun(new.id, agent_id, session.id, change.fence)

    async def say(
        self,
        tenant: TestTenant,
        run: TestRun,
        words: str,
        by: str | None,
        *,
        role: Literal["user", "system"] = "user",
    ) -> None:
        """Somebody says something in the run's conversation; None: somebody whom nobody knows.

        `system`: what steers nobody, and is in the conversation all the same.
        """
        user_id = None if by is None else tenant.people[by]
        said = Said(role, words, RunSource.API, "Somebody", user_id=user_id)
        async with self.worker.tenant(tenant.id) as tx:
            await sessions.append_message(tx, run.session_id, said)

    async def approve(
        self, tenant: TestTenant, run: TestRun, question: str, detail: str, by: str = "user"
    ) -> None:
        async with self.worker.tenant(tenant.id) as tx:
            asked, _ = await runs.ask(tx, run.id, run.fence, uuid4().hex, question, detail)
            user_id = tenant.people[by]
            await runs.answer(tx, asked.id, approved=True, user_id=user_id, name=by, comment="")

    async def run_token(self, tenant: TestTenant, run: TestRun, **claims: Any) -> str:
        more: dict[str, Any] = {"run": str(run.id), "fence": run.fence, **claims}
        subject = f"agent:{run.agent_id}"
        issued = await self.tokens.issue(tenant.id, subject, "run", audience=HUB_AUDIENCE, **more)
        return issued.token

    async def agent_token(self, tenant: TestTenant, agent_id: UUID, audience: str = HUB_AUDIENCE) -> str:
        subject = f"agent:{agent_id}"
        return (await self.tokens.issue(tenant.id, subject, "agent", audience=audience)).token

    async def token(self, tenant: TestTenant, role: str, audience: str = HUB_AUDIENCE) -> str:
        subject = f"user:{tenant.people[role]}"
        return (await self.tokens.issue(tenant.id, subject, role, audience=audience)).token

    async def request(
        self, method: str, path: str, *, token: str | None = None, **options: Any
    ) -> httpx.Response:
        headers = dict(options.pop("headers", {}))
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        async with httpx.AsyncClient(base_url=self.base_url, timeout=30) as client:
            return await client.request(method, path, headers=headers, **options)

    async def connect(self, tenant: TestTenant, **fields: Any) -> ConnectionView:
        """As an admin does over REST."""
        new = NewConnection(**fields)
        body = new.model_dump(mode="json", exclude_none=True)
        if new.secret is not None:
            body["secret"] = new.secret.get_secret_value()
        token = await self.token(tenant, "admin", API_AUDIENCE)
        answer = await self.request("POST", "/connections", token=token, json=body)
        assert answer.status_code == 201, answer.text  # noqa: S101 - a test's own check
        return ConnectionView.model_validate_json(answer.content)

    @asynccontextmanager
    async def client(self, token: str, mode: str = "auto") -> AsyncGenerator[Client]:
        """An MCP client of this token; `mode` is the SDK's."""
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx2.AsyncClient(headers=headers, timeout=30) as http:
            transport = streamable_http_client(f"{self.base_url}/mcp", http_client=http)
            async with Client(transport, mode=mode, cache=None) as client:
                yield client


@asynccontextmanager
async def running_world(database: FreshDatabase, redis_url: str, **changes: Any) -> AsyncGenerator[World]:
    """A hub that is ready; `changes` are settings."""
    values: dict[str, Any] = {
        "database_url": SecretStr(database.url("oblivion_mcp_hub")),
        "redis_url": SecretStr(redis_url),
        "master_key": SecretStr(generate_key()),
        "host": "127.0.0.1",
        "port": 0,
        "public_url": PUBLIC_URL,
        "drain_timeout_s": 2.0,
        "mcp_allowed_networks": THIS_MACHINE,
        **changes,
    }
    settings = Settings(**values)
    cli = Database.connect(database.url("oblivion_cli"), pool_size=4)
    worker = Database.connect(database.url("oblivion_router_worker"), pool_size=4)
    try:
        async with running(settings) as service:
            url = f"http://127.0.0.1:{service.port}"
            master_keys = settings.master_key_ring()
            tokens = Tokens(TokenKeys(cli, master_keys), settings.public_url)
            world = World(service.hub, url, cli, worker, master_keys, tokens)
            await eventually(lambda: service.hub.announcements.listening)
            yield world
    finally:
        await cli.close()
        await worker.close()


@asynccontextmanager
async def served(app: ASGIApp, port: int = 0, host: str = "127.0.0.1") -> AsyncGenerator[str]:
    """An application of a test's own on a socket; gives its address."""
    async with serving(app, host=host, port=port, drain_timeout_s=1.0) as taken:
        yield f"http://{host}:{taken}"


async def listed(client: Client) -> set[str]:
    """Names of the tools that it is offered."""
    return {tool.name for tool in (await client.list_tools()).tools}
