"""Calls of runs that may simply be made, written down some at a time: one statement for all that wait.

What arrives while a tenant's calls are being written waits for the next statement. Of a run there is one call
in each: it counts for the trust and the limit of whatever the run calls next. One of a run that is being
judged elsewhere is left to be judged by itself.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextvars import Context
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

import psycopg
import pydantic_core

from oblivion_mcp_hub.adapters import ledger_sql as sql
from oblivion_platform.database.engine import Database, ValueRefused
from oblivion_platform.errors import DependencyUnavailable
from oblivion_platform.logging import get_logger
from oblivion_platform.runs.context import MESSAGES_HEARD

ROWS_MAX = 100
"""Of one statement."""

Row = Mapping[str, Any]
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Waiting:
    row: Row
    is_noted: asyncio.Future[bool]


class NotesOfCalls:
    """Each tenant's calls, in statements one after the other."""

    def __init__(self, database: Database, given_up: Callable[[UUID, UUID], None]) -> None:
        """`given_up`: told the tenant and the call, where one stands there that nobody waits for any more."""
        self._database = database
        self._given_up = given_up
        self._waiting: dict[UUID, list[_Waiting]] = {}
        """Of the tenants whose calls are being written."""
        self._writing: set[asyncio.Task[None]] = set()

    async def add(self, tenant_id: UUID, row: Row) -> bool:
        """Whether the call may be made and stands there; False: by itself it can be asked why not.

        Raises: DependencyUnavailable.
        """
        waiting = _Waiting(row, asyncio.get_running_loop().create_future())
        if tenant_id in self._waiting:
            self._waiting[tenant_id].append(waiting)
        else:
            self._waiting[tenant_id] = [waiting]
            # Neither trace nor log context of whoever came first has to do with the others.
            writing = asyncio.create_task(
                self._write_all(tenant_id), name="notes of calls", context=Context()
            )
            self._writing.add(writing)
            writing.add_done_callback(partial(self._ended, tenant_id))
        return await waiting.is_noted

    async def close(self) -> None:
        """Return when all are written."""
        await asyncio.gather(*self._writing)

    def _ended(self, tenant_id: UUID, writing: asyncio.Task[None]) -> None:
        self._writing.discard(writing)
        if writing.cancelled() or writing.exception() is not None:
            _let_go(self._waiting.pop(tenant_id))

    async def _write_all(self, tenant_id: UUID) -> None:
        while self._waiting[tenant_id]:
            batch, self._waiting[tenant_id] = _one_of_each_run(self._waiting[tenant_id])
            if batch:
                await self._write(tenant_id, batch)
        del self._waiting[tenant_id]

    async def _write(self, tenant_id: UUID, batch: Sequence[_Waiting]) -> None:
        try:
            noted = await self._noted(tenant_id, [each.row for each in batch])
        except Exception as error:  # The top of a task: whoever waits is told.
            for each in batch:
                if not each.is_noted.done():
                    each.is_noted.set_exception(error)
        else:
            for each in batch:
                if not each.is_noted.done():
                    each.is_noted.set_result(each.row["id"] in noted)
                elif each.row["id"] in noted:
                    self._given_up(tenant_id, each.row["id"])
        finally:
            _let_go(batch)

    async def _noted(self, tenant_id: UUID, rows: Sequence[Row]) -> set[UUID]:
        """The ids of those that stand there; where one cannot be written, none does."""
        try:
            values = {
                "tenant": tenant_id,
                "calls": pydantic_core.to_json(rows).decode(),
                "messages": MESSAGES_HEARD,
            }
            written = await self._database.once(tenant_id, sql.NOTE_IN_RUNS, values, first=sql.LOCK_RUNS)
        except (psycopg.Error, ValueRefused, pydantic_core.PydanticSerializationError) as error:
            _log.info("calls are noted one by one", calls=len(rows), cause=type(error).__name__)
            return set()
        except DependencyUnavailable as failure:
            if not isinstance(failure.__cause__, psycopg.errors.LockNotAvailable):
                raise
            return set()  # A row that it refers to is being changed elsewhere.
        return {row.id for row in written}


def _let_go(waiting: Sequence[_Waiting]) -> None:
    """Of a writer that was ended: nobody else would ever answer them."""
    for each in waiting:
        each.is_noted.cancel()


def _one_of_each_run(waiting: Sequence[_Waiting]) -> tuple[list[_Waiting], list[_Waiting]]:
    """The next statement's, and those after it; who hung up meanwhile calls nothing."""
    batch, later = dict[UUID, _Waiting](), list[_Waiting]()
    for each in waiting:
        if each.is_noted.cancelled():
            continue
        if len(batch) == ROWS_MAX or each.row["run"] in batch:
            later.append(each)
        else:
            batch[each.row["run"]] = each
    return list(batch.values()), later
