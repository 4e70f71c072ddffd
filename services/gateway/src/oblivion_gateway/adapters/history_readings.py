# ruff: noqa: S608 - statements are put together of constants
"""Implements `HistoryReadings`: whose words are in what was found is asked of the rows, not of the index."""

from collections.abc import Sequence, Set
from typing import LiteralString
from uuid import UUID

from oblivion_platform.database.engine import Database
from oblivion_platform.runs.context import MESSAGES_HEARD, context_of


class PostgresHistoryReadings:
    """One statement each; reading the same again changes nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def by_members(self, tenant_id: UUID, found: Sequence[UUID]) -> Set[UUID]:
        values = {"found": list(found), "messages": MESSAGES_HEARD}
        rows = await self._database.once(tenant_id, _BY_MEMBERS, values)
        return {row.id for row in rows}

    async def of_run(self, tenant_id: UUID, run_id: UUID, found: Sequence[UUID]) -> None:
        values = {"run": run_id, "found": list(found), "messages": MESSAGES_HEARD}
        await self._database.once(tenant_id, _OF_RUN, values)

    async def of_agent(self, tenant_id: UUID, agent_id: UUID, found: Sequence[UUID]) -> None:
        values = {"agent": agent_id, "found": list(found), "messages": MESSAGES_HEARD}
        await self._database.once(tenant_id, _OF_AGENT, values)


# Of a run that the index knows and Postgres does not, nobody knows who spoke.
_NOTED: LiteralString = f"""
    INSERT INTO history_readings (tenant_id, run_id, found_run_id, speakers, connections)
    SELECT oblivion_tenant(), reading.id, found.id, words.speakers, words.connections
    FROM reading CROSS JOIN unnest(%(found)s::uuid[]) AS found (id)
    LEFT JOIN runs ended ON ended.id = found.id
    CROSS JOIN LATERAL (
        {context_of("found.id", said_until="coalesce(ended.finished_at, 'infinity')")}
        SELECT
            ARRAY(SELECT user_id FROM voices UNION SELECT NULL WHERE NOT EXISTS (SELECT FROM up)) AS speakers,
            ARRAY(SELECT DISTINCT connection_id FROM results) AS connections
    ) words
    ON CONFLICT DO NOTHING RETURNING found_run_id
"""
# As the MCP hub judges a run: by who people are now, and which connections are trusted now.
_BY_MEMBERS: LiteralString = f"""
    SELECT found.id FROM unnest(%(found)s::uuid[]) AS found (id)
    LEFT JOIN runs ended ON ended.id = found.id
    CROSS JOIN LATERAL (
        {context_of("found.id", said_until="coalesce(ended.finished_at, 'infinity')")}
        SELECT EXISTS (SELECT FROM up)
            AND NOT EXISTS (
                SELECT FROM voices LEFT JOIN users u ON u.id = voices.user_id AND u.state = 'active'
                WHERE coalesce(u.role, '') NOT IN ('admin', 'user'))
            AND NOT EXISTS (
                SELECT FROM results LEFT JOIN mcp_connections k ON k.id = results.connection_id
                WHERE k.is_trusted IS NOT TRUE) AS are_members
    ) words
    WHERE words.are_members
"""
_OF_RUN: LiteralString = f"WITH reading AS (SELECT %(run)s::uuid AS id) {_NOTED}"
_OF_AGENT: LiteralString = f"""
    WITH reading AS (
        SELECT id FROM runs WHERE agent_id = %(agent)s AND state IN ('assigned', 'running', 'waiting')
    ) {_NOTED}
"""
