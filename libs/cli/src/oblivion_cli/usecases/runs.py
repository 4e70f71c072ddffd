"""Runs of a tenant, looked at and cancelled from the command line."""

from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import text

from oblivion_cli.errors import CommandFailed, NotFound
from oblivion_cli.usecases.audit import Actor, note
from oblivion_cli.usecases.ids import check_prefix, the_one
from oblivion_contracts.runs import RunView
from oblivion_platform import runs
from oblivion_platform.agents import AgentNotFound, find_agent
from oblivion_platform.database.engine import Database
from oblivion_platform.operations.runs import RunFilter, list_runs, show_runs
from oblivion_platform.runs import Change, Run

_FIND = text("SELECT id FROM runs WHERE CAST(id AS text) LIKE :prefix || '%' LIMIT 2")


class Telling(Protocol):
    """Who is told of a cancelled run: its agent, and whoever shows it. Best effort; sweeps find the rest."""

    async def cancelled(self, run: Run, change: Change) -> None: ...


@dataclass(frozen=True)
class Wanted:
    """Which runs to list; None lists all."""

    state: str | None = None
    agent: str | None = None
    limit: int = 50


class Runs:
    """The runs of one tenant."""

    def __init__(self, database: Database, tenant_id: UUID, actor: Actor) -> None:
        self._database = database
        self._tenant_id = tenant_id
        self._actor = actor

    async def listing(self, wanted: Wanted) -> list[RunView]:
        """Newest first.

        Raises:
            NotFound: there is no such agent.
        """
        async with self._database.tenant(self._tenant_id) as tx:
            agent_id = None
            if wanted.agent is not None:
                try:
                    agent_id = (await find_agent(tx, wanted.agent)).id
                except AgentNotFound:
                    raise NotFound(
                        f"There is no agent called {wanted.agent}.", "See `oblivion agents list`."
                    ) from None
            return await list_runs(tx, RunFilter(state=wanted.state, agent_id=agent_id, limit=wanted.limit))

    async def find(self, typed: str) -> UUID:
        """The id that is meant.

        Raises:
            NotFound, UsageWrong: no run has it, or several have.
        """
        async with self._database.tenant(self._tenant_id) as tx:
            found = (await tx.execute(_FIND, {"prefix": check_prefix(typed)})).all()
        return the_one(found, "run", typed, "oblivion runs list")

    async def show(self, run_id: UUID) -> dict[str, Any]:
        """A run and its steps."""
        async with self._database.tenant(self._tenant_id) as tx:
            run = await self._read(tx, run_id)
            (shown,) = await show_runs(tx, [run])
            steps = await runs.events_since(tx, run_id, 0)
        described = shown.model_dump(mode="json")
        return {**described, "events": [step.model_dump(mode="json", exclude={"run_id"}) for step in steps]}

    async def cancel(self, run_id: UUID, telling: Telling) -> None:
        """End a run at once; what its agent still sends is refused.

        Raises:
            CommandFailed: it is over already.
        """
        async with self._database.tenant(self._tenant_id) as tx:
            run = await self._read(tx, run_id)
            ending = await runs.stop(tx, run, self._actor.name, stopper=None)
            if ending is None:
                raise CommandFailed(f"The run has already {run.state}.", "Nothing is left to cancel.")
            await note(tx, self._tenant_id, self._actor, "run.cancelled", run_id)
        for stopped in ending.stopped:
            await telling.cancelled(stopped.run, stopped.change)

    async def _read(self, tx: Any, run_id: UUID) -> Run:
        run = await runs.read(tx, run_id)
        if run is None:
            raise NotFound(f"There is no run {run_id}.", "See `oblivion runs list`.")
        return run
