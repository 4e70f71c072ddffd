"""Which of the offered tools a request asks for: its verbs and nouns against their names and descriptions."""

import re
import zlib

from oblivion_sandbox.llm.arguments import fill
from oblivion_sandbox.llm.prompt import Prompt, Tool, ToolCall
from oblivion_sandbox.llm.transcript import ask
from oblivion_sandbox.llm.words import overlap, stems

ENOUGH = 4.0
_CLAUSES = re.compile(
    r"[;\n]+|,?\s+(?:and then|then|and also|und dann)\s+|\.\s+(?=[A-Z])"
    r"|,?\s+and\s+(?=\w+ (?:an? |the |in |on ))"
)
_VERBS = {
    "create": "create add make new write file draft schedule book log raise insert append",
    "search": "search find look query lookup hunt",
    "list": "list show which enumerate overview what have",
    "get": "get read fetch view retrieve load show look list summarise summarize explain review describe",
    "update": "update change edit move set assign rename modify patch transition reschedule",
    "delete": "delete remove cancel close archive",
    "comment": "comment reply answer",
    "send": "send post message notify tell publish",
}
_CHANGES = frozenset({"create", "update", "delete", "comment", "send"})
_QUESTION = re.compile(r"\s*(?:what|which|who|whose|when|where|why|how)\b", re.IGNORECASE)
_CLASS_OF = {word: kind for kind, words in reversed(_VERBS.items()) for word in words.split()}


def next_call(prompt: Prompt) -> ToolCall | None:
    """The call to make now: the first thing asked for whose tool was not called yet."""
    if prompt.choice == "none" or not prompt.tools:
        return None
    if prompt.forced is not None:
        tool = next((each for each in prompt.tools if each.name == prompt.forced), prompt.tools[0])
        return call(tool, ask(prompt), len(prompt.turns))
    called = {made.name for turn in prompt.since_task for made in turn.calls}
    for clause in _clauses(ask(prompt)):
        tool = best(clause, prompt.tools)
        if tool is not None and tool.name not in called:
            return call(tool, clause, len(prompt.turns))
    if prompt.choice == "required":
        tool = max(prompt.tools, key=lambda each: _score(ask(prompt), each))
        return call(tool, ask(prompt), len(prompt.turns))
    return None


def call(tool: Tool, request: str, turn: int) -> ToolCall:
    """A call with an id that is the same each time."""
    arguments = fill(tool.schema, request)
    number = zlib.crc32(f"{turn}:{tool.name}:{request}".encode())
    return ToolCall(f"call_{number:08x}{turn:04x}", tool.name, arguments)


def best(clause: str, tools: tuple[Tool, ...]) -> Tool | None:
    """The tool that a clause asks for, or None if it asks for none of them."""
    if _QUESTION.match(clause):
        tools = tuple(tool for tool in tools if not _changes(tool))
    scored = [(_score(clause, tool), -index, tool) for index, tool in enumerate(tools)]
    if not scored:
        return None
    score, _place, tool = max(scored, key=lambda entry: entry[:2])
    return tool if score >= ENOUGH else None


def _changes(tool: Tool) -> bool:
    named = stems(tool.name.rpartition("__")[2])[:1]
    return any(_CLASS_OF.get(word) in _CHANGES for word in named)


def _score(clause: str, tool: Tool) -> float:
    if re.search(rf"(?<![\w-]){re.escape(tool.name)}(?![\w-])", clause, re.I):
        return 100.0
    asked = stems(clause)
    provider, _, rest = tool.name.rpartition("__")
    named = stems(rest)
    verbs = {_CLASS_OF[word] for word in named[:1] if word in _CLASS_OF}
    asked_verbs = {
        kind for kind, words in _VERBS.items() if overlap([*asked, *clause.lower().split()], words.split())
    }
    nouns = named[1:] if verbs else named
    described = stems(tool.description)
    return (
        (2.0 if verbs & asked_verbs else 0.0)
        + 2.0 * len(overlap(asked, nouns))
        + (2.0 if provider and overlap(stems(provider), asked) else 0.0)
        + min(1.5, 0.5 * len(overlap([word for word in asked if word not in _CLASS_OF], described)))
    )


def _clauses(text: str) -> list[str]:
    # Quoted text belongs to the clause that quotes it, whatever it says.
    kept: list[str] = []

    def hide(match: re.Match[str]) -> str:
        kept.append(match[0])
        return f"\x00{len(kept) - 1}\x00"

    hidden = re.sub(r"[\"“][^\"”]*[\"”]", hide, text.replace("\x00", ""))
    parts = [part for part in _CLAUSES.split(hidden) if part and part.strip()]
    return [re.sub(r"\x00(\d+)\x00", lambda match: kept[int(match[1])], part).strip() for part in parts]
