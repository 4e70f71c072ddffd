"""The database roles: one owner that migrates, one login per service, one door.

No service role owns a table, is superuser or bypasses row-level security; a service refuses to
start otherwise (`oblivion_platform.database.engine.refuse_privileged_role`). Roles belong to the
whole Postgres server, so they are made beside the migrations and not by them: in the embedded
system and in tests by `ensure_roles`, in production by whoever owns the server.
"""

from collections.abc import Mapping
from typing import LiteralString

import psycopg
from psycopg import sql

OWNER = "oblivion_owner"
RELAY = "oblivion_relay"
"""The door of relays and sweepers: sees id, tenant and state of work that waits, of every tenant.

Nobody logs in as it; a service steps through by `SET LOCAL ROLE` in a transaction of its own.
"""

SERVICE_ROLES = (
    "oblivion_ingestion",
    "oblivion_router_worker",
    "oblivion_gateway",
    "oblivion_mcp_hub",
    "oblivion_cli",
)
DOOR_KEEPERS = ("oblivion_ingestion", "oblivion_router_worker", "oblivion_gateway", "oblivion_mcp_hub")

_ROLES_LOCK = 0x0B11_0001  # Advisory lock: two concurrent starts must not race on CREATE ROLE.


async def ensure_roles(admin_url: str, passwords: Mapping[str, str] | None = None) -> None:
    """Create the roles that are missing and set the passwords given (role → password).

    `admin_url` must be able to create roles, and the database it names becomes the owner's.
    """
    passwords = passwords or {}
    async with await psycopg.AsyncConnection.connect(admin_url, autocommit=True) as conn:
        await conn.execute("SELECT pg_advisory_lock(%s)", (_ROLES_LOCK,))
        for role in (OWNER, *SERVICE_ROLES):
            await _ensure_role(conn, role, "LOGIN", passwords.get(role))
        await _ensure_role(conn, RELAY, "NOLOGIN", None)
        for role in DOOR_KEEPERS:
            await conn.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(RELAY), sql.Identifier(role)))
        await _hand_database_over(conn)
        await conn.execute("SELECT pg_advisory_unlock(%s)", (_ROLES_LOCK,))


async def _ensure_role(
    conn: psycopg.AsyncConnection[tuple[object, ...]], role: str, login: LiteralString, password: str | None
) -> None:
    known = await (await conn.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,))).fetchone()
    # NOINHERIT: membership in the door gives nothing until a transaction asks for it.
    statement = sql.SQL("{} ROLE {} {} NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOINHERIT").format(
        sql.SQL("ALTER" if known else "CREATE"), sql.Identifier(role), sql.SQL(login)
    )
    if password is not None:
        statement = sql.SQL("{} PASSWORD {}").format(statement, sql.Literal(password))
    await conn.execute(statement)


async def _hand_database_over(conn: psycopg.AsyncConnection[tuple[object, ...]]) -> None:
    database = sql.Identifier(conn.info.dbname)
    owner = sql.Identifier(OWNER)
    await conn.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
    await conn.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
    await conn.execute(sql.SQL("GRANT ALL ON DATABASE {} TO {}").format(database, owner))
    await conn.execute(sql.SQL("ALTER SCHEMA public OWNER TO {}").format(owner))
    for role in SERVICE_ROLES:
        await conn.execute(
            sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, sql.Identifier(role))
        )
