"""Row-level security and the doors, on a real Postgres."""

import uuid

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from oblivion_platform.database.engine import Database, PrivilegedRole, ValueRefused
from oblivion_platform.database.roles import OWNER, RELAY, SERVICE_ROLES
from oblivion_platform.database.statements import fetch
from oblivion_platform.errors import DependencyUnavailable
from oblivion_platform.testing.databases import FreshDatabase

ID = object()
A, B = uuid.UUID(int=0xA), uuid.UUID(int=0xB)
WITHOUT_TENANT = {"tenants", "alembic_version"}


def tables_of(admin: psycopg.Connection) -> list[str]:
    rows = admin.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    return [name for (name,) in rows if name not in WITHOUT_TENANT]


MINIMAL_ROWS: dict[str, dict[str, object]] = {
    # Beside id and tenant_id, which are the tenant's own id everywhere; ID stands for it too.
    "tenant_keys": {"wrapped_key": b"k"},
    "users": {"name": "Ana"},
    "user_identities": {"user_id": ID, "provider": "slack", "subject": "U1"},
    "integrations": {"source": "slack", "external_id": "T1"},
    "signing_secrets": {
        "integration_id": ID,
        "source": "slack",
        "lookup_key": "slack:A1:T1",
        "ciphertext": b"c",
    },
    "credentials": {"integration_id": ID, "kind": "slack_bot_token", "ciphertext": b"c"},
    "inbound_events": {
        "integration_id": ID,
        "source": "slack",
        "event_type": "message",
        "subject": "s",
        "dedupe_key": "d",
        "priority": 1,
        "transport": "http",
        "body": b"body",
    },
    "project_mappings": {
        "clickup_integration_id": ID,
        "clickup_list_id": "1",
        "slack_integration_id": ID,
        "slack_channel_id": "C1",
    },
    "task_mappings": {"project_mapping_id": ID, "clickup_task_id": "1", "slack_channel_id": "C1"},
    "mirror_events": {"task_mapping_id": ID, "origin": "slack", "origin_id": "1", "content_hash": ""},
    "outbox": {"integration_id": ID, "destination": "slack:x", "kind": "k", "payload": "{}", "priority": 1},
    "audit_log": {"actor": "x", "action": "y"},
    "web_sessions": {"user_id": ID, "secret_hash": b"h", "expires_at": "2100-01-01"},
    "signing_keys": {"public_jwk": "{}", "private_ciphertext": b"c"},
    "agents": {"name": "fixer", "origin": "api", "definition": "{}"},
    "agent_aliases": {"agent_id": ID, "alias": "fix"},
    "client_secrets": {"agent_id": ID, "prefix": "obs_", "secret_hash": b"h"},
    "route_rules": {"kind": "default", "agent_id": ID},
    "sessions": {"source": "api"},
    "session_messages": {"session_id": ID, "seq": 1, "role": "user", "body": "hello", "source": "api"},
    "workflows": {"name": "weekly", "definition": "{}", "next_run_at": "2100-01-01"},
    "runs": {"session_id": ID, "source": "api", "thread": "session:1", "prompt": "do it"},
    "run_events": {"run_id": ID, "seq": 1, "kind": "state", "data": "{}"},
    "approvals": {"run_id": ID, "key": "k", "question": "may I?"},
    "route_decisions": {"run_id": ID, "stage": "fast_path"},
    "route_labels": {"run_id": ID, "kind": "wrong_agent", "labelled_by": "U1"},
    "idempotency_keys": {"principal": "user", "key": "k", "request_hash": b"h"},
    "stats_minutely": {"minute": "2026-01-01", "metric": "runs"},
    "mcp_connections": {"name": "wiki", "provider": "notion"},
    "tool_pins": {"connection_id": ID, "tool": "search", "definition_hash": "h", "pinned_by": "first sight"},
    "tool_calls": {
        "connection_id": ID,
        "tool": "search",
        "caller": "agent:1",
        "trust": "member",
        "is_write": False,
    },
    "history_readings": {"run_id": ID, "found_run_id": ID, "speakers": [], "connections": []},
    "oauth_flows": {
        "connection_id": ID,
        "user_id": ID,
        "state_hash": b"h",
        "plan": "{}",
        "expires_at": "2100-01-01",
    },
    "places": {"integration_id": ID, "kind": "channel", "external_id": "C1", "name": "launch"},
}
WITHOUT_ID = {
    "session_messages", "run_events", "idempotency_keys", "stats_minutely", "tool_pins", "places",
    "history_readings",
}  # fmt: skip


