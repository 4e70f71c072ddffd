"""Who said what: the thread that a prompt carries, as turns of its own or as lines of one text."""

import json
import re
from dataclasses import dataclass

from oblivion_sandbox.llm.prompt import Prompt
from oblivion_sandbox.llm.words import without_mentions

_LINE = re.compile(
    r"^[ \t>*-]*(?:\[[^\]\n]{1,40}\][ \t]*)?\**@?"
    r"(?P<who><@[A-Z0-9]+>|[^\W\d][\w.-]{0,30}(?: [\w.-]{1,30}){0,2})\**"
    r"(?:[ \t]*\([^)\n]{1,40}\))?:\**[ \t]+(?P<said>\S.*)$",
    re.MULTILINE,
)
_FENCE = re.compile(r"^\[(?:material|end)\b[^\]\n]{0,80}\][ \t]*\n?", re.MULTILINE)
_FACTS = re.compile(r"^(?:Context|State):\n(?:- .*(?:\n|\Z))+", re.MULTILINE)
"""Blocks that go along with a request, and ask for nothing."""
_LABEL = re.compile(r"^[ \t#*]*(?:task|question|request|prompt|message|instruction)s?\**:\**\s*", re.I | re.M)
_LABELS = {
    "task",
    "question",
    "request",
    "prompt",
    "message",
    "instruction",
    "thread",
    "context",
    "state",
    "history",
}


@dataclass(frozen=True)
class Said:
    """One contribution to a thread."""

    who: str
    text: str


def ask(prompt: Prompt) -> str:
    """What is asked for, without the thread or the labels around it."""
    text = _FACTS.sub("", _unquoted(prompt.task))
    labels = list(_LABEL.finditer(text))
    if labels:
        text = text[labels[-1].end() :]
    elif len(_lines(text)) >= 2:
        text = _LINE.sub("", text)
    return without_mentions(text).strip() or without_mentions(prompt.task)


def _unquoted(text: str) -> str:
    """The text inside, where a prompt hands it over as a JSON string."""
    if not (text.startswith('"') and text.endswith('"')):
        return text
    try:
        value: object = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, str) else text


def thread(prompt: Prompt) -> list[Said]:
    """Everything said before the task, and the lines of a thread written out inside the task itself."""
    said: list[Said] = []
    for turn in prompt.before_task:
        if turn.role == "tool" or not turn.text.strip():
            continue
        lines = _lines(turn.text)
        speaker = turn.name or ("assistant" if turn.role == "assistant" else "user")
        said += lines if lines and turn.role == "user" else [Said(speaker, turn.text)]
    inside = _lines(prompt.task)
    return said + (inside if len(inside) >= 2 else [])


def _lines(text: str) -> list[Said]:
    """Each speaker's words up to the next speaker, without the marks that fence material off."""
    plain = without_fences(text)
    matches = list(_LINE.finditer(plain))
    ends = [*(match.start() for match in matches[1:]), len(plain)]
    found = [
        Said(match["who"], plain[match.start("said") : end].strip())
        for match, end in zip(matches, ends, strict=False)
    ]
    return [line for line in found if line.who.lower() not in _LABELS]


def without_fences(text: str) -> str:
    """Text without lines such as `[material x]` and `[end x]`."""
    return _FENCE.sub("", text)
