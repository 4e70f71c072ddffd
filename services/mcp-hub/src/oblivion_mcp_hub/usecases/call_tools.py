"""Tools listed and called: policy, then the server, within bounds; every use of a credential on record."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from mcp_types import (
    INTERNAL_ERROR,
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    CallToolResult,
    InputRequiredResult,
    Tool,
)

from oblivion_mcp_hub.domain.callers import Caller
from oblivion_mcp_hub.domain.catalog import Catalog, Entry
from oblivion_mcp_hub.domain.judgement import needs_approval
from oblivion_mcp_hub.domain.results import aged, approval_needed, failure, maybe_done, size_of
from oblivion_mcp_hub.domain.rounds import asks_too_much
from oblivion_mcp_hub.domain.server_address import address_of
from oblivion_mcp_hub.domain.trust import Standing
from oblivion_mcp_hub.errors import (
    ApprovalNeeded,
    CallRefused,
    ServerBrokeOff,
    ServerDeclined,
    ServerMisbehaved,
    is_of_credential,
)
from oblivion_mcp_hub.metrics import REFUSALS, TOOL_CALLS
from oblivion_mcp_hub.oauth_errors import SignInMissing
from oblivion_mcp_hub.ports import NOTHING_ELSE, Ended, Exchange, Ledger, NewCall, Notices, ToolServers
from oblivion_mcp_hub.usecases.earlier_results import EarlierResults
from oblivion_mcp_hub.usecases.know_tools import KnownTools, KnowTools
from oblivion_mcp_hub.usecases.tell_calls import TellCalls
from oblivion_platform.connections import Connection
from oblivion_platform.errors import DependencyUnavailable, OblivionFailure, TransientFailure
from oblivion_platform.logging import get_logger
from oblivion_platform.resilience import Breakers

ASKS_TOO_MUCH = "wants to know something that nobody here can be asked"
CACHED = "cached"
"""The code of a call that an earlier result answered."""
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class CallTerms:
    """Bounds of one call."""

    timeout_s: float
    result_max_bytes: int


@dataclass(frozen=True, slots=True)
class Listing:
    """The tools of a caller, and connection → why its tools are missing."""

    catalog: Catalog
    standing: Standing
    missing: dict[str, str]

    @property
    def tools(self) -> list[Tool]:
        return self.catalog.listed_for(self.standing)

    @property
    def wire(self) -> bytes:
        """The items of a JSON array."""
        return self.catalog.wire_for(self.standing)


class CallTools:
    """The way of every call."""

    def __init__(
        self,
        known: KnowTools,
        servers: ToolServers,
        ledger: Ledger,
        notices: Notices,
        breakers: Breakers,
        told: TellCalls,
        terms: CallTerms,
    ) -> None:
        self._known = known
        self._servers = servers
        self._ledger = ledger
        self._notices = notices
        self._breakers = breakers
        self._told = told
        self._terms = terms
        self._earlier = EarlierResults()

    async def listing(self, caller: Caller) -> Listing:
        """Raises: RunNotHeld, NotAllowed, DependencyUnavailable."""
        standing = await self._ledger.standing(caller)
        catalog = (await self._known.of(caller.tenant_id)).catalog
        missing = {
            name: why
            for name, why in catalog.missing.items()
            if standing.patterns is None or any(p.startswith(f"{name}__") for p in standing.patterns)
        }
        await self._tell(caller, missing)
        return Listing(catalog, standing, missing)

    async def call(
        self, caller: Caller, name: str, arguments: dict[str, Any], exchange: Exchange = NOTHING_ELSE
    ) -> CallToolResult | InputRequiredResult:
        """The result, what the server needs to know before it, or for the model why there is none.

        Raises:
            ServerDeclined: what the server needs of the caller is not there, or not what it asked for.
            RunNotHeld, NotAllowed: nothing is for this caller any more.
            DependencyUnavailable: it could not be told, and nothing was called.
        """
        known = await self._known.of(caller.tenant_id)
        entry = known.catalog.by_name.get(name) or self._answered_before(known, name, arguments)
        if entry is None:
            return failure(_why_missing(known, name))
        faults = entry.arguments.faults(arguments)
        if faults is not None:
            return failure(f"These arguments do not fit {name}: {faults}")
        try:
            call = NewCall(
                caller, entry.source.connection_id, name, entry.upstream, not entry.is_read_only, arguments
            )
            call_id = await self._ledger.begin(call, lambda standing: needs_approval(entry, standing))
        except CallRefused as refused:
            REFUSALS.labels(refused.code).inc()
            self._told.refused(caller, entry, refused.code)
            told = approval_needed if isinstance(refused, ApprovalNeeded) else failure
            return told(refused.message)
        connection = known.connections[entry.source.connection_id]
        fresh = self._earlier.fresh(connection, entry, arguments)
        if fresh is not None:
            TOOL_CALLS.labels(connection.provider, CACHED).observe(0)
            self._told.remembered(caller, entry)
            self._ledger.end(caller.tenant_id, call_id, Ended(is_success=True, elapsed_s=0, code=CACHED))
            return fresh
        return await self._called(caller, call_id, connection, entry, arguments, exchange)

    def _answered_before(self, known: KnownTools, name: str, arguments: dict[str, Any]) -> Entry | None:
        """A tool that is not there now, and whose earlier answer is."""
        entry = known.catalog.before.get(name)
        connection = None if entry is None else known.connections.get(entry.source.connection_id)
        if entry is None or connection is None:
            return None
        return entry if self._earlier.find(connection, entry, arguments) else None

    async def _tell(self, caller: Caller, missing: dict[str, str]) -> None:
        if caller.run is not None and missing:
            await self._notices.tools_missing(caller.tenant_id, caller.run.run_id, missing)

    async def _called(
        self,
        caller: Caller,
        call_id: UUID,
        connection: Connection,
        entry: Entry,
        arguments: dict[str, Any],
        exchange: Exchange,
    ) -> CallToolResult | InputRequiredResult:
        began = time.monotonic()
        code: str | None = "cancelled"
        problem: OblivionFailure | None = None
        asked = self._earlier.asked(connection, entry)
        try:
            result = await self._guarded(connection, entry, arguments, exchange)
            code = "tool_error" if isinstance(result, CallToolResult) and result.is_error else None
            if isinstance(result, CallToolResult):
                asked.keep(arguments, result)
        except ServerDeclined as declined:
            code = declined.code
            raise
        except OblivionFailure as failed:
            problem, code = failed, failed.code
            if isinstance(failed, DependencyUnavailable | SignInMissing):
                await self._tell(caller, {connection.name: failed.message})
            result = await self._instead(connection, entry, arguments, failed)
        finally:
            asked.over()
            elapsed_s = time.monotonic() - began
            TOOL_CALLS.labels(connection.provider, code or "succeeded").observe(elapsed_s)
            ended = Ended(is_success=code is None, elapsed_s=elapsed_s, code=code)
            self._ledger.end(caller.tenant_id, call_id, ended)
            self._told.over(caller, entry, code, elapsed_s)
        if code is None:
            await self._known.works(connection)
        elif problem is not None and is_of_credential(problem):
            await self._known.refuses(connection, problem)
        return result

    async def _guarded(
        self, connection: Connection, entry: Entry, arguments: dict[str, Any], exchange: Exchange
    ) -> CallToolResult | InputRequiredResult:
        async with self._breakers.guard(connection.tenant_id, connection.name):
            try:
                async with asyncio.timeout(self._terms.timeout_s):
                    server = self._servers.of(connection)
                    result = await server.call(entry.upstream, arguments, exchange)
            except TimeoutError:
                late = f"nothing within {self._terms.timeout_s:.0f} s"
                raise ServerBrokeOff(connection.name, late, at=address_of(connection)) from None
            except ServerDeclined as declined:
                if exchange.is_later_round or declined.rpc_code == MISSING_REQUIRED_CLIENT_CAPABILITY:
                    raise
                result = _declined(entry, declined)
            if isinstance(result, InputRequiredResult) and asks_too_much(result, exchange.can_be_asked):
                raise ServerMisbehaved(connection.name, ASKS_TOO_MUCH)
            return self._checked(connection, entry, result)

    def _checked(
        self, connection: Connection, entry: Entry, result: CallToolResult | InputRequiredResult
    ) -> CallToolResult | InputRequiredResult:
        size = size_of(result)
        if size > self._terms.result_max_bytes:
            most = self._terms.result_max_bytes
            too_large = f"The result of {entry.name} is too large ({size} bytes; {most} are taken)."
            return failure(f"{too_large} Ask for less.") if entry.is_read_only else maybe_done(too_large)
        if isinstance(result, InputRequiredResult):
            return result.model_copy(update={"meta": None})
        if (
            entry.output is not None
            and not result.is_error
            and not entry.output.holds(result.structured_content)
        ):
            raise ServerMisbehaved(connection.name, "answered something else than its own schema says")
        return result.model_copy(update={"meta": None})

    async def _instead(
        self, connection: Connection, entry: Entry, arguments: dict[str, Any], failed: OblivionFailure
    ) -> CallToolResult:
        _log.warning("tool failed", connection=connection.name, tool=entry.upstream[:80], code=failed.code)
        if self._breakers.state(connection.tenant_id, connection.name) == "opened":
            await self._known.withdraw(connection, failed)
        if isinstance(failed, TransientFailure):
            earlier = self._earlier.find(connection, entry, arguments)
            if earlier is not None:
                result, age_s = earlier
                return aged(result, age_s, failed.message)
        if isinstance(failed, ServerBrokeOff | ServerMisbehaved) and not entry.is_read_only:
            return maybe_done(failed.message)
        return failure(failed.message)


def _declined(entry: Entry, declined: ServerDeclined) -> CallToolResult:
    """In the server's words: a model can do something about it, and a client nothing."""
    if declined.rpc_code == INTERNAL_ERROR and not entry.is_read_only:
        return maybe_done(declined.message)
    return failure(declined.message)


def _why_missing(known: KnownTools, name: str) -> str:
    provider = name.partition("__")[0]
    for offer in known.catalog.offers:
        if offer.source.name == provider and offer.problem:
            return f"{name} is not there now: {offer.problem}"
        for withheld in offer.withheld:
            if withheld.name == name:
                return f"{name} is withheld: {withheld.why}"
    return f"There is no tool {name}."
