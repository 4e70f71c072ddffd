"""Backup and restore as docs/operate/kubernetes.md writes them, into an empty system."""

import asyncio
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import text

from oblivion_platform.database.engine import Database
from oblivion_platform.embedded.postgres import _binaries  # pyright: ignore[reportPrivateUsage]
from oblivion_platform.testing.databases import FreshDatabase, copy_of

DOCUMENT = Path(__file__).parents[4] / "docs/operate/kubernetes.md"
SAID_ONCE = re.compile(r"^(?:--|\\(?:un)?restrict|$)")
"""Comments, and a word that pg_dump makes up anew each time."""


@pytest.fixture(autouse=True)
def same_version(postgres_url: str) -> None:
    """In a cluster the programs come with the server; here they are those of the embedded one."""
    program = subprocess.run(
        [_binaries() / "pg_dump", "--version"], capture_output=True, text=True, check=True
    )
    with psycopg.connect(postgres_url) as admin:
        server = admin.info.server_version // 10_000
    if f" {server}." not in program.stdout:
        pytest.skip(f"the server is Postgres {server}; the programs are {program.stdout.strip()}")


@pytest.fixture
def empty_system(migrated_template: str, postgres_url: str) -> Iterator[FreshDatabase]:
    with copy_of(migrated_template, postgres_url) as fresh:
        yield fresh


def documented(program: str, database: FreshDatabase) -> list[str]:
    """What the document has done in the pod of Postgres, done to this database."""
    (line,) = re.findall(rf"-- ({program} .*?) [<>]", DOCUMENT.read_text())
    words = [word for word in shlex.split(line) if word not in {"-U", "postgres"}]
    return [
        str(_binaries() / program),
        *(database.admin_url if word == "oblivion_db" else word for word in words[1:]),
    ]


def back_up(database: FreshDatabase, dump: Path) -> None:
    with dump.open("wb") as out:
        subprocess.run(documented("pg_dump", database), stdout=out, check=True)


def restore(database: FreshDatabase, dump: Path) -> None:
    with dump.open("rb") as back:
        done = subprocess.run(
            documented("pg_restore", database), stdin=back, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr


def schema(database: FreshDatabase) -> list[str]:
    """Tables, policies and rights, as pg_dump tells them."""
    command = [str(_binaries() / "pg_dump"), "--schema-only", database.admin_url]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [line for line in told.splitlines() if not SAID_ONCE.match(line)]


async def users_seen(database: FreshDatabase, tenant: UUID) -> list[str]:
    """By the gateway's role, which sees one tenant at a time."""
    gateway = Database.connect(database.url("oblivion_gateway"))
    try:
        async with gateway.tenant(tenant) as transaction:
            rows = await transaction.execute(text("SELECT name FROM users ORDER BY name"))
            return list(rows.scalars())
    finally:
        await gateway.close()


async def test_what_was_backed_up_is_there_again_with_its_rights_and_walls(
    database: FreshDatabase, empty_system: FreshDatabase, tmp_path: Path
) -> None:
    tenant, other = uuid4(), uuid4()
    with psycopg.connect(database.admin_url) as admin:
        for each, slug, name in ((tenant, "acme", "Ana"), (other, "umbrella", "Bob")):
            admin.execute("INSERT INTO tenants (id, slug, name) VALUES (%s, %s, 'T')", (each, slug))
            admin.execute(
                "INSERT INTO users (id, tenant_id, name) VALUES (%s, %s, %s)", (uuid4(), each, name)
            )
    dump = tmp_path / "oblivion.dump"

    await asyncio.to_thread(back_up, database, dump)
    await asyncio.to_thread(restore, empty_system, dump)

    assert await users_seen(empty_system, tenant) == ["Ana"]
    assert await users_seen(empty_system, other) == ["Bob"]
    assert schema(empty_system) == schema(database)
