"""Tools as they were first seen: what a server says of them later must be the same, or an admin's wish."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

PINS_MAX = 1_000
"""Of one connection: a server that names its tools anew each time fills no table."""
Pins = Mapping[str, str]
"""Tool → hash of its definition."""
Told = Mapping[str, Mapping[str, Any]]
"""Tool → what its server says of it."""
KEPT_CHARACTERS_MAX = 16_384
"""Of a definition; of a longer one the hash alone is kept."""


async def read_pins(tx: AsyncConnection, connection_id: UUID) -> Pins:
    rows = await tx.execute(_READ, {"connection": connection_id})
    return {row.tool: row.definition_hash for row in rows}


async def pin_new_tools(
    tx: AsyncConnection,
    tenant_id: UUID,
    connection_id: UUID,
    hashes: Pins,
    told: Told,
    *,
    by: str = "first sight",
) -> Pins:
    """Pin those that were never seen, up to `PINS_MAX` of a connection; returns what is pinned of all."""
    await tx.execute(_PIN_NEW, {**_rows(tenant_id, connection_id, hashes, by), "most": PINS_MAX})
    await _keep(tx, connection_id, told)
    return await read_pins(tx, connection_id)


async def pin_seen(
    tx: AsyncConnection, tenant_id: UUID, connection_id: UUID, hashes: Pins, told: Told, *, by: str
) -> None:
    """Pin these in the place of what was pinned: somebody has looked at them."""
    await tx.execute(_PIN_SEEN, _rows(tenant_id, connection_id, hashes, by))
    await _keep(tx, connection_id, told)
    await tx.execute(_TELL, {"connection": connection_id})


async def read_definition(tx: AsyncConnection, connection_id: UUID, tool: str) -> Mapping[str, Any] | None:
    """What was pinned of it; None where only its hash was kept."""
    row = await tx.execute(_READ_DEFINITION, {"connection": connection_id, "tool": tool})
    return row.scalar_one_or_none()


def _rows(tenant_id: UUID, connection_id: UUID, hashes: Pins, by: str) -> dict[str, Any]:
    tools = sorted(hashes)
    return {
        "tenant": tenant_id,
        "connection": connection_id,
        "tools": tools,
        "hashes": [hashes[tool] for tool in tools],
        "by": by,
    }


async def _keep(tx: AsyncConnection, connection_id: UUID, told: Told) -> None:
    """Beside the hashes, to be shown when a server says something else."""
    texts = {tool: json.dumps(definition) for tool, definition in told.items()}
    kept = sorted(tool for tool, text in texts.items() if len(text) <= KEPT_CHARACTERS_MAX)
    values = {"connection": connection_id, "tools": kept, "told": [texts[tool] for tool in kept]}
    await tx.execute(_KEEP, values)


async def unpin(tx: AsyncConnection, connection_id: UUID, tools: Sequence[str]) -> None:
    """Forget what was pinned of these tools, or of all when none are named; what is seen next is pinned."""
    await tx.execute(_UNPIN, {"connection": connection_id, "all": not tools, "tools": list(tools)})
    await tx.execute(_TELL, {"connection": connection_id})


_READ = text("SELECT tool, definition_hash FROM tool_pins WHERE connection_id = :connection")
_PIN_NEW = text("""
    INSERT INTO tool_pins (tenant_id, connection_id, tool, definition_hash, pinned_by)
    SELECT :tenant, :connection, seen.tool, seen.hash, :by
    FROM unnest(CAST(:tools AS text[]), CAST(:hashes AS text[])) AS seen (tool, hash)
    WHERE NOT EXISTS (
        SELECT FROM tool_pins known WHERE known.connection_id = :connection AND known.tool = seen.tool
    )
    LIMIT greatest(0, :most - (SELECT count(*) FROM tool_pins known WHERE known.connection_id = :connection))
    ON CONFLICT (tenant_id, connection_id, tool) DO NOTHING
""")
_PIN_SEEN = text("""
    INSERT INTO tool_pins (tenant_id, connection_id, tool, definition_hash, pinned_by)
    SELECT :tenant, :connection, seen.tool, seen.hash, :by
    FROM unnest(CAST(:tools AS text[]), CAST(:hashes AS text[])) AS seen (tool, hash)
    ON CONFLICT (tenant_id, connection_id, tool) DO UPDATE SET
        definition_hash = excluded.definition_hash, definition = NULL, pinned_by = excluded.pinned_by,
        pinned_at = now()
""")
_READ_DEFINITION = text("""
    SELECT definition FROM tool_pins WHERE connection_id = :connection AND tool = :tool
""")
_KEEP = text("""
    UPDATE tool_pins SET definition = CAST(seen.told AS json)
    FROM unnest(CAST(:tools AS text[]), CAST(:told AS text[])) AS seen (tool, told)
    WHERE tool_pins.connection_id = :connection AND tool_pins.tool = seen.tool AND definition IS NULL
""")
_UNPIN = text("""
    DELETE FROM tool_pins WHERE connection_id = :connection AND (:all OR tool = ANY(CAST(:tools AS text[])))
""")
_TELL = text("UPDATE mcp_connections SET updated_at = now() WHERE id = :connection")
