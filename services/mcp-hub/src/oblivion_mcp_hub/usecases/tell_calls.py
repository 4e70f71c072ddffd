"""Calls of tools → lines of the live feed: neither arguments nor results."""

from oblivion_contracts.feed import FeedKind
from oblivion_mcp_hub.domain.callers import Caller
from oblivion_mcp_hub.domain.catalog import Entry
from oblivion_platform.feed import Line, Teller


class TellCalls:
    """Told of each call, once."""

    def __init__(self, feed: Teller) -> None:
        self._feed = feed

    def refused(self, caller: Caller, entry: Entry, code: str) -> None:
        self._tell(caller, entry, f"{entry.name} was refused ({code})", "tool.refused")

    def remembered(self, caller: Caller, entry: Entry) -> None:
        self._tell(caller, entry, f"{entry.name} was answered from before")

    def over(self, caller: Caller, entry: Entry, code: str | None, elapsed_s: float) -> None:
        """`code`: why it failed."""
        took = f"{elapsed_s * 1000:.0f} ms"
        if code is None:
            self._tell(caller, entry, f"{entry.name} answered in {took}")
        else:
            self._tell(caller, entry, f"{entry.name} failed after {took} ({code})", "tool.failed")

    def _tell(self, caller: Caller, entry: Entry, words: str, kind: FeedKind = "tool.called") -> None:
        line = Line(
            kind,
            words,
            "info" if kind == "tool.called" else "warning",
            run_id=None if caller.run is None else caller.run.run_id,
            agent_id=caller.id if caller.kind == "agent" else None,
            connection_id=entry.source.connection_id,
        )
        self._feed.tell(caller.tenant_id, line)
