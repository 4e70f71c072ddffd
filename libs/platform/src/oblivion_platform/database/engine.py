"""Transactions that belong to one tenant, on a role that row-level security binds.

    database = Database.connect(url)
    await database.wait_until_usable()
    async with database.tenant(tenant_id) as tx:
        rows = await tx.execute(text("SELECT …"))

Each `async with` is one transaction: committed on leaving, rolled back on an exception. The tenant is set
with `set_config(…, true)`, so it ends with the transaction, also behind a transaction pooler.

The driver commits by itself but inside a BEGIN of ours, which goes out together with what belongs to it: one
round trip instead of two. What runs for every event may go to the driver directly (`driver_of`): SQLAlchemy's
part of a statement costs as much as the statement itself.
"""

import asyncio
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, LiteralString, Self
from uuid import UUID

import psycopg
from psycopg.rows import namedtuple_row
from sqlalchemy import Connection, text
from sqlalchemy.exc import DataError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from oblivion_platform.database.migrate import HEAD, sqlalchemy_url
from oblivion_platform.database.roles import OWNER, RELAY
from oblivion_platform.errors import DependencyUnavailable, PermanentFailure

CONNECT_TIMEOUT_S = 5

Tx = AsyncConnection
"""A transaction, for code that must know nothing of SQLAlchemy."""


class PrivilegedRole(Exception):
    """The login role could see past row-level security; the service must not start with it."""


class SchemaBehind(Exception):
    """The database is not yet at the revision that this code needs."""


class ValueRefused(PermanentFailure):
    """422: Postgres cannot hold a value, so sending it again is useless; names the kind of error only."""

    http_status = 422

    def __init__(self, kind: str) -> None:
        super().__init__("value_refused", f"A value is none that can be stored ({kind}).")


