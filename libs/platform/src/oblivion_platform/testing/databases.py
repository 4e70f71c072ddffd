"""A fresh, migrated database in some 30 ms: the schema is built once and copied.

Roles belong to the whole server and several test runs may share one, so their passwords are fixed.
"""

import asyncio
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

from oblivion_platform.database.migrate import upgrade
from oblivion_platform.database.roles import OWNER, SERVICE_ROLES, ensure_roles


def password_of(role: str) -> str:
    return f"{role}-in-tests"


@dataclass(frozen=True)
class FreshDatabase:
    """One database of its own, to be dropped after use."""

    admin_url: str
    name: str

    @property
    def owner_url(self) -> str:
        return self.url(OWNER)

    def url(self, role: str) -> str:
        """The URL under which `role` (`oblivion_ingestion`, …) reaches this database."""
        url = make_url(self.admin_url).set(username=role, password=password_of(role))
        return url.render_as_string(hide_password=False)


@contextmanager
def template_database(server_url: str) -> Generator[str]:
    """The name of a database that holds the roles' rights and the newest schema, and nothing else."""
    with _database(server_url, template=None) as template:
        passwords = {role: password_of(role) for role in (OWNER, *SERVICE_ROLES)}
        asyncio.run(ensure_roles(template.admin_url, passwords))
        upgrade(template.owner_url)
        yield template.name


@contextmanager
def copy_of(template: str, server_url: str) -> Generator[FreshDatabase]:
    """A copy of `template`, with the rights on the database itself, which Postgres does not copy."""
    with _database(server_url, template=template) as database:
        asyncio.run(ensure_roles(database.admin_url))
        yield database


@contextmanager
def _database(server_url: str, *, template: str | None) -> Generator[FreshDatabase]:
    name = f"test_{secrets.token_hex(6)}"
    create = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
    if template is not None:
        create = sql.SQL("{} TEMPLATE {} STRATEGY FILE_COPY").format(create, sql.Identifier(template))
    _run(server_url, create)
    try:
        url = make_url(server_url).set(database=name)
        yield FreshDatabase(admin_url=url.render_as_string(hide_password=False), name=name)
    finally:
        # FORCE: a test that left a connection open must not keep the others from starting.
        _run(server_url, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _run(server_url: str, statement: sql.Composed) -> None:
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(statement)
