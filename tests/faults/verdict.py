"""Counts, effect by effect, what the sandbox holds against what its people did."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from oblivion_sandbox.control import SandboxControl
from tests.faults.load import KEYWORD, Place

MARK = re.compile(r"(?:task|comment|reply|chat|ask)\d{4}x")


@dataclass
class Verdict:
    """What a schedule came to; each list names the effects concerned."""

    acknowledged: int = 0
    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    stuck: dict[str, int] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        return not (self.lost or self.duplicated or self.stuck)


async def judge(control: SandboxControl, place: Place, stuck: dict[str, int]) -> Verdict:
    """Compare both sides of the sandbox; what was shown twice and then removed counts as duplicated too."""
    messages = await control.slack.messages(place.channel)
    tasks = await control.clickup.tasks(place.list_id)
    comments = [c for task in tasks for c in await control.clickup.comments(str(task["id"]))]
    cards = [m for m in messages if m["via"] == "api" and not m["thread_ts"]]
    copies_in_slack = [m for m in messages if m["via"] == "api" and m["thread_ts"]]
    copies_in_clickup = [c for c in comments if c["via"] == "api"]
    verdict = Verdict(stuck=stuck)
    for task in tasks:
        shown = [card for card in cards if names(card, str(task["id"]))]
        verdict.duplicated += [f"task {task['id']}"] * (len(shown) - 1)
        if not any(mark_of(task["name"]) in text_of(card) for card in living(shown)):
            verdict.lost.append(f"task {task['id']} ({task['name']})")
    people = [c for c in comments if c["via"] == "person"]
    _compare(verdict, "comment", [mark_of(text_of(c)) for c in living(people)], len(people), copies_in_slack)
    replies = [m for m in messages if m["via"] == "person" and KEYWORD in text_of(m)]
    wanted = [mark_of(m["message"]["text"]) for m in living(replies)]
    _compare(verdict, "reply", wanted, len(replies), copies_in_clickup)
    _judge_answers(verdict, await control.slack.messages(place.questions))
    return verdict


def _judge_answers(verdict: Verdict, messages: list[dict[str, Any]]) -> None:
    """Each question has one answer in its thread: one message of the app's, which names the question."""
    for question in (m for m in messages if m["via"] == "person"):
        ours = [m for m in living(messages) if m["via"] == "api" and m["thread_ts"] == question["ts"]]
        asked = mark_of(question["message"]["text"])
        answers = [m for m in ours if asked in text_of(m)]
        if not answers:
            verdict.lost.append(f"answer to {asked}")
        verdict.duplicated += [f"answer to {asked}"] * (len(ours) - 1)


def _compare(verdict: Verdict, kind: str, wanted: list[str], ever: int, copies: list[dict[str, Any]]) -> None:
    """Each wanted mark must be shown by one living copy, and no copy may show anything else."""
    shown = [mark_of(text_of(copy)) for copy in living(copies)]
    verdict.lost += [mark for mark in wanted if mark not in shown]
    verdict.duplicated += [mark for mark in set(shown) if shown.count(mark) > 1 or mark not in wanted]
    if len(copies) > ever:
        verdict.duplicated.append(f"{len(copies)} copies of {ever} {kind} originals")


def living(things: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [thing for thing in things if not thing["deleted"]]


def text_of(thing: dict[str, Any]) -> str:
    """Everything that a person can read in it, and more."""
    return json.dumps({key: value for key, value in thing.items() if key != "revisions"})


def mark_of(text: str) -> str:
    found = MARK.search(text)
    return found.group() if found else f"no mark in {text[:60]!r}"


def names(message: dict[str, Any], task_id: str) -> bool:
    return re.search(rf"\b{re.escape(task_id)}\b", text_of(message)) is not None
