"""The schema's migrations, up and down and with rows in it, on a real Postgres."""

import asyncio
import os
import sys
import uuid

import psycopg
import pytest

from oblivion_platform.database.engine import Database, SchemaBehind
from oblivion_platform.database.migrate import HEAD, downgrade, upgrade
from oblivion_platform.testing.databases import FreshDatabase

A, B = uuid.UUID(int=0xA), uuid.UUID(int=0xB)


async def test_migrations_that_start_at_once_wait_for_each_other(database: FreshDatabase) -> None:
    downgrade(database.owner_url)
    migrate = (sys.executable, "-m", "oblivion_platform.database.migrate", "upgrade")
    env = os.environ | {"OBLIVION_DATABASE_URL": database.owner_url}
    started = [await asyncio.create_subprocess_exec(*migrate, env=env) for _ in range(3)]
    assert [await each.wait() for each in started] == [0, 0, 0]
    with psycopg.connect(database.admin_url) as admin:
        assert admin.execute("SELECT version_num FROM alembic_version").fetchall() == [(HEAD,)]


async def test_migrations_go_down_and_up_again_and_a_service_sees_the_difference(
    database: FreshDatabase,
) -> None:
    service = Database.connect(database.url("oblivion_router_worker"))
    await service.check_schema()
    downgrade(database.owner_url)
    with pytest.raises(SchemaBehind, match=f"needs {HEAD}"):
        await service.check_schema()
    upgrade(database.owner_url)
    upgrade(database.owner_url)
    await service.check_schema()
    await service.close()


def test_of_tenants_that_share_an_app_the_oldest_that_is_active_goes_on_answering(
    database: FreshDatabase,
) -> None:
    downgrade(database.owner_url, "0010")
    shared = ("slack", "T1", "A1")
    rows = [
        # (tenant, made on this day, state, whose app, whether it answers afterwards)
        (1, 1, "disabled", shared, True),
        (2, 3, "active", shared, False),
        (3, 2, "active", shared, True),
        (4, 4, "active", shared, False),
        (5, 5, "active", ("slack", "T2", "A1"), True),
        (6, 6, "active", ("slack", "T1", "A2"), True),
        (7, 7, "active", ("clickup", "T1", None), True),
        (8, 8, "active", ("clickup", "T1", None), True),
    ]
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        for number, day, state, (source, team, app), _ in rows:
            tenant = uuid.UUID(int=number)
            admin.execute("INSERT INTO tenants (id, slug, name) VALUES (%s, %s, 'T')", (tenant, f"t{number}"))
            admin.execute(
                "INSERT INTO integrations (id, tenant_id, source, external_id, app_id, state, created_at)"
                " VALUES (%s, %s, %s, %s, %s, %s, make_date(2026, 1, %s))",
                (tenant, tenant, source, team, app, state, day),
            )
        upgrade(database.owner_url)
        answers = admin.execute("SELECT id, answers FROM integrations ORDER BY id").fetchall()
        assert answers == [(uuid.UUID(int=number), kept) for number, *_, kept in rows]
        forced = "SELECT relforcerowsecurity FROM pg_class WHERE oid = 'integrations'::regclass"
        assert admin.execute(forced).fetchone() == (True,)
        with pytest.raises(psycopg.errors.UniqueViolation, match="integrations_one_answers"):
            admin.execute("UPDATE integrations SET answers = true WHERE id = %s", (uuid.UUID(int=2),))
        downgrade(database.owner_url, "0010")
        columns = "SELECT count(*) FROM information_schema.columns WHERE column_name = 'answers'"
        assert admin.execute(columns).fetchone() == (0,)
    upgrade(database.owner_url)


def test_another_tenants_hold_on_an_app_is_noticed_without_seeing_it(database: FreshDatabase) -> None:
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        for tenant in (A, B):
            admin.execute("INSERT INTO tenants (id, slug, name) VALUES (%s, %s, 'T')", (tenant, str(tenant)))
    with psycopg.connect(database.url("oblivion_cli")) as conn:
        insert = (
            "INSERT INTO integrations (id, tenant_id, source, external_id, app_id, answers)"
            " VALUES (gen_random_uuid(), %s, 'slack', 'T1', 'A1', %s)"
        )

        def connect(tenant: uuid.UUID, *, answers: bool) -> None:
            with conn.transaction():
                conn.execute("SELECT set_config('oblivion.tenant', %s, true)", (str(tenant),))
                conn.execute(insert, (tenant, answers))
                assert conn.execute("SELECT count(*) FROM integrations").fetchone() == (1,)

        connect(A, answers=True)
        with pytest.raises(psycopg.errors.UniqueViolation, match="integrations_one_answers"):
            connect(B, answers=True)
        connect(B, answers=False)


async def test_a_schema_that_is_still_closed_is_behind(database: FreshDatabase) -> None:
    async with await psycopg.AsyncConnection.connect(database.admin_url, autocommit=True) as admin:
        await admin.execute("REVOKE USAGE ON SCHEMA public FROM oblivion_gateway")
    service = Database.connect(database.url("oblivion_gateway"), pool_size=1)
    try:
        with pytest.raises(SchemaBehind):
            await service.check_schema()
    finally:
        await service.close()
