"""The tool `route_to_agent`: the agent whose description shares the most words with the message."""

import json
import math
import re
import zlib
from collections import Counter
from dataclasses import dataclass
from typing import Any, cast

from oblivion_sandbox.json_values import as_list, as_object
from oblivion_sandbox.llm.arguments import fill, resolved
from oblivion_sandbox.llm.prompt import Prompt, Tool, ToolCall
from oblivion_sandbox.llm.transcript import ask
from oblivion_sandbox.llm.words import overlap, stems
from oblivion_sandbox.store import Json

NAME = "route_to_agent"
FALLBACK = "general"
_LINE = re.compile(
    r"^[ \t]*(?:[-*•]|\d+[.)])?[ \t]*[`\"*]*(?P<name>[a-z][\w-]{1,40})[`\"*]*"
    r"[ \t]*(?::|[\u2013\u2014]| - )[ \t]*(?P<text>.+)$",
    re.M,
)


@dataclass(frozen=True)
class Known:
    """An agent as the prompt presents it."""

    name: str
    text: str


def route(prompt: Prompt, tool: Tool) -> ToolCall:
    """Pick an agent, and say how sure and why."""
    message = ask(prompt)
    properties = as_object(tool.schema.get("properties"))
    agents = agents_of(prompt, tool)
    asked = stems(message)
    shared = {agent.name: overlap(asked, stems(f"{agent.name} {agent.text}")) for agent in agents}
    chosen = _chosen(agents, shared)
    words = sorted(shared[chosen])
    given: Json = {
        "agent": chosen,
        "confidence": round(min(0.95, 0.2 + 0.2 * len(words)), 2),
        "reason": f"The message and the agent share: {', '.join(words)}."
        if words
        else "No agent fits better.",
    }
    arguments = fill(tool.schema, message) | {
        name: value for name, value in given.items() if name in properties
    }
    if "task" in properties:
        arguments["task"] = _task(resolved(properties["task"], tool.schema), chosen, agents, message)
    number = zlib.crc32(message.encode())
    return ToolCall(f"call_{number:08x}", tool.name, arguments)


def agents_of(prompt: Prompt, tool: Tool) -> list[Known]:
    """The agents that may be chosen, with everything that the prompt says of them."""
    properties = as_object(tool.schema.get("properties"))
    offered = [
        str(name) for name in as_list(resolved(as_object(properties.get("agent")), tool.schema).get("enum"))
    ]
    around = "\n".join(
        [prompt.system, tool.description, str(as_object(properties.get("agent")).get("description", ""))]
    )
    described = _described(around)
    if not offered:
        return [Known(name, text) for name, text in described.items()] or [Known(FALLBACK, "")]
    return [Known(name, described.get(name, "")) for name in offered]


def _described(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for match in _LINE.finditer(text):
        found[match["name"]] = f"{found.get(match['name'], '')} {match['text']}".strip()
    for value in _json_values(text):
        _gather(value, found)
    return found


def _json_values(text: str) -> list[Any]:
    """The JSON objects and arrays that stand somewhere in a text."""
    values: list[Any] = []
    decoder = json.JSONDecoder()
    position = 0
    while (found := re.compile(r"[\[{]").search(text, position)) and len(values) < 100:
        try:
            value, position = decoder.raw_decode(text, found.start())
            values.append(value)
        except (ValueError, RecursionError):
            position = found.start() + 1
    return values


def _gather(value: object, found: dict[str, str]) -> None:
    if isinstance(value, list):
        for each in cast("list[object]", value):
            _gather(each, found)
    elif isinstance(value, dict):
        known = cast("Json", value)
        name = known.get("id") or known.get("name") or known.get("agent")
        if isinstance(name, str) and len(known) > 1:
            found[name] = json.dumps(known, ensure_ascii=False)


def _chosen(agents: list[Known], shared: dict[str, set[str]]) -> str:
    """The agent that shares most; a word that few agents know counts for more."""
    known_by = Counter(word for words in shared.values() for word in words)

    def weight(agent: Known) -> float:
        return sum(1.0 + math.log(len(agents) / known_by[word]) for word in shared[agent.name])

    best = max(agents, key=weight)
    if shared[best.name]:
        return best.name
    names = [agent.name for agent in agents]
    return FALLBACK if FALLBACK in names else names[0]


def _task(kind: Json, chosen: str, agents: list[Known], message: str) -> str | None:
    options = [str(option) for option in as_list(kind.get("enum")) if option]
    if not options:
        text = next((agent.text for agent in agents if agent.name == chosen), "")
        listed = re.search(r"(?:tasks?|capabilities)[\"']?\s*[:=]\s*\[?\s*([\w\"', -]+)", text, re.I)
        options = re.findall(r"[a-z]\w+", listed[1]) if listed else []
    asked = stems(message)
    fitting = [option for option in options if overlap(stems(option), asked)]
    return (fitting or options or [None])[0]