def fill(admin: psycopg.Connection) -> None:
    """One row of each table for each of the two tenants, written past row-level security."""
    for tenant in (A, B):
        admin.execute("INSERT INTO tenants (id, slug, name) VALUES (%s, %s, 'T')", (tenant, f"t{tenant.int}"))
        for table, columns in MINIMAL_ROWS.items():
            row = {name: tenant if value is ID else value for name, value in columns.items()}
            row |= {"tenant_id": tenant} if table in WITHOUT_ID else {"id": tenant, "tenant_id": tenant}
            admin.execute(
                sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
                    sql.Identifier(table),
                    sql.SQL(", ").join(map(sql.Identifier, row)),
                    sql.SQL(", ").join(map(sql.Placeholder, row)),
                ),
                row,
            )


@pytest.fixture(scope="module")
def filled(module_database: FreshDatabase) -> FreshDatabase:
    with psycopg.connect(module_database.admin_url, autocommit=True) as admin:
        fill(admin)
        for table in tables_of(admin):
            count = admin.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()
            assert count == (2,), f"fill() must write {table} for both tenants"
    return module_database


def test_every_table_forces_row_level_security_with_a_tenant_policy(filled: FreshDatabase) -> None:
    with psycopg.connect(filled.admin_url) as admin:
        for table in tables_of(admin):
            forced = admin.execute(
                "SELECT relrowsecurity AND relforcerowsecurity FROM pg_class WHERE oid = %s::regclass",
                (table,),
            ).fetchone()
            policy = admin.execute(
                "SELECT qual, with_check FROM pg_policies"
                " WHERE tablename = %s AND policyname = 'tenant_isolation'",
                (table,),
            ).fetchone()
            isolates = "(tenant_id = oblivion_tenant())"
            assert forced == (True,), f"{table} lacks forced row-level security"
            assert policy == (isolates, isolates), f"{table} lacks the policy tenant_isolation"


@pytest.mark.parametrize("role", [*SERVICE_ROLES, OWNER])
def test_a_role_sees_its_tenants_rows_only_and_none_without_tenant(filled: FreshDatabase, role: str) -> None:
    with psycopg.connect(filled.admin_url) as admin:
        tables = tables_of(admin)
    with psycopg.connect(filled.url(role), autocommit=True) as conn:
        for table in tables:
            if role == "oblivion_ingestion" and table == "signing_secrets":
                continue  # The door by which ingestion finds a secret, tested below.
            if role == "oblivion_mcp_hub" and table in {"credentials", "signing_keys"}:
                continue  # It sees those of connections and identities alone, tested below.
            query = sql.SQL("SELECT tenant_id FROM {}").format(sql.Identifier(table))
            try:
                assert conn.execute(query).fetchall() == [], f"{role} sees {table} without a tenant"
                with conn.transaction():
                    conn.execute("SELECT set_config('oblivion.tenant', %s, true)", (str(A),))
                    assert conn.execute(query).fetchall() == [(A,)]
            except psycopg.errors.InsufficientPrivilege:
                continue


def test_the_hub_sees_credentials_of_connections_and_no_other(filled: FreshDatabase) -> None:
    kept = uuid.uuid4()
    with psycopg.connect(filled.admin_url, autocommit=True) as admin:
        admin.execute(
            "INSERT INTO credentials (id, tenant_id, connection_id, kind, ciphertext)"
            " VALUES (%s, %s, %s, 'connection_secret', 'c')",
            (kept, A, A),
        )
    with psycopg.connect(filled.url("oblivion_mcp_hub"), autocommit=True) as conn, conn.transaction():
        conn.execute("SELECT set_config('oblivion.tenant', %s, true)", (str(A),))
        seen = conn.execute("SELECT id FROM credentials").fetchall()
    with psycopg.connect(filled.admin_url, autocommit=True) as admin:
        admin.execute("DELETE FROM credentials WHERE id = %s", (kept,))
    assert seen == [(kept,)]


