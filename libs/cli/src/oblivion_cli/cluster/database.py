"""Roles, then schema; both may be there already, and Postgres may still be starting."""

import asyncio
import time
from collections.abc import Callable, Mapping

import psycopg

from oblivion_cli.errors import DependencyAway
from oblivion_platform.database.migrate import upgrade
from oblivion_platform.database.roles import ensure_roles

POSTGRES_WITHIN_S = 600.0
POLL_S = 1.0
CONNECT_TIMEOUT_S = 5

Say = Callable[[str], None]


async def prepare_database(
    admin_url: str | None, owner_url: str, passwords: Mapping[str, str], say: Say
) -> None:
    """Wait for Postgres, make the roles with these passwords, bring the schema up.

    `admin_url`: None where somebody else makes the roles.

    Raises:
        DependencyAway: Postgres did not answer for POSTGRES_WITHIN_S.
    """
    await _until_it_answers(admin_url or owner_url, say)
    if admin_url is not None:
        await ensure_roles(admin_url, passwords)
        say("the roles are there")
    await asyncio.to_thread(upgrade, owner_url)
    say("the schema is up to date")


async def _until_it_answers(url: str, say: Say) -> None:
    deadline = time.monotonic() + POSTGRES_WITHIN_S
    told = ""
    while True:
        try:
            connection = await psycopg.AsyncConnection.connect(url, connect_timeout=CONNECT_TIMEOUT_S)
        except psycopg.OperationalError as error:
            reason = _reason(error)
        else:
            await connection.close()
            return
        if reason != told:
            say(f"waiting for Postgres: {reason}")
            told = reason
        if time.monotonic() > deadline:
            raise DependencyAway(
                f"Postgres does not answer: {reason}.", "Look at its pod, and at its Secret."
            )
        await asyncio.sleep(POLL_S)


def _reason(error: psycopg.OperationalError) -> str:
    """The last clause says what is wrong; what stands before it is the address."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[-1].rpartition(": ")[2].strip().rstrip("?")
