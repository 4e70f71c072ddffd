"""Statements that run for every event, given to the driver itself; see `oblivion_platform.database.engine`.

Their values are named as in `%(name)s`, and the driver prepares what it sees often. All else is SQLAlchemy's.
"""

from collections.abc import Mapping
from typing import Any, LiteralString

from psycopg.rows import namedtuple_row
from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_platform.database.engine import driver_of


async def fetch(tx: AsyncConnection, statement: LiteralString, values: Mapping[str, Any]) -> list[Any]:
    """The rows of a query, their columns as attributes."""
    cursor = driver_of(tx).cursor(row_factory=namedtuple_row)
    await cursor.execute(statement, values)
    return await cursor.fetchall()


async def run(tx: AsyncConnection, statement: LiteralString, values: Mapping[str, Any]) -> None:
    """Do what has no rows to return."""
    await driver_of(tx).execute(statement, values)
