"""What the stand-in answers: simple rules over what it was given, the same each time, without a network.

It calls the tools that a request asks for, tells what they returned, summarises threads by their own
sentences, finds what was said about a question, and else says plainly that it is no real model.
"""

import json
import re
from collections.abc import Callable
from typing import Any, cast

from oblivion_sandbox.json_values import as_list, as_object
from oblivion_sandbox.llm import routing
from oblivion_sandbox.llm.arguments import fill
from oblivion_sandbox.llm.prompt import Prompt, Reply, Turn
from oblivion_sandbox.llm.tools import next_call
from oblivion_sandbox.llm.transcript import Said, ask, thread, without_fences
from oblivion_sandbox.llm.words import overlap, sentences, shortened, stems
from oblivion_sandbox.store import Json, dumps

MARK = "_Sandbox model: simple rules, no network._"
MOST_SPEAKERS = 12
MOST_LINES = 12
_SUMMARY = re.compile(
    r"\b(?:summar|recap|tl;?dr|sum up|zusammenfass|resum|catch me up|what (?:happened|was said))", re.I
)
_TOOLS = re.compile(
    r"\b(?:(?:what|which|list|your)\b.{0,30}\btools|what can you do|tools .{0,20}(?:have|use))\b", re.I
)
_GREETING = re.compile(
    r"^\W*(?:hi|hello|hey|good (?:morning|afternoon|evening)|hallo|hola|salut)\b[\W\w]{0,20}$", re.I
)
_THANKS = re.compile(r"^\W*(?:thanks?|thank you|thx|danke|merci|gracias)\b[\W\w]{0,40}$", re.I)
_SHOWN = (
    "title",
    "name",
    "key",
    "number",
    "status",
    "state",
    "link",
    "url",
    "html_url",
    "path",
    "text",
    "summary",
)


def think(prompt: Prompt) -> Reply:
    """The one answer to a prompt."""
    offered = {tool.name: tool for tool in prompt.tools}
    routed = any(call.name == routing.NAME for turn in prompt.since_task for call in turn.calls)
    if routing.NAME in offered and prompt.choice != "none" and not routed:
        return Reply(calls=(routing.route(prompt, offered[routing.NAME]),))
    forced = prompt.choice == "required" or prompt.forced is not None
    if (forced or not _is_summary(prompt)) and (call := next_call(prompt)):
        return Reply(calls=(call,))
    if prompt.answer_schema is not None:
        return Reply(dumps(fill(prompt.answer_schema, ask(prompt))))
    return Reply(next(answer for rule in _RULES if (answer := rule(prompt)) is not None))


def _is_summary(prompt: Prompt) -> bool:
    return bool(_SUMMARY.search(ask(prompt))) and bool(thread(prompt)) and not prompt.since_task


def _from_tools(prompt: Prompt) -> str | None:
    results = [turn for turn in prompt.since_task if turn.role == "tool"]
    if not results:
        return None
    brief = bool(_SUMMARY.search(ask(prompt)))
    parts = [f"**{turn.name or 'tool'}** says:\n{_told(turn, brief=brief)}" for turn in results]
    return "\n\n".join(parts)


def _told(turn: Turn, *, brief: bool) -> str:
    """A tool's result: entries of JSON one a line, other text from its beginning."""
    text = without_fences(turn.text).strip()
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return _opening(text) if brief else text[:1500] or "(nothing)"
    rows = [_row(each) for each in _entries(value)[:MOST_LINES]]
    return "\n".join(f"- {row}" for row in rows if row) or "(nothing)"


def _opening(text: str) -> str:
    """The first sentences of a text, headings aside."""
    said = [part for part in sentences(text) if not part.startswith(("#", "```"))]
    return "\n".join(f"- {shortened(part, 240)}" for part in said[:5]) or "(nothing)"


def _entries(value: Any) -> list[Any]:
    """The list that a result is, or holds; else the result alone."""
    if isinstance(value, list):
        return as_list(cast("object", value))
    lists = [as_list(each) for each in as_object(value).values() if as_list(each)]
    return lists[0] if lists else [value]


def _row(value: Any) -> str:
    if not isinstance(value, dict):
        return shortened(str(value), 300)
    known = cast("Json", value)
    shown = [str(known[name]) for name in _SHOWN if isinstance(known.get(name), str | int)]
    return shortened(" · ".join(shown) or dumps(known), 300)


def _tools(prompt: Prompt) -> str | None:
    if not _TOOLS.search(ask(prompt)):
        return None
    if not prompt.tools:
        return (
            f"I have no tools here; I can read what you give me, summarise it and answer from it.\n\n{MARK}"
        )
    lines = [f"- `{tool.name}`: {shortened(tool.description, 160)}" for tool in prompt.tools]
    return f"I can use {len(lines)} tool{'s' if len(lines) != 1 else ''}:\n" + "\n".join(lines)


def _summary(prompt: Prompt) -> str | None:
    if not _SUMMARY.search(ask(prompt)):
        return None
    said = thread(prompt)
    if not said:
        return f"There is nothing here to summarise yet.\n\n{MARK}"
    points = [f"- **{name}**: {_gist(texts)}" for name, texts in _by_speaker(said).items()]
    questions = [part for each in said for part in sentences(each.text) if part.endswith("?")]
    still_open = [f"- {shortened(question, 160)}" for question in questions[-3:]]
    title = f"**Summary of {len(said)} message{'s' if len(said) != 1 else ''}**"
    asked = ["", "**Questions asked**", *still_open] if still_open else []
    return "\n".join([title, *points[:MOST_SPEAKERS], *asked])


def _by_speaker(said: list[Said]) -> dict[str, list[str]]:
    texts: dict[str, list[str]] = {}
    for each in said:
        texts.setdefault(each.who, []).append(each.text)
    return texts


def _gist(texts: list[str]) -> str:
    """The first sentence of each thing said, as far as a line holds them."""
    firsts = [(sentences(text) or [""])[0] for text in texts]
    return shortened(" ".join(dict.fromkeys(first for first in firsts if first)), 280)


def _manners(prompt: Prompt) -> str | None:
    asked = ask(prompt)
    if _THANKS.match(asked):
        return "You are welcome."
    if _GREETING.match(asked):
        return f"Hello! Ask me to summarise this thread, or tell me which tool to use.\n\n{MARK}"
    return None


def _found(prompt: Prompt) -> str | None:
    """What was said before that shares at least two words with the question, or all that it has."""
    asked = stems(ask(prompt))
    told = [(each.who, part) for each in thread(prompt) for part in sentences(each.text)]
    scored = [(len(overlap(asked, stems(part))), who, part) for who, part in told]
    enough = min(2, len(set(asked))) or 1
    best = sorted((entry for entry in scored if entry[0] >= enough), key=lambda entry: -entry[0])[:3]
    if not best:
        return None
    lines = [f"- **{who}**: {shortened(part, 240)}" for _score, who, part in best]
    return "From what was said here:\n" + "\n".join(lines) + f"\n\n{MARK}"


def _plain(prompt: Prompt) -> str:
    task = shortened(ask(prompt), 400) or "nothing in particular"
    return (
        f"You asked: “{task}”. I am the sandbox's stand-in for a language model, so I can only work with "
        f"the text and tools that I am given. Set `OBLIVION_LLM_MODEL` and a key to get a real answer."
        f"\n\n{MARK}"
    )


_RULES: tuple[Callable[[Prompt], str | None], ...] = (_from_tools, _tools, _summary, _manners, _found, _plain)
