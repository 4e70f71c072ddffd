"""An agent as the router sees it, and the squad that comes with the system as data.

The squad's files are `oblivion_platform/squad/*.yaml`, with the field names of the `Agent` resource; a file's
name is the agent's. A tenant's own agents come from its registry as the same `AgentProfile`.
"""

from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, cast

import yaml

from oblivion_platform.routing.decisions import DEFAULT_TASK


@dataclass(frozen=True, slots=True)
class Task:
    """One capability: its name, and words that tell when it is meant."""

    name: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """Enforced outside the agent's pod."""

    messages_per_minute: int = 10
    max_hops: int = 3
    max_tool_calls_per_run: int = 100
    usd_per_day: float | None = None


@dataclass(frozen=True, slots=True)
class AgentProfile:
    """What makes an agent findable, and what it is told and allowed."""

    name: str
    description: str = ""
    tasks: tuple[Task, ...] = (Task(DEFAULT_TASK),)
    keywords: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    system_prompt: str = ""
    tools: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)

    @property
    def names(self) -> tuple[str, ...]:
        """Every way to name it, without `@`, case folded."""
        return tuple(dict.fromkeys(alias.lstrip("@").casefold() for alias in (self.name, *self.aliases)))


@cache
def default_squad() -> tuple[AgentProfile, ...]:
    """The agents that come with the system, in the order of their names."""
    folder = files("oblivion_platform.squad")
    found = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".yaml"))
    return tuple(
        profile_from_document(name.removesuffix(".yaml"), yaml.safe_load((folder / name).read_text("utf-8")))
        for name in found
    )


def profile_from_document(name: str, document: dict[str, Any]) -> AgentProfile:
    """Read an agent written with the field names of the `Agent` resource's spec."""
    limits: dict[str, Any] = document.get("limits") or {}
    return AgentProfile(
        name=name,
        description=str(document.get("description", "")).strip(),
        tasks=tuple(map(_task, document.get("capabilities") or ())) or (Task(DEFAULT_TASK),),
        keywords=tuple(map(str, document.get("keywords") or ())),
        examples=tuple(map(str, document.get("examples") or ())),
        aliases=tuple(map(str, document.get("aliases") or ())),
        system_prompt=str(document.get("systemPrompt", "")).strip(),
        tools=tuple(map(str, document.get("tools") or ())),
        limits=Limits(
            messages_per_minute=limits.get("messagesPerMinute", 10),
            max_hops=limits.get("maxHops", 3),
            max_tool_calls_per_run=limits.get("maxToolCallsPerRun", 100),
            usd_per_day=limits.get("usdPerDay"),
        ),
    )


def _task(entry: object) -> Task:
    if not isinstance(entry, dict):
        return Task(str(entry))
    fields = cast("dict[str, object]", entry)
    return Task(str(fields["name"]), str(fields.get("description", "")))
