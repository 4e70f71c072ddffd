"""Results of tools that change nothing: for when their server is away, and as a cache where one is set."""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from cachetools import LRUCache, TTLCache
from mcp_types import CallToolResult

from oblivion_mcp_hub.domain.caching import cached_for_s
from oblivion_mcp_hub.domain.catalog import Entry
from oblivion_mcp_hub.domain.results import size_of
from oblivion_platform.connections import Connection

KEPT_TENANTS = 200
KEPT_RESULTS = 50
"""Of a tenant."""
KEPT_RESULT_BYTES_MAX = 64 * 1024
KEPT_FOR_S = 3_600.0
KEPT_CHANGES = 10_000
"""Connections of which is known when something was last changed through them."""

_Results = TTLCache[bytes, tuple[float, CallToolResult]]


class EarlierResults:
    """The last good ones of each tenant, in this replica's memory."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: LRUCache[UUID, _Results] = LRUCache(KEPT_TENANTS)
        self._changed: LRUCache[UUID, float] = LRUCache(KEPT_CHANGES)

    def asked(self, connection: Connection, entry: Entry) -> "Asked":
        """A call begins."""
        return Asked(self, connection, entry, self._clock())

    def find(
        self, connection: Connection, entry: Entry, arguments: dict[str, Any]
    ) -> tuple[CallToolResult, float] | None:
        """The result and its age in seconds, since it was asked for."""
        of_tenant = self._kept.get(connection.tenant_id)
        kept = of_tenant.get(_key(connection, entry, arguments)) if of_tenant and entry.is_read_only else None
        return None if kept is None else (kept[1], self._clock() - kept[0])

    def fresh(self, connection: Connection, entry: Entry, arguments: dict[str, Any]) -> CallToolResult | None:
        """A result that the connection's cache may answer with.

        None where something was changed through the connection, by this replica, since it was asked for.
        """
        within_s = cached_for_s(connection.settings)
        found = self.find(connection, entry, arguments) if within_s else None
        if found is None or found[1] >= within_s:
            return None
        result, age_s = found
        changed = self._changed.get(connection.id)
        return result if changed is None or changed < self._clock() - age_s else None

    def keep(self, asked: "Asked", arguments: dict[str, Any], result: CallToolResult) -> None:
        connection, entry = asked.connection, asked.entry
        if not entry.is_read_only or result.is_error or size_of(result) > KEPT_RESULT_BYTES_MAX:
            return
        of_tenant = self._kept.get(connection.tenant_id)
        if of_tenant is None:
            of_tenant = self._kept[connection.tenant_id] = TTLCache(KEPT_RESULTS, KEPT_FOR_S, self._clock)
        of_tenant[_key(connection, entry, arguments)] = (asked.at, result)

    def changed(self, connection: Connection) -> None:
        """Something was, or may have been, changed through it."""
        self._changed[connection.id] = self._clock()


@dataclass(frozen=True, slots=True)
class Asked:
    """One call: what it returns is as old as its question."""

    results: EarlierResults
    connection: Connection
    entry: Entry
    at: float

    def keep(self, arguments: dict[str, Any], result: CallToolResult) -> None:
        self.results.keep(self, arguments, result)

    def over(self) -> None:
        """However it ended: what changes may have done so before it failed."""
        if not self.entry.is_read_only:
            self.results.changed(self.connection)


def _key(connection: Connection, entry: Entry, arguments: dict[str, Any]) -> bytes:
    # The connection as it is configured: another credential may see something else.
    place = f"{connection.id} {connection.updated_at.isoformat()} {entry.definition_hash}"
    return hashlib.sha256(f"{place} {json.dumps(arguments, sort_keys=True)}".encode()).digest()