class Database:
    """One role's pool of connections to Postgres."""

    def __init__(self, engine: AsyncEngine, *, spares_one: bool = False) -> None:
        self.engine = engine
        self._spares_one = spares_one
        self._spare: Connection | None = None
        """Nobody's at the moment, and not in the pool: there and back takes as long as a short statement."""
        self._asking = 0
        """Who waits for a connection of the pool."""
        self._is_closed = False

    @classmethod
    def connect(
        cls, url: str, *, pool_size: int = 10, behind_pooler: bool = False, spares_one: bool = False
    ) -> Self:
        """Describe the pool; nothing connects before the first transaction.

        `behind_pooler`: no prepared statements, which a transaction pooler would hand to the wrong session.
        `spares_one`: keep one connection out of the pool for who asks next, which takes a quarter off a short
        statement. Who comes then overtakes who waits for the pool to connect: not where order counts.
        """
        engine = create_async_engine(
            sqlalchemy_url(url),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=CONNECT_TIMEOUT_S,
            pool_use_lifo=True,
            # Values of rows must not reach error messages: BullMQ keeps those in Redis.
            hide_parameters=True,
            isolation_level="AUTOCOMMIT",
            connect_args={
                "connect_timeout": CONNECT_TIMEOUT_S,
                "prepare_threshold": None if behind_pooler else 5,
                # A peer that is stopped, not dead, must not hold a transaction for ever.
                "keepalives_idle": 5,
                "keepalives_interval": 2,
                "keepalives_count": 3,
                "tcp_user_timeout": 10_000,
            },
        )
        return cls(engine, spares_one=spares_one)

    @asynccontextmanager
    async def tenant(self, tenant_id: UUID, *, plan_once: bool = False) -> AsyncGenerator[AsyncConnection]:
        """A transaction that sees and writes rows of this tenant only.

        `plan_once`: for what runs for every event. Postgres plans such a statement once for a connection, and
        not for each set of values; with our joins planning takes several times as long as doing it.

        Raises:
            DependencyUnavailable: Postgres is away or went away; nothing was committed unless the
                connection broke during COMMIT itself.
        """
        # Its own digits, so that nothing but a UUID can get into the statement.
        begin = f"BEGIN; SELECT set_config('oblivion.tenant', '{tenant_id.hex}', true)"
        async with self._transaction(begin + _PLANNED_ONCE if plan_once else begin) as tx:
            yield tx

    async def once(
        self,
        tenant_id: UUID,
        statement: LiteralString,
        values: Mapping[str, Any],
        *,
        first: LiteralString = "",
    ) -> list[Any]:
        """One statement that is a transaction of its own, in one round trip; its rows, by attributes.

        It is planned once for a connection, as in `tenant`.

        `first`: expressions that are evaluated before it in the same transaction, with the same values. A
        lock belongs there, since a statement sees what was committed before it began.

        Raises: as `tenant`.
        """
        with _failures_named():
            async with self._connection() as connection, _disconnects_noticed(connection):
                driver = driver_of(connection)
                cursor = driver.cursor(row_factory=namedtuple_row)
                before = f"{_SET_TENANT}, {first}" if first else _SET_TENANT
                # What is sent up to the pipeline's end is committed as one, or not at all.
                async with driver.pipeline():
                    await driver.execute(before, {**values, "of_tenant": tenant_id.hex}, prepare=True)
                    await cursor.execute(statement, values, prepare=True)
                return await cursor.fetchall()

    def alone(self, tenant_id: UUID) -> "EachAlone":
        """In the place of a transaction, for what is one statement."""
        return EachAlone(self, tenant_id)

    @asynccontextmanager
    async def relay(self) -> AsyncGenerator[AsyncConnection]:
        """A transaction through the relay's door: id, tenant and state of waiting work of all tenants."""
        async with self._transaction(f"BEGIN; SET LOCAL ROLE {RELAY}") as tx:
            yield tx

    @asynccontextmanager
    async def shared(self) -> AsyncGenerator[AsyncConnection]:
        """A transaction without tenant: the `tenants` table, and no row of any other."""
        async with self._transaction("BEGIN") as tx:
            yield tx

    @asynccontextmanager
    async def _transaction(self, begin: str) -> AsyncGenerator[AsyncConnection]:
        with _failures_named():
            async with self._connection() as tx, tx.begin(), _disconnects_noticed(tx):
                await driver_of(tx).execute(begin.encode(), prepare=False)
                yield tx

    @asynccontextmanager
    async def _connection(self) -> AsyncGenerator[AsyncConnection]:
        connection = self._spare_or_none() or await self._out_of_pool()
        try:
            yield connection
        except BaseException:
            # What broke this one may have broken the spare one too: the pool finds out.
            await _into_pool(connection, self._spare_or_none())
            raise
        if self._spares_one and self._spare is None and not self._asking and not self._is_closed:
            # Whoever keeps it longer finds that it has ended, and not that it is somebody else's.
            self._spare, connection.sync_connection = connection.sync_connection, None
        else:
            await _into_pool(connection)

    def _spare_or_none(self) -> AsyncConnection | None:
        spare, self._spare = self._spare, None
        return None if spare is None else AsyncConnection(self.engine, spare)

    async def _out_of_pool(self) -> AsyncConnection:
        self._asking += 1
        try:
            return await self.engine.connect()
        finally:
            self._asking -= 1

    async def refuse_privileged_role(self) -> None:
        """Make sure that row-level security binds this role.

        Raises:
            PrivilegedRole: it is, or may become, superuser, owner of tables or exempt from row security.
        """
        async with self.shared() as tx:
            row = (await tx.execute(_ROLE_PRIVILEGES, {"owner": OWNER})).one()
        if row.privileged:
            raise PrivilegedRole(
                f"the database role {row.name!r} could read every tenant's rows (superuser, BYPASSRLS or "
                "owner); "
                "set OBLIVION_DATABASE_URL to this service's own role (docs/operate/database.md)"
            )

    async def check_schema(self) -> None:
        """Make sure that migrations have run.

        Raises:
            SchemaBehind: they have not, or not far enough.
        """
        async with self.shared() as tx:
            exists = (await tx.execute(_SCHEMA_IS_OPEN)).scalar()
            revision = exists and (await tx.execute(text("SELECT version_num FROM alembic_version"))).scalar()
        if revision is None or revision < HEAD:
            raise SchemaBehind(f"schema is at {revision or 'nothing'}, this version needs {HEAD}")

    async def wait_until_usable(self, *, poll_s: float = 1.0) -> None:
        """Return once Postgres answers, the role is safe and the schema is there; a pod waits here, unready.

        Raises:
            PrivilegedRole: waiting would not help.
        """
        while True:
            try:
                await self.refuse_privileged_role()
                await self.check_schema()
            except (DependencyUnavailable, SchemaBehind):
                await asyncio.sleep(poll_s)
            else:
                return

    async def close(self) -> None:
        """Close every connection."""
        self._is_closed = True
        await _into_pool(self._spare_or_none())
        await self.engine.dispose()


