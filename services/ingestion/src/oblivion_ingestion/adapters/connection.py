"""One Postgres connection that comes back by itself, and never makes a caller wait longer than it said.

A server that is stopped rather than dead (SIGSTOP, a wedged failover) closes nothing and answers nothing, so
every use has a deadline. Past it the socket is shut down: cancelling instead would make psycopg ask that same
server to cancel the query, and wait for it.
"""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import psycopg
from psycopg import AsyncConnection
from psycopg.pq import TransactionStatus

from oblivion_ingestion.errors import StoreUnavailable

ResultT = TypeVar("ResultT")
Connection = AsyncConnection[tuple[Any, ...]]
AWAY = (psycopg.OperationalError, psycopg.InterfaceError, TimeoutError, OSError)
"""What a Postgres that is away, or goes away, raises."""


class SteadyConnection:
    """Connects on first use and again after a failure. One use at a time."""

    def __init__(self, url: str, *, application: str, timeout_s: float, behind_pooler: bool = False) -> None:
        """`behind_pooler`: no prepared statements and no session settings, which a pooler would mix up."""
        self._url = url
        self._application = application
        self._timeout_s = timeout_s
        self._behind_pooler = behind_pooler
        self._connection: Connection | None = None
        self._turn = asyncio.Lock()

    @property
    def connected(self) -> bool:
        """Whether the last use left it usable; a server that has gone since is noticed at the next one."""
        return self._connection is not None

    async def run(self, work: Callable[[Connection], Awaitable[ResultT]]) -> ResultT:
        """Do `work` on the connection, in autocommit unless it opens a transaction.

        Raises:
            StoreUnavailable: no answer in time, or the connection broke: `work` may have been done or not.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._turn.acquire()
        except TimeoutError:
            raise StoreUnavailable from None
        try:
            connection = self._connection or await self._connect()
            return await self._within_deadline(connection, work)
        except AWAY as error:
            raise StoreUnavailable from error
        finally:
            self._turn.release()

    async def connect(self) -> None:
        """Connect now, if it is not.

        Raises:
            StoreUnavailable: Postgres does not answer.
        """
        await self.run(_nothing)

    async def close(self) -> None:
        """Throw the connection away; the next use makes a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _within_deadline(
        self, connection: Connection, work: Callable[[Connection], Awaitable[ResultT]]
    ) -> ResultT:
        deadline = asyncio.get_running_loop().call_later(self._timeout_s, _cut, connection)
        try:
            return await work(connection)
        finally:
            deadline.cancel()
            if connection.info.transaction_status != TransactionStatus.IDLE:
                await self.close()

    async def _connect(self) -> Connection:
        session = "" if self._behind_pooler else f"-c statement_timeout={int(self._timeout_s * 1000)}"
        async with asyncio.timeout(self._timeout_s):
            self._connection = await AsyncConnection.connect(
                self._url,
                autocommit=True,
                # The same few statements over and over: prepared at their first use.
                prepare_threshold=None if self._behind_pooler else 0,
                application_name=self._application,
                options=session,
            )
        return self._connection


def _cut(connection: Connection) -> None:
    """Make whoever waits on the connection's socket see its end."""
    if connection.closed:
        return
    with socket.socket(fileno=os.dup(connection.fileno())) as duplicate:
        duplicate.shutdown(socket.SHUT_RDWR)


async def _nothing(_connection: Connection) -> None:
    return None
