"""Tenants stay apart behind a transaction pooler that gives all of them the same server connection."""

import asyncio
import uuid
from collections.abc import Generator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from oblivion_platform.database.engine import Database
from oblivion_platform.database.roles import SERVICE_ROLES
from oblivion_platform.testing.databases import FreshDatabase
from oblivion_platform.testing.pooler import needs_pooler, transaction_pooler

TENANTS = [uuid.uuid4() for _ in range(4)]
# Ingestion sets no tenant; what it does behind a pooler stands with it.
ROLES = [role for role in SERVICE_ROLES if role != "oblivion_ingestion"]
INSERT = "INSERT INTO audit_log (id, tenant_id, actor, action) VALUES (:id, :tenant, 'x', 'y')"

pytestmark = needs_pooler


@pytest.fixture(params=ROLES)
def role(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def pooled_url(database: FreshDatabase, role: str, tmp_path: Path) -> Generator[str]:
    with transaction_pooler(database, role, tmp_path) as url:
        yield url


def give_each_tenant_a_user(database: FreshDatabase) -> None:
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        for tenant in TENANTS:
            admin.execute(
                "INSERT INTO tenants (id, slug, name) VALUES (%s, %s, 'T')", (tenant, tenant.hex[:12])
            )
            admin.execute("INSERT INTO users (id, tenant_id, name) VALUES (%s, %s, 'Ana')", (tenant, tenant))


async def test_interleaved_tenants_share_a_connection_and_never_a_row(
    database: FreshDatabase, pooled_url: str, role: str
) -> None:
    give_each_tenant_a_user(database)
    pooled = Database.connect(pooled_url, pool_size=8, behind_pooler=True)
    await pooled.wait_until_usable(poll_s=0.05)

    async def visible_to(tenant: uuid.UUID) -> list[uuid.UUID]:
        async with pooled.tenant(tenant) as tx:
            return [row.tenant_id for row in await tx.execute(text("SELECT tenant_id FROM users"))]

    async def visible_to_nobody() -> list[uuid.UUID]:
        async with pooled.shared() as tx:
            return [row.tenant_id for row in await tx.execute(text("SELECT tenant_id FROM users"))]

    for _ in range(10):
        seen = await asyncio.gather(*map(visible_to, TENANTS), visible_to_nobody())
        assert seen == [*([tenant] for tenant in TENANTS), []]

    async with pooled.shared() as tx:
        servers = await tx.execute(
            text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        )
        assert servers.scalar() == 1, "the pooler must have shared one server connection"
    await pooled.close()


async def test_interleaved_tenants_write_rows_of_their_own_alone(
    database: FreshDatabase, pooled_url: str
) -> None:
    give_each_tenant_a_user(database)
    pooled = Database.connect(pooled_url, pool_size=8, behind_pooler=True)

    async def refusal(tenant: uuid.UUID, owner: uuid.UUID) -> str | None:
        try:
            async with pooled.tenant(tenant) as tx:
                await tx.execute(text(INSERT), {"id": uuid.uuid4(), "tenant": owner})
        except DBAPIError as refused:
            return str(refused.orig)
        return None

    others = [*TENANTS[1:], TENANTS[0]]
    for _ in range(5):
        own = map(refusal, TENANTS, TENANTS)
        foreign = map(refusal, TENANTS, others)
        refusals = await asyncio.gather(*own, *foreign)
        assert refusals[: len(TENANTS)] == [None] * len(TENANTS)
        assert all("row-level security" in (each or "") for each in refusals[len(TENANTS) :])
    with psycopg.connect(database.admin_url) as admin:
        counts = dict(admin.execute("SELECT tenant_id, count(*) FROM audit_log GROUP BY 1").fetchall())
    assert counts == dict.fromkeys(TENANTS, 5)
    await pooled.close()
