"""The hub's ledger of tool calls, for those who look at a run or at a connection."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_contracts.tool_calls import ToolCallView

OF_ONE_RUN_MAX = 500


@dataclass(frozen=True)
class ToolCallFilter:
    """Which calls to list; None lists all."""

    connection_id: UUID | None = None
    tool: str | None = None
    limit: int = 50
    before: tuple[datetime, UUID] | None = None
    """Where the page before ended."""


async def list_tool_calls(tx: AsyncConnection, wanted: ToolCallFilter) -> list[ToolCallView]:
    """Newest first."""
    at, last = wanted.before or (None, None)
    values = {
        "connection": wanted.connection_id,
        "tool": wanted.tool,
        "limit": wanted.limit,
        "at": at,
        "last": last,
    }
    rows = await tx.execute(_LIST, values)
    return [ToolCallView.model_validate(dict(row)) for row in rows.mappings()]


async def tool_calls_of_run(tx: AsyncConnection, run_id: UUID) -> list[ToolCallView]:
    """Oldest first, at most 500."""
    rows = await tx.execute(_OF_RUN, {"run": run_id, "limit": OF_ONE_RUN_MAX})
    return [ToolCallView.model_validate(dict(row)) for row in rows.mappings()]


_COLUMNS = """c.id, c.at, c.connection_id, m.name AS connection, c.tool, c.run_id, c.caller, c.trust,
    c.is_write, c.arguments, c.approval_id IS NOT NULL AS was_approved, c.state, c.code, c.elapsed_ms"""
_LIST = text(f"""
    SELECT {_COLUMNS} FROM tool_calls c JOIN mcp_connections m ON m.id = c.connection_id
    WHERE (CAST(:connection AS uuid) IS NULL OR c.connection_id = :connection)
        AND (CAST(:tool AS text) IS NULL OR c.tool = :tool)
        AND (CAST(:at AS timestamptz) IS NULL
             OR (c.at, c.id) < (CAST(:at AS timestamptz), CAST(:last AS uuid)))
    ORDER BY c.at DESC, c.id DESC LIMIT :limit
""")  # noqa: S608 - a constant
_OF_RUN = text(f"""
    SELECT {_COLUMNS} FROM tool_calls c JOIN mcp_connections m ON m.id = c.connection_id
    WHERE c.run_id = :run ORDER BY c.at, c.id LIMIT :limit
""")  # noqa: S608 - a constant