@dataclass(frozen=True, slots=True)
class EachAlone:
    """Each statement is a transaction of its own, and one round trip."""

    database: Database
    tenant_id: UUID

    async def fetch(self, statement: LiteralString, values: Mapping[str, Any]) -> list[Any]:
        """Raises: as `Database.tenant`."""
        return await self.database.once(self.tenant_id, statement, values)


def driver_of(tx: AsyncConnection) -> psycopg.AsyncConnection[Any]:
    """The driver's connection that `tx` runs on; its errors leave the transaction as SQLAlchemy's do."""
    connection = tx.sync_connection
    if connection is None:
        raise RuntimeError("the transaction has ended")
    driver: psycopg.AsyncConnection[Any] = connection.connection.driver_connection  # pyright: ignore[reportAssignmentType]
    return driver


@contextmanager
def _failures_named() -> Generator[None]:
    try:
        yield
    except (
        OperationalError,
        InterfaceError,
        psycopg.OperationalError,
        psycopg.InterfaceError,
        PoolExhausted,
        TimeoutError,
        OSError,
    ) as error:
        raise _unavailable(error) from error
    except (DataError, psycopg.DataError, UnicodeEncodeError) as error:
        # `from None`: the chained error would print the value.
        raise ValueRefused(type(error).__name__) from None
    except DBAPIError as error:
        if error.connection_invalidated:
            raise _unavailable(error) from error
        raise


@asynccontextmanager
async def _disconnects_noticed(tx: AsyncConnection) -> AsyncGenerator[None]:
    """A connection that the driver found broken: SQLAlchemy finds out too, and lets go of the older ones."""
    try:
        yield
    except psycopg.Error:
        if driver_of(tx).closed:
            await tx.execute(_ANYTHING)
        raise


async def _into_pool(*connections: AsyncConnection | None) -> None:
    """Also when whoever had it was cancelled."""
    await asyncio.shield(asyncio.gather(*(each.close() for each in connections if each is not None)))


def _unavailable(error: BaseException) -> DependencyUnavailable:
    return DependencyUnavailable("postgres_unavailable", f"Postgres does not answer ({type(error).__name__})")


_ANYTHING = text("SELECT 1")
_PLANNED_ONCE = "; SET LOCAL plan_cache_mode = force_generic_plan"
_SET_TENANT = """SELECT set_config('oblivion.tenant', %(of_tenant)s, true),
    set_config('plan_cache_mode', 'force_generic_plan', true)"""
# Between the making of roles and the first migration a service may not even look into the schema.
_SCHEMA_IS_OPEN = text("""
    SELECT CASE WHEN has_schema_privilege('public', 'USAGE')
           THEN has_table_privilege(to_regclass('public.alembic_version'), 'SELECT') END
""")
_ROLE_PRIVILEGES = text("""
    SELECT current_user AS name,
           me.rolcreaterole
           OR EXISTS (SELECT FROM pg_class WHERE relowner = me.oid AND relnamespace = 'public'::regnamespace)
           -- Itself included: a role is a member of itself.
           OR EXISTS (SELECT FROM pg_roles other
                      WHERE (other.rolsuper OR other.rolbypassrls OR other.rolname = :owner)
                        AND pg_has_role(me.oid, other.oid, 'MEMBER'))
           AS privileged
    FROM pg_roles me WHERE rolname = current_user
""")
