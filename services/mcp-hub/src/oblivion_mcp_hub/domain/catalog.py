"""What the tenant's connections offer: each tool under its own name, as it was pinned, or withheld, and why.

A server can say anything of its tools. What it says is believed of built-in providers and of connections that
an admin marked as trusted; of others it counts where it makes the rules stricter.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from mcp_types import Tool, ToolAnnotations

from oblivion_mcp_hub.domain.schemas import Schema, SchemaUnusable
from oblivion_mcp_hub.domain.tool_names import qualified
from oblivion_mcp_hub.domain.trust import Standing

WIRES_KEPT = 16
"""Lists of a tenant's tools as they are sent; one for each set of callers that may know of the same."""
TOOLS_MAX = 500
"""Of one connection."""
NAME_LENGTH_MAX = 256
"""Of a tool, as its server calls it."""
DEFINITION_BYTES_MAX = 64 * 1024
TOO_MANY = f"It lists more than {TOOLS_MAX} tools. The first {TOOLS_MAX} are taken."
UNPINNED = (
    "Its server has named too many tools before. An admin takes its tools over: oblivion connections pin."
)
CHANGED = "Its definition changed since it was pinned. An admin takes it over: oblivion connections pin."


@dataclass(frozen=True, slots=True)
class Source:
    """The connection that a tool belongs to."""

    connection_id: UUID
    name: str
    provider: str
    is_believed: bool
    is_trusted: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """One tool."""

    source: Source
    name: str
    """As agents call it."""
    upstream: str
    """As its server calls it."""
    definition: Tool
    definition_hash: str
    is_read_only: bool
    says_read_only: bool
    """What its server says; whether that is believed is the connection's trust."""
    is_destructive: bool
    arguments: Schema = field(repr=False)
    output: Schema | None = field(repr=False)
    as_listed: Tool = field(repr=False)
    as_risky: Tool = field(repr=False)
    """As it is listed where it needs an approval: whoever honours annotations asks a person by itself."""


@dataclass(frozen=True, slots=True)
class Withheld:
    """A tool that is not offered, and why."""

    name: str
    upstream: str
    description: str
    why: str
    changed: Entry | None = None
    """What it is now, where that is why."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What one connection has now; `problem` says why there is nothing."""

    source: Source
    entries: Sequence[Entry] = ()
    withheld: Sequence[Withheld] = ()
    problem: str | None = None
    before: Sequence[Entry] = ()
    """What it offered until there was a problem."""

    def failed(self, problem: str) -> "Offer":
        """The same connection, now that it has nothing."""
        return Offer(self.source, problem=problem, before=self.entries or self.before)


@dataclass(frozen=True)
class Catalog:
    """Everything of a tenant."""

    offers: Sequence[Offer] = ()
    by_name: Mapping[str, Entry] = field(default_factory=dict[str, Entry])
    before: Mapping[str, Entry] = field(default_factory=dict[str, Entry])
    """What is not there now."""
    _wires: dict[object, bytes] = field(default_factory=dict[object, bytes], repr=False)

    @classmethod
    def of(cls, offers: Sequence[Offer]) -> "Catalog":
        now = {entry.name: entry for offer in offers for entry in offer.entries}
        return cls(offers, now, {entry.name: entry for offer in offers for entry in offer.before})

    @property
    def missing(self) -> dict[str, str]:
        """Connection → why its tools are not there."""
        return {offer.source.name: offer.problem for offer in self.offers if offer.problem}

    def offers_as(self, other: "Catalog") -> bool:
        """Whether nobody would see a difference."""
        hashes, others = ({n: e.definition_hash for n, e in each.by_name.items()} for each in (self, other))
        return hashes == others and self.missing.keys() == other.missing.keys()

    def listed_for(self, standing: Standing) -> list[Tool]:
        """The tools that this caller may know of."""
        shown = (listed(entry, standing) for entry in self.by_name.values())
        return [tool for tool in shown if tool is not None]

    def wire_for(self, standing: Standing) -> bytes:
        """The same as the items of a JSON array; made once for all who may know of the same."""
        key = (standing.patterns, standing.run_patterns, standing.writing)
        known = self._wires.get(key)
        if known is None:
            shown = self.listed_for(standing)
            known = b",".join(
                tool.model_dump_json(by_alias=True, exclude_none=True).encode() for tool in shown
            )
            if len(self._wires) >= WIRES_KEPT:
                del self._wires[next(iter(self._wires))]
            self._wires[key] = known
        return known


