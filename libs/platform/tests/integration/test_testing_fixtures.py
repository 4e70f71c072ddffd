"""The fixtures that other tests stand on."""

from pathlib import Path

import psycopg
import pytest
import redis.asyncio

from oblivion_platform.testing import FreshDatabase, eventually
from oblivion_platform.testing.servers import (
    POSTGRES_VARIABLE,
    REDIS_VARIABLE,
    docker_answers,
    postgres_server,
    redis_server,
)

pytestmark = pytest.mark.integration


async def test_each_role_reaches_its_fresh_database(database: FreshDatabase) -> None:
    for role in ("oblivion_owner", "oblivion_ingestion", "oblivion_router_worker", "oblivion_cli"):
        async with await psycopg.AsyncConnection.connect(database.url(role)) as connection:
            row = await (await connection.execute("SELECT current_user, current_database()")).fetchone()
        assert row == (role, database.name)


async def test_a_fresh_database_is_migrated_and_closed_to_the_public(database: FreshDatabase) -> None:
    async with await psycopg.AsyncConnection.connect(database.owner_url) as connection:
        found = await (await connection.execute("SELECT to_regclass('tenants')")).fetchone()
        rights = await connection.execute(
            "SELECT 1 FROM pg_database, aclexplode(datacl) AS acl WHERE datname = %s AND acl.grantee = 0",
            (database.name,),
        )
        assert found == ("tenants",)
        assert await rights.fetchall() == []


@pytest.mark.parametrize("attempt", [1, 2])
async def test_redis_is_empty_when_a_test_begins(redis_url: str, attempt: int) -> None:
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        assert await client.dbsize() == 0
        await client.set("left-behind", attempt)


async def test_eventually_returns_the_first_result_that_holds() -> None:
    answers = iter([False, False, "done"])
    assert await eventually(lambda: next(answers)) == "done"


async def test_eventually_raises_the_last_failure_when_the_time_is_over() -> None:
    def never() -> None:
        raise AssertionError("still wrong")

    with pytest.raises(AssertionError, match="still wrong"):
        await eventually(never, within_s=0.05)


def test_servers_that_the_environment_names_are_taken_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(POSTGRES_VARIABLE, "postgresql://somebody@elsewhere/postgres")
    monkeypatch.setenv(REDIS_VARIABLE, "redis://elsewhere:6379/7")
    with postgres_server() as postgres, redis_server() as redis_at:
        assert (postgres, redis_at) == (
            "postgresql://somebody@elsewhere/postgres",
            "redis://elsewhere:6379/7",
        )


@pytest.mark.parametrize(("docker", "answers"), [(None, False), ("exit 1", False), ("exit 0", True)])
def test_docker_counts_where_its_daemon_answers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, docker: str | None, answers: bool
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    if docker is not None:
        command = tmp_path / "docker"
        command.write_text(f"#!/bin/sh\n{docker}\n")
        command.chmod(0o755)
    assert docker_answers() is answers
