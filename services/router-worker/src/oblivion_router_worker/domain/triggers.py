"""What about a ClickUp task calls an agent, as its list's mapping says.

Conditions are looked at as a set that holds now; what is new in it since the last look is a trigger. So an
event that came late, twice or not at all changes nothing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from oblivion_contracts.identifiers import SQUAD_ALIAS
from oblivion_contracts.mappings import AgentTriggers
from oblivion_platform.routing import Router, agent_named
from oblivion_router_worker.domain.clickup_objects import Task

_SQUAD = re.compile(rf"(?<![\w@/.]){re.escape(SQUAD_ALIAS)}(?![\w-])", re.IGNORECASE)
_ESCAPED = "\\_"
"""How ClickUp's Markdown writes the underscore of a name."""
_FIELDS = {
    "assignee": frozenset({"assignee", "assignee_add", "assignees"}),
    "tag": frozenset({"tag", "tags"}),
    "status": frozenset({"status"}),
    "mention": frozenset({"name", "description", "content"}),
}


@dataclass(frozen=True, slots=True)
class Trigger:
    """Why an agent is called; None lets the router choose it."""

    key: str
    agent: str | None


def mentioned(router: Router, triggers: AgentTriggers, text: str) -> Trigger | None:
    """The agent that a text calls, or the squad."""
    if not triggers.on_mention:
        return None
    said = text.replace(_ESCAPED, "_")
    named = agent_named(router, said) if "@" in said else None
    if named is not None:
        return Trigger(f"mention:{named}", named)
    if _SQUAD.search(said):
        return Trigger("mention:squad", triggers.default_agent)
    return None


def conditions(router: Router, triggers: AgentTriggers, task: Task) -> Mapping[str, Trigger]:
    """Everything about the task that calls somebody."""
    said = mentioned(router, triggers, f"{task.name}\n{task.description_markdown}")
    found = [said] if said is not None else []
    found += [
        Trigger(f"assignee:{user.id}", agent)
        for user in task.assignees
        if (agent := triggers.assignees.get(user.id)) is not None
    ]
    found += [
        Trigger(f"tag:{tag.casefold()}", agent)
        for tag in task.tags
        if (agent := _folded(triggers.tags, tag)) is not None
    ]
    if task.status and (agent := _folded(triggers.statuses, task.status)) is not None:
        found.append(Trigger(f"status:{task.status.casefold()}", agent))
    return {trigger.key: trigger for trigger in found}


def is_told_by(key: str, changed_fields: frozenset[str]) -> bool:
    """Whether an event that names these fields may have made a condition true."""
    return bool(_FIELDS[key.partition(":")[0]] & changed_fields)


def _folded(agents: Mapping[str, str], name: str) -> str | None:
    return next((agent for known, agent in agents.items() if known.casefold() == name.casefold()), None)