def test_the_hub_sees_keys_of_identities_and_none_that_opens_a_door(filled: FreshDatabase) -> None:
    kept = uuid.uuid4()
    with psycopg.connect(filled.admin_url, autocommit=True) as admin:
        admin.execute(
            "INSERT INTO signing_keys (id, tenant_id, public_jwk, private_ciphertext, purpose)"
            " VALUES (%s, %s, '{}', 'c', 'identity')",
            (kept, A),
        )
    with psycopg.connect(filled.url("oblivion_mcp_hub"), autocommit=True) as conn, conn.transaction():
        conn.execute("SELECT set_config('oblivion.tenant', %s, true)", (str(A),))
        seen = conn.execute("SELECT id FROM signing_keys").fetchall()
        with pytest.raises(psycopg.errors.InsufficientPrivilege), conn.transaction():
            conn.execute(
                "INSERT INTO signing_keys (id, tenant_id, public_jwk, private_ciphertext, state)"
                " VALUES (%s, %s, '{}', 'c', 'next')",
                (uuid.uuid4(), A),
            )
    with psycopg.connect(filled.admin_url, autocommit=True) as admin:
        admin.execute("DELETE FROM signing_keys WHERE id = %s", (kept,))
    assert seen == [(kept,)]


def granted(admin: psycopg.Connection, role: str, table: str, verb: str) -> list[str]:
    """Columns of `table` that `role` may `verb` (INSERT or UPDATE); not those that Postgres fills itself."""
    rows = admin.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
        " AND attidentity = '' AND attgenerated = ''"
        " AND has_column_privilege(%s, attrelid, attnum, %s) ORDER BY attnum",
        (table, role, verb),
    )
    return [name for (name,) in rows]


def as_tenant_a(conn: psycopg.Connection, statement: sql.Composed, values: object = None) -> int:
    """How many rows `statement` touches in a transaction of tenant A, which is then undone."""
    with conn.transaction(force_rollback=True):
        conn.execute("SELECT set_config('oblivion.tenant', %s, true)", (str(A),))
        return conn.execute(statement, values).rowcount


@pytest.mark.parametrize("role", [*SERVICE_ROLES, OWNER])
def test_a_role_changes_and_deletes_none_of_another_tenants_rows(filled: FreshDatabase, role: str) -> None:
    asked = 0
    with (
        psycopg.connect(filled.admin_url) as admin,
        psycopg.connect(filled.url(role), autocommit=True) as conn,
    ):
        for table in tables_of(admin):
            name, theirs = sql.Identifier(table), sql.Literal(B)
            for column in granted(admin, role, table, "UPDATE"):
                update = sql.SQL("UPDATE {0} SET {1} = {1} WHERE tenant_id = {2}")
                touched = as_tenant_a(conn, update.format(name, sql.Identifier(column), theirs))
                assert touched == 0, f"{role} changed {column} of another tenant's {table}"
                asked += 1
            delete = sql.SQL("DELETE FROM {} WHERE tenant_id = {}").format(name, theirs)
            if admin.execute("SELECT has_table_privilege(%s, %s, 'DELETE')", (role, table)).fetchone() == (
                True,
            ):
                assert as_tenant_a(conn, delete) == 0, f"{role} deleted another tenant's rows of {table}"
            else:
                with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"):
                    as_tenant_a(conn, delete)
    assert asked > 0 or role == "oblivion_ingestion"