def listed(entry: Entry, standing: Standing) -> Tool | None:
    """The tool as this caller sees it; None when they do not."""
    if not standing.allows(entry.name):
        return None
    if entry.is_read_only or standing.writing == "free":
        return entry.as_listed
    if standing.writing == "never" or entry.is_destructive:
        return None
    return entry.as_risky


def told_of(tool: Tool) -> dict[str, Any]:
    """Everything that a model is told about the tool."""
    return tool.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"meta", "icons"})


def hash_of(tool: Tool) -> str:
    """Of everything that a model is told about the tool."""
    return hashlib.sha256(json.dumps(told_of(tool), sort_keys=True).encode()).hexdigest()


def pinnable(tools: Sequence[Tool]) -> dict[str, str]:
    """Tool → hash of its definition, of those that can be offered at all."""
    return {tool.name: hash_of(tool) for tool in tools[:TOOLS_MAX] if is_usable(tool.name)}


def is_usable(name: str) -> bool:
    """A name that can be stored and shown."""
    return 0 < len(name) <= NAME_LENGTH_MAX and name.isprintable()


def offer_of(source: Source, tools: Sequence[Tool], pins: Mapping[str, str]) -> Offer:
    """Sort what a server lists into what is offered and what is withheld."""
    entries: dict[str, Entry] = {}
    withheld: list[Withheld] = []
    for tool in tools[:TOOLS_MAX]:
        name = qualified(source.name, tool.name)
        made = _entry(source, name, tool)
        why = made if isinstance(made, str) else _refusal(made, pins, taken=name in entries)
        if isinstance(made, Entry) and why is None:
            entries[name] = made
        else:
            changed = made if isinstance(made, Entry) and why == CHANGED else None
            told = (tool.name[:NAME_LENGTH_MAX], (tool.description or "")[:500])
            withheld.append(Withheld(name, *told, why or "", changed))
    if len(tools) > TOOLS_MAX:
        withheld.append(Withheld(f"{source.name}__*", "*", "All others.", TOO_MANY))
    return Offer(source, tuple(entries.values()), tuple(withheld))


def _refusal(entry: Entry, pins: Mapping[str, str], *, taken: bool) -> str | None:
    if taken:
        return "Another tool of this server has that name."
    pinned = pins.get(entry.upstream)
    if pinned is None:
        return UNPINNED
    return CHANGED if pinned != entry.definition_hash else None


def _entry(source: Source, name: str, tool: Tool) -> Entry | str:
    if not is_usable(tool.name):
        return "Its name cannot be used."
    if len(tool.model_dump_json()) > DEFINITION_BYTES_MAX:
        return "Its definition is too long."
    try:
        arguments = Schema(tool.input_schema)
        output = None if tool.output_schema is None else Schema(tool.output_schema)
    except SchemaUnusable as error:
        return str(error)
    hints = tool.annotations or ToolAnnotations()
    shown = tool.model_copy(update={"name": name, "meta": None, "execution": None})
    return Entry(
        source=source,
        name=name,
        upstream=tool.name,
        definition=tool,
        definition_hash=hash_of(tool),
        is_read_only=source.is_believed and hints.read_only_hint is True,
        says_read_only=hints.read_only_hint is True,
        is_destructive=hints.destructive_hint is True and hints.read_only_hint is not True,
        arguments=arguments,
        output=output,
        as_listed=shown,
        as_risky=shown.model_copy(update={"annotations": _as_risky(hints)}),
    )


def _as_risky(hints: ToolAnnotations) -> ToolAnnotations:
    return hints.model_copy(update={"read_only_hint": False, "destructive_hint": True})
