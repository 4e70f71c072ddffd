"""A pool of which one connection is spared for single statements, on a real Postgres."""

import asyncio
import uuid

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import InvalidRequestError

from oblivion_platform.database.engine import Database, driver_of
from oblivion_platform.errors import DependencyUnavailable
from oblivion_platform.testing import eventually
from oblivion_platform.testing.databases import FreshDatabase

A, B = uuid.UUID(int=0xA), uuid.UUID(int=0xB)


@pytest.fixture(scope="module")
def filled(module_database: FreshDatabase) -> FreshDatabase:
    """Two tenants, with a user each."""
    with psycopg.connect(module_database.admin_url, autocommit=True) as admin:
        for tenant in (A, B):
            admin.execute(
                "INSERT INTO tenants (id, slug, name) VALUES (%s, %s, 'T')", (tenant, f"t{tenant.int}")
            )
            admin.execute("INSERT INTO users (id, tenant_id, name) VALUES (%s, %s, 'Ana')", (tenant, tenant))
    return module_database


def _connections(filled: FreshDatabase) -> int:
    with psycopg.connect(filled.admin_url, autocommit=True) as admin:
        found = admin.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE usename = 'oblivion_router_worker' AND datname = current_database()"
        ).fetchone()
    return found[0] if found else 0


async def test_more_who_ask_than_connections_are_served_one_after_the_other(filled: FreshDatabase) -> None:
    database = Database.connect(filled.url("oblivion_router_worker"), pool_size=2, spares_one=True)

    async def in_transaction() -> uuid.UUID:
        async with database.tenant(A) as tx:
            return (await tx.execute(text("SELECT tenant_id FROM users"))).scalar_one()

    async def at_once() -> uuid.UUID:
        (row,) = await database.once(B, "SELECT tenant_id FROM users", {})
        return row.tenant_id

    found = await asyncio.gather(*(each() for each in (in_transaction, at_once) * 10))
    assert found == [A, B] * 10
    await database.close()
    await eventually(lambda: _connections(filled) == 0)


async def test_a_transaction_kept_longer_than_its_block_is_over(filled: FreshDatabase) -> None:
    database = Database.connect(filled.url("oblivion_router_worker"), pool_size=1, spares_one=True)
    async with database.tenant(A) as kept:
        pass
    async with database.tenant(B) as tx:
        with pytest.raises(RuntimeError, match="has ended"):
            driver_of(kept)
        with pytest.raises(InvalidRequestError):
            await kept.execute(text("SELECT 1"))
        assert (await tx.execute(text("SELECT tenant_id FROM users"))).scalar_one() == B
    await database.close()


async def test_after_postgres_ended_all_connections_one_failure_tells_of_all_of_them(
    filled: FreshDatabase,
) -> None:
    database = Database.connect(filled.url("oblivion_router_worker"), pool_size=3, spares_one=True)
    statement = "SELECT tenant_id FROM users"
    all_begun = asyncio.Barrier(3)

    async def transaction() -> None:
        async with database.tenant(A):
            await all_begun.wait()

    await asyncio.gather(*(transaction() for _ in range(3)))
    with psycopg.connect(filled.admin_url, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            " WHERE usename = 'oblivion_router_worker' AND datname = current_database()"
        )
    with pytest.raises(DependencyUnavailable):
        await database.once(A, statement, {})
    for _ in range(3):
        async with database.tenant(A) as tx:
            (row,) = await database.once(B, statement, {})
            assert row.tenant_id == B
            assert (await tx.execute(text(statement))).scalar_one() == A
    await database.close()


async def test_a_statement_whose_caller_was_cancelled_leaves_its_connection_usable(
    filled: FreshDatabase,
) -> None:
    database = Database.connect(filled.url("oblivion_router_worker"), pool_size=1, spares_one=True)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await database.once(A, "SELECT pg_sleep(30)", {})
        (row,) = await database.once(B, "SELECT tenant_id FROM users", {})
        assert row.tenant_id == B
    await database.close()