@pytest.mark.parametrize("role", [*SERVICE_ROLES, OWNER])
def test_a_role_hands_no_row_to_another_tenant(filled: FreshDatabase, role: str) -> None:
    refused = []
    with (
        psycopg.connect(filled.admin_url) as admin,
        psycopg.connect(filled.url(role), autocommit=True) as conn,
    ):
        for table in tables_of(admin):
            if "tenant_id" in granted(admin, role, table, "UPDATE"):
                give = sql.SQL("UPDATE {} SET tenant_id = {}").format(sql.Identifier(table), sql.Literal(B))
                with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
                    as_tenant_a(conn, give)
            if role == "oblivion_ingestion" and table == "inbound_events":
                continue  # Its door, tested below.
            row = {
                column: uuid.uuid4() if value is ID else value
                for column, value in MINIMAL_ROWS[table].items()
            }
            row |= {"tenant_id": B} if table in WITHOUT_ID else {"id": uuid.uuid4(), "tenant_id": B}
            insert = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
                sql.Identifier(table),
                sql.SQL(", ").join(map(sql.Identifier, row)),
                sql.SQL(", ").join(map(sql.Placeholder, row)),
            )
            may_insert = row.keys() <= set(granted(admin, role, table, "INSERT"))
            reason = "row-level security" if may_insert else "permission denied"
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match=reason):
                as_tenant_a(conn, insert, row)
            refused += [table] if may_insert else []
    assert refused or role == "oblivion_ingestion"


