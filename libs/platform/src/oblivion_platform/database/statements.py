"""Statements that run for every event, given to the driver itself; see `oblivion_platform.database.engine`.

Their values are named as in `%(name)s`, and they are prepared at once, but behind a transaction pooler. All
else is SQLAlchemy's.
"""

from collections.abc import Mapping
from typing import Any, LiteralString

from psycopg.rows import namedtuple_row
from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_platform.database.engine import EachAlone, driver_of

Asked = AsyncConnection | EachAlone
"""What a statement goes to: a transaction, or for itself."""
Values = Mapping[str, Any]


async def fetch(tx: Asked, statement: LiteralString, values: Values) -> list[Any]:
    """The rows of a query, their columns as attributes."""
    if isinstance(tx, EachAlone):
        return await tx.fetch(statement, values)
    cursor = driver_of(tx).cursor(row_factory=namedtuple_row)
    await cursor.execute(statement, values, prepare=True)
    return await cursor.fetchall()


async def first(tx: Asked, statement: LiteralString, values: Values) -> Any | None:
    """The first row, if there is one."""
    rows = await fetch(tx, statement, values)
    return rows[0] if rows else None


async def scalar(tx: Asked, statement: LiteralString, values: Values) -> Any | None:
    """The first column of the first row, if there is one."""
    row = await first(tx, statement, values)
    return None if row is None else row[0]


async def execute(tx: AsyncConnection, statement: LiteralString, values: Values) -> None:
    """Do what has no rows to return."""
    await driver_of(tx).execute(statement, values, prepare=True)
