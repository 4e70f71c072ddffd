"""Dead letters: events and effects that were given up, with the reason and the history of each."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_cli.errors import UsageWrong
from oblivion_cli.usecases.audit import Actor
from oblivion_cli.usecases.events import Reviver, revive
from oblivion_cli.usecases.ids import check_prefix, the_one
from oblivion_platform.database.engine import Database
from oblivion_platform.operations.dead_letters import (
    DEAD,
    choose_letters,
    discard_letters,
    list_letters,
    missing_effects,
    missing_of,
    report_letters,
    retry_letters,
    show_letter,
)
from oblivion_platform.operations.dead_letters import Chosen as Chosen

_FIND = text(f"SELECT id FROM ({DEAD}) dead WHERE CAST(id AS text) LIKE :prefix || '%'")  # noqa: S608 - a constant


@dataclass(frozen=True)
class Choice:
    """Which dead letters are meant: these ids, those of one cause, or everything."""

    ids: list[str] = field(default_factory=list[str])
    cause: str | None = None
    everything: bool = False


class DeadLetters:
    """The dead letters of one tenant."""

    def __init__(self, database: Database, tenant_id: UUID, actor: Actor) -> None:
        self._database = database
        self._tenant_id = tenant_id
        self._actor = actor

    async def listing(self, cause: str | None, limit: int) -> list[dict[str, Any]]:
        async with self._database.tenant(self._tenant_id) as tx:
            return await list_letters(tx, cause, limit)

    async def report(self) -> list[dict[str, Any]]:
        """Counts by cause, with the oldest and the newest of each."""
        async with self._database.tenant(self._tenant_id) as tx:
            return await report_letters(tx)

    async def show(self, typed: str) -> dict[str, Any]:
        """One dead letter with the history of its failures.

        Raises:
            NotFound, UsageWrong: the id means none, or several.
        """
        async with self._database.tenant(self._tenant_id) as tx:
            letter = await show_letter(tx, await self._find(tx, typed))
        return letter | ({"missing": missing_of(letter["what"])} if letter["kind"] == "effect" else {})

    async def missing(self) -> list[str]:
        """What people do not see because of dead effects; one line for each kind."""
        async with self._database.tenant(self._tenant_id) as tx:
            return (await missing_effects(tx)).missing

    async def retry(self, choice: Choice, queue: Reviver) -> Chosen:
        """Try them again. Effects leave with what their task or comment shows now.

        Raises:
            NotFound, UsageWrong: an id means none, or several; nothing was chosen.
        """
        async with self._database.tenant(self._tenant_id) as tx:
            chosen = await self._choose(tx, choice)
            jobs = await retry_letters(tx, self._tenant_id, self._actor, chosen, _subject(choice))
        await revive(queue, jobs)
        return chosen

    async def discard(self, choice: Choice, reason: str) -> Chosen:
        """Give them up for good; they stay in the database, with the reason in the audit log.

        Raises:
            NotFound, UsageWrong: an id means none, or several; nothing was chosen.
        """
        async with self._database.tenant(self._tenant_id) as tx:
            chosen = await self._choose(tx, choice)
            await discard_letters(tx, self._tenant_id, self._actor, chosen, _subject(choice), reason)
        return chosen

    async def _choose(self, tx: AsyncConnection, choice: Choice) -> Chosen:
        if not choice.ids and choice.cause is None and not choice.everything:
            raise UsageWrong("No dead letter is named.", "Give ids, --cause CODE or --all.")
        ids = [await self._find(tx, typed) for typed in choice.ids]
        return await choose_letters(tx, ids, choice.cause, everything=choice.everything)

    async def _find(self, tx: AsyncConnection, typed: str) -> UUID:
        found = (await tx.execute(_FIND, {"prefix": check_prefix(typed)})).all()
        return the_one(found, "dead letter", typed, "oblivion dead-letters list")


def _subject(choice: Choice) -> str:
    return ", ".join(choice.ids) or choice.cause or "all"
