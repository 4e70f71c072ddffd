"""Who may do what at this moment, from the rows; every use of a credential is written down before.

The line of a call that may simply be made is committed and seen by everybody before the call; on the disk it
is with the call's end, some 50 ms after it, so a crash of Postgres itself can lose the lines of its last
moment. A call that uses somebody's yes waits for the disk: a yes is used once.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid4

import psycopg
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_contracts.tool_use import arguments_shown, fits_question, tool_question
from oblivion_mcp_hub.adapters import ledger_sql as sql
from oblivion_mcp_hub.adapters.ledger_ends import EndsOfCalls
from oblivion_mcp_hub.adapters.ledger_notes import NotesOfCalls
from oblivion_mcp_hub.domain.callers import Caller, RunClaim
from oblivion_mcp_hub.domain.trust import Standing, Trust, lowest, writing_in_run
from oblivion_mcp_hub.errors import ApprovalNeeded, CallRefused, RunNotHeld, TooManyCalls
from oblivion_mcp_hub.ports import Ended, Judge, NewCall
from oblivion_platform.agents import AgentDirectory, AgentRecord
from oblivion_platform.database.engine import Database
from oblivion_platform.door import NotAllowed
from oblivion_platform.runs.context import MESSAGES_HEARD

GONE = "This tool is not there any more."
ARGUMENTS_TOO_LONG = (
    "A member has to allow this call, and its arguments are longer than a person can be shown. Make them"
    " shorter, or do it in several calls."
)


class PostgresLedger:
    """Implements `ports.Ledger`."""

    def __init__(self, database: Database, agents: AgentDirectory) -> None:
        self._database = database
        self._agents = agents
        self._ends = EndsOfCalls(database)
        self._notes = NotesOfCalls(database, given_up=self._give_up)

    async def standing(self, caller: Caller) -> Standing:
        agent = await self._agent(caller)
        if caller.run is None or agent is None:
            return _without_run(caller, agent)
        values = {"run": caller.run.run_id, "messages": MESSAGES_HEARD}
        rows = await self._database.once(caller.tenant_id, sql.STANDING_ALONE, values)
        return _standing(rows[0] if rows else None, agent, caller.run)

    async def begin(self, call: NewCall, judge: Judge) -> UUID:
        """Nearly every call may be made and says so in one statement; the others are asked why not."""
        agent = await self._agent(call.caller)
        call_id = uuid4()
        try:
            if await self._written_at_once(call, call_id, agent, judge):
                return call_id
        except psycopg.errors.IntegrityError:  # The connection was deleted this moment.
            raise NotAllowed(GONE) from None
        return await self._begun_in_steps(call, call_id, agent, judge)

    def end(self, tenant_id: UUID, call_id: UUID, ended: Ended) -> None:
        self._ends.add(tenant_id, call_id, ended)

    def _give_up(self, tenant_id: UUID, call_id: UUID) -> None:
        self._ends.add(tenant_id, call_id, Ended(is_success=False, elapsed_s=0, code="cancelled"))

    async def close(self) -> None:
        """Return when the ends of all calls are written."""
        await self._notes.close()
        await self._ends.close()

    async def _written_at_once(
        self, call: NewCall, call_id: UUID, agent: AgentRecord | None, judge: Judge
    ) -> bool:
        values = _row(call, call_id)
        if call.caller.run is None or agent is None:
            standing = _without_run(call.caller, agent)
            if not _passes(judge, standing):
                return False
            values["trust"] = standing.trust.label
            return bool(await self._database.once(call.caller.tenant_id, sql.NOTE, values, first=sql.SOON))
        standings = _standings_in_runs(tuple(agent.definition.tools))
        passing = [standing.trust.label for standing in standings if _passes(judge, standing)]
        if not passing:
            return False
        more = {
            "fence": call.caller.run.fence,
            "agent": agent.id,
            "most": agent.definition.limits.max_tool_calls_per_run,
            "passing": passing,
        }
        return await self._notes.add(call.caller.tenant_id, {**values, **more})

    async def _begun_in_steps(
        self, call: NewCall, call_id: UUID, agent: AgentRecord | None, judge: Judge
    ) -> UUID:
        caller = call.caller
        async with self._database.tenant(caller.tenant_id) as tx:
            if caller.run is None or agent is None:
                standing = _without_run(caller, agent)
            else:
                # One after the other, so that neither a limit nor an approval is used twice.
                await tx.execute(sql.ONE_AT_A_TIME, {"run": str(caller.run.run_id)})
                standing = await _in_run(tx, agent, caller.run)
            approval_id = await _approval(tx, call) if judge(standing) else None
            if standing.calls_max is not None and standing.calls_made >= standing.calls_max:
                raise TooManyCalls(standing.calls_max)
            await _write_down(tx, call, call_id, standing.trust, approval_id)
        return call_id

    async def _agent(self, caller: Caller) -> AgentRecord | None:
        """The agent that asks; None for a person. Raises: NotAllowed: it is disabled."""
        if caller.kind == "user":
            return None
        agent = await self._agents.find(caller.tenant_id, caller.id)
        if agent is None or not agent.is_active:
            raise NotAllowed("This agent is disabled.")
        return agent


def _without_run(caller: Caller, agent: AgentRecord | None) -> Standing:
    """A person for themselves; an agent outside of its runs, which only looks."""
    if agent is not None:
        return Standing(Trust.OUTSIDER, "never", patterns=tuple(agent.definition.tools))
    if caller.role == "guest":
        return Standing(Trust.GUEST, "never")
    return Standing(Trust.MEMBER, "free")


@lru_cache(maxsize=1_000)
def _standings_in_runs(patterns: tuple[str, ...]) -> tuple[Standing, ...]:
    """One for each trust that there may be, of agents with these tools."""
    return tuple(Standing(trust, writing_in_run(trust), patterns) for trust in Trust)


async def _in_run(tx: AsyncConnection, agent: AgentRecord, claim: RunClaim) -> Standing:
    """Raises: RunNotHeld."""
    values = {"run": claim.run_id, "messages": MESSAGES_HEARD}
    return _standing((await tx.execute(sql.STANDING, values)).one_or_none(), agent, claim)


def _standing(row: Any, agent: AgentRecord, claim: RunClaim) -> Standing:
    """Raises: RunNotHeld."""
    if row is None or not _is_held(row, agent, claim):
        raise RunNotHeld
    trust = lowest(row.voices, heard_tools=row.heard_tools)
    allowed: Sequence[str] | None = row.allowed_tools
    return Standing(
        trust,
        writing_in_run(trust),
        patterns=tuple(agent.definition.tools),
        run_patterns=None if allowed is None else tuple(allowed),
        calls_max=agent.definition.limits.max_tool_calls_per_run,
        calls_made=row.calls_made,
    )


def _is_held(row: Any, agent: AgentRecord, claim: RunClaim) -> bool:
    return bool(row.is_held) and row.fence == claim.fence and row.agent_id == agent.id


async def _approval(tx: AsyncConnection, call: NewCall) -> UUID:
    """A member's yes to exactly this call that was not used yet.

    Raises:
        ApprovalNeeded
        CallRefused: nobody could be shown all of it.
    """
    name, detail = call.name, arguments_shown(call.arguments)
    if not fits_question(detail):
        raise CallRefused("arguments_too_long", ARGUMENTS_TOO_LONG)
    run_id = None if call.caller.run is None else call.caller.run.run_id
    values = {"run": run_id, "question": tool_question(name), "detail": detail}
    found: UUID | None = (await tx.execute(sql.APPROVED, values)).scalar_one_or_none()
    if found is None:
        raise ApprovalNeeded(name)
    return found


async def _write_down(
    tx: AsyncConnection, call: NewCall, call_id: UUID, trust: Trust, approval_id: UUID | None
) -> None:
    values = {**_row(call, call_id), "trust": trust.label, "approval": approval_id}
    try:
        await tx.execute(sql.BEGIN, values)
    except IntegrityError:
        raise NotAllowed(GONE) from None


def _row(call: NewCall, call_id: UUID) -> dict[str, Any]:
    caller = call.caller
    return {
        "id": call_id,
        "tenant": caller.tenant_id,
        "connection": call.connection_id,
        "tool": call.upstream,
        "caller": caller.subject,
        "run": None if caller.run is None else caller.run.run_id,
        "is_write": call.is_write,
        "arguments": sorted(call.arguments)[:50],
    }


def _passes(judge: Judge, standing: Standing) -> bool:
    """Whether the call may be made without anybody's yes."""
    try:
        return not judge(standing)
    except CallRefused:
        return False
