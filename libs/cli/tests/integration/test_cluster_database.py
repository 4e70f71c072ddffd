"""Roles and schema of a cluster's database."""

from collections.abc import Callable

import psycopg
import pytest

from oblivion_cli.cluster.database import prepare_database
from oblivion_platform.testing.databases import FreshDatabase, password_of


async def test_preparing_again_changes_nothing_and_says_what_is_there(database: FreshDatabase) -> None:
    said: list[str] = []
    passwords = {"oblivion_cli": password_of("oblivion_cli")}
    await prepare_database(database.admin_url, database.owner_url, passwords, said.append)
    assert said == ["the roles are there", "the schema is up to date"]


async def test_it_waits_for_postgres_and_says_why(unused_tcp_port: int) -> None:
    said: list[str] = []
    url = f"postgresql://nobody:x@127.0.0.1:{unused_tcp_port}/none"
    with pytest.raises(_Enough):
        await prepare_database(None, url, {}, _stop_after_first(said))
    assert said[0].startswith("waiting for Postgres: ")
    assert "nobody:x" not in said[0]


class _Enough(Exception):
    """Waiting has begun."""


def _stop_after_first(said: list[str]) -> Callable[[str], None]:
    def say(text: str) -> None:
        said.append(text)
        raise _Enough

    return say


async def test_roles_made_by_somebody_else_are_left_alone(database: FreshDatabase) -> None:
    said: list[str] = []
    await prepare_database(None, database.owner_url, {}, said.append)
    async with await psycopg.AsyncConnection.connect(database.owner_url) as connection:
        row = await (await connection.execute("SELECT count(*) FROM alembic_version")).fetchone()
    assert said == ["the schema is up to date"]
    assert row == (1,)
