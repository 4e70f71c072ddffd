"""What waits and what was called: queues, open breakers, tool calls. Only to be looked at."""

from typing import Protocol
from uuid import UUID

from oblivion_contracts.queues import Breakers, BreakerView, Queues
from oblivion_contracts.tool_calls import ToolCallPage, ToolCalls
from oblivion_gateway.domain.callers import Caller
from oblivion_gateway.domain.cursors import decode_moment, next_cursor
from oblivion_gateway.usecases.requests import Unit
from oblivion_gateway.usecases.runs import visible_run
from oblivion_platform.operations.queues import read_queues
from oblivion_platform.operations.tool_calls import ToolCallFilter, list_tool_calls, tool_calls_of_run


class OpenBreakers(Protocol):
    """What processes say of the providers that they leave alone."""

    async def breakers(self, tenant_id: UUID) -> list[BreakerView]:
        """Raises: DependencyUnavailable."""
        ...


class WatchWork:
    """Of the caller's tenant alone."""

    def __init__(self, breakers: OpenBreakers) -> None:
        self._breakers = breakers

    async def queues(self, unit: Unit) -> Queues:
        return Queues(items=await read_queues(unit.tx))

    async def open_breakers(self, caller: Caller) -> Breakers:
        """Raises: DependencyUnavailable: nobody knows."""
        return Breakers(items=await self._breakers.breakers(caller.tenant_id))

    async def calls_of_run(self, unit: Unit, run_id: UUID) -> ToolCalls:
        """Raises: RunUnknown."""
        await visible_run(unit, run_id)
        return ToolCalls(items=await tool_calls_of_run(unit.tx, run_id))

    async def calls(
        self, unit: Unit, cursor: str | None, limit: int, *, connection_id: UUID | None, tool: str | None
    ) -> ToolCallPage:
        wanted = ToolCallFilter(connection_id, tool, limit, decode_moment(cursor))
        found = await list_tool_calls(unit.tx, wanted)
        return ToolCallPage(
            items=found, next_cursor=next_cursor(found, limit, lambda one: (one.at.isoformat(), one.id))
        )