def test_ingestion_inserts_for_many_tenants_at_once_and_reads_nothing_back(filled: FreshDatabase) -> None:
    columns = (
        "id, tenant_id, integration_id, source, event_type, subject, dedupe_key, priority, transport, body"
    )
    rows = [(uuid.uuid4(), tenant, A, "slack", "message", "s", "d", 1, "http", b"{}") for tenant in (A, B)]
    insert = (
        f"INSERT INTO inbound_events ({columns}) VALUES ({', '.join(['%s'] * 10)}) ON CONFLICT DO NOTHING"
    )
    with psycopg.connect(filled.url("oblivion_ingestion"), autocommit=True) as conn:
        with conn.transaction(force_rollback=True):
            conn.cursor().executemany(insert, rows)
            conn.cursor().executemany(insert, rows)
        for forbidden in (
            "SELECT id FROM inbound_events",
            "SELECT ciphertext FROM credentials",
            "SELECT wrapped_key FROM tenant_keys",
            "UPDATE inbound_events SET state = 'done'",
            f"{insert} RETURNING id",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(forbidden, rows[0] if "%s" in forbidden else None)


def test_ingestion_finds_the_live_secrets_of_every_tenant(filled: FreshDatabase) -> None:
    with psycopg.connect(filled.url("oblivion_ingestion")) as conn:
        found = conn.execute(
            "SELECT tenant_id FROM signing_secrets WHERE lookup_key = 'slack:A1:T1'"
        ).fetchall()
    assert sorted(found) == [(A,), (B,)]


async def test_the_relays_door_shows_what_waits_and_nothing_of_what_it_says(filled: FreshDatabase) -> None:
    database = Database.connect(filled.url("oblivion_router_worker"))
    async with database.relay() as tx:
        waiting = await tx.execute(text("SELECT tenant_id, state FROM inbound_events"))
        assert sorted(waiting.all()) == [(A, "received"), (B, "received")]
        assert len((await tx.execute(text("SELECT id, destination FROM outbox"))).all()) == 2
    for forbidden in (
        "SELECT body FROM inbound_events",
        "SELECT payload FROM outbox",
        "SELECT id FROM users",
    ):
        with pytest.raises(Exception, match="permission denied"):
            async with database.relay() as tx:
                await tx.execute(text(forbidden))
    async with database.shared() as tx:
        assert (await tx.execute(text("SELECT id FROM inbound_events"))).all() == []
    await database.close()


async def test_a_tenants_transaction_leaves_no_tenant_behind_on_the_connection(filled: FreshDatabase) -> None:
    database = Database.connect(filled.url("oblivion_router_worker"), pool_size=1)
    async with database.tenant(A) as tx:
        assert (await tx.execute(text("SELECT tenant_id FROM users"))).all() == [(A,)]
    async with database.shared() as tx:
        assert (await tx.execute(text("SELECT tenant_id FROM users"))).all() == []
    async with database.tenant(B) as tx:
        assert (await tx.execute(text("SELECT tenant_id FROM users"))).all() == [(B,)]
    await database.close()


async def test_what_runs_often_is_planned_once_and_other_statements_as_ever(filled: FreshDatabase) -> None:
    database = Database.connect(filled.url("oblivion_router_worker"), pool_size=1)
    often = "SELECT source FROM integrations WHERE id = %(id)s"
    for _ in range(3):
        assert [row.source for row in await database.once(A, often, {"id": A})] == ["slack"]
    async with database.tenant(A, plan_once=True) as tx:
        assert (await fetch(tx, often, {"id": A}))[0].source == "slack"
    async with database.tenant(A) as tx:
        assert (await tx.execute(text("SHOW plan_cache_mode"))).scalar_one() == "auto"
        plans = text("SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement LIKE :s")
        assert tuple((await tx.execute(plans, {"s": "SELECT source FROM%"})).one()) == (4, 0)
    await database.close()


async def test_a_service_refuses_to_start_as_superuser_or_owner(filled: FreshDatabase) -> None:
    for url in (filled.admin_url, filled.owner_url):
        database = Database.connect(url)
        with pytest.raises(PrivilegedRole, match="could read every tenant's rows"):
            await database.wait_until_usable()
        await database.close()
    for role in SERVICE_ROLES:
        database = Database.connect(filled.url(role))
        await database.wait_until_usable()
        await database.close()


@pytest.mark.parametrize("power", ["SUPERUSER", "BYPASSRLS", "CREATEROLE"])
async def test_a_service_refuses_a_role_that_could_become_privileged(
    filled: FreshDatabase, power: str
) -> None:
    helper, service = f"power_{uuid.uuid4().hex}", f"service_{uuid.uuid4().hex}"
    with psycopg.connect(filled.admin_url, autocommit=True) as admin:
        names = {"helper": sql.Identifier(helper), "service": sql.Identifier(service)}
        admin.execute(sql.SQL("CREATE ROLE {service} LOGIN PASSWORD 'x' NOINHERIT").format(**names))
        admin.execute(sql.SQL("GRANT oblivion_router_worker TO {service}").format(**names))
        if power == "CREATEROLE":
            admin.execute(sql.SQL("ALTER ROLE {service} CREATEROLE").format(**names))
        else:
            admin.execute(sql.SQL(f"CREATE ROLE {{helper}} {power}").format(**names))
            admin.execute(sql.SQL("GRANT {helper} TO {service}").format(**names))
        admin.execute(
            sql.SQL("GRANT CONNECT ON DATABASE {} TO {service}").format(sql.Identifier(filled.name), **names)
        )
        url = make_url(filled.admin_url).set(username=service, password="x")
        database = Database.connect(url.render_as_string(hide_password=False))
        try:
            with pytest.raises(PrivilegedRole):
                await database.refuse_privileged_role()
        finally:
            await database.close()
            admin.execute(sql.SQL("DROP OWNED BY {service}").format(**names))
            admin.execute(sql.SQL("DROP ROLE {service}").format(**names))
            admin.execute(sql.SQL("DROP ROLE IF EXISTS {helper}").format(**names))


async def test_an_error_of_the_database_tells_no_values(filled: FreshDatabase) -> None:
    database = Database.connect(filled.url("oblivion_router_worker"))
    with pytest.raises(DBAPIError) as refused:
        async with database.tenant(A) as tx:
            await tx.execute(text("SELECT * FROM nowhere WHERE name = :value"), {"value": "canary"})
    assert "[parameters" not in str(refused.value)
    with pytest.raises(ValueRefused) as unstorable:
        async with database.tenant(A) as tx:
            await tx.execute(text("SELECT CAST(:value AS integer)"), {"value": "canary"})
    assert "canary" not in str(unstorable.value)
    await database.close()


async def test_an_absent_postgres_is_a_dependency_that_is_unavailable() -> None:
    database = Database.connect("postgresql://nobody:x@127.0.0.1:1/none")
    with pytest.raises(DependencyUnavailable, match="postgres_unavailable"):
        async with database.shared():
            pass
    await database.close()


def test_the_relay_role_cannot_log_in(filled: FreshDatabase) -> None:
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(filled.url(RELAY))
