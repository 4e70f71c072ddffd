"""Counts, effect by effect, what the sandbox holds against what its people did."""

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from oblivion_sandbox.control import SandboxControl
from tests.faults.agent import MAY_I
from tests.faults.load import FEWEST_ACTS, KEYWORD, Work
from tests.faults.patience import Patience
from tests.faults.place import Place
from tests.faults.runs import RunRow, judge_runs

DELETED = "Deleted in ClickUp"
STOPPED = ":no_entry_sign: Stopped by"
HANDED_ON = ":arrow_right:"
WITHDRAWN = ":information_source: The tools of"
MARK = re.compile(r"(?:task|comment|reply|chat|ask)\d{4}x")


@dataclass
class Verdict:
    """What a schedule came to; each list names the effects concerned."""

    acknowledged: int = 0
    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    stuck: dict[str, int] = field(default_factory=dict)
    disordered: list[str] = field(default_factory=list)
    """Runs whose steps went backwards, or past their end."""

    @property
    def clean(self) -> bool:
        return not (self.lost or self.duplicated or self.stuck or self.disordered)

    def add_runs(self, runs: Sequence[RunRow], questions: Sequence[str], patience: Patience) -> None:
        """What the system's own rows tell, and what was seen of them meanwhile."""
        complaints = judge_runs(runs, questions)
        self.lost += complaints.lost
        self.duplicated += complaints.duplicated
        self.disordered += complaints.disordered + patience.fallen
        self.stuck |= {f"run {run}, for {s:.0f} s": 1 for run, s in patience.stuck.items()}
        if not patience.looks:
            self.stuck["a look at runs while all were there"] = 1


async def judge(control: SandboxControl, work: Work, stuck: dict[str, int]) -> Verdict:
    """Compare both sides of the sandbox; what was shown twice and then removed counts as duplicated too.

    Of a task that was deleted its message has to say so; what was said to it may or may not have been copied.
    """
    place = work.place
    ever = await control.clickup.tasks(place.list_id)
    messages = await control.slack.messages(place.channel)
    cards = [m for m in messages if m["via"] == "api" and not m["thread_ts"]]
    verdict = Verdict(stuck=stuck)
    if work.done < FEWEST_ACTS:
        verdict.stuck["acts that did not get through"] = FEWEST_ACTS - work.done
    gone = _judge_deleted(verdict, [t for t in ever if t["deleted"]], cards, work.names)
    tasks = living(ever)
    for task in tasks:
        shown = [card for card in cards if names(card, str(task["id"]))]
        verdict.duplicated += [f"task {task['id']}"] * (len(shown) - 1)
        if not any(_is_current(card, task) for card in living(shown)):
            verdict.lost.append(f"task {task['id']} ({task['name']}, {task['status']['status']})")
    messages = [m for m in messages if m["thread_ts"] not in gone]
    comments = [c for task in tasks for c in await control.clickup.comments(str(task["id"]))]
    copies_in_slack = [m for m in messages if m["via"] == "api" and m["thread_ts"]]
    copies_in_clickup = [c for c in comments if c["via"] == "api"]
    people = [c for c in comments if c["via"] == "person"]
    _compare(verdict, "comment", [mark_of(text_of(c)) for c in living(people)], len(people), copies_in_slack)
    replies = [m for m in messages if m["via"] == "person" and KEYWORD in text_of(m)]
    wanted = [mark_of(m["message"]["text"]) for m in living(replies)]
    _compare(verdict, "reply", wanted, len(replies), copies_in_clickup)
    judge_answers(verdict, await conversations(control, work.place), work.asking.stopped)
    return verdict


async def conversations(control: SandboxControl, place: Place) -> list[dict[str, Any]]:
    """What was said in this schedule where agents are asked."""
    direct = await control.slack.messages(place.direct) if place.direct else []
    return [
        *await control.slack.messages(place.questions),
        *(message for message in direct if float(message["ts"]) >= place.began_at),
    ]


def questions_in(messages: Iterable[dict[str, Any]]) -> list[str]:
    """The marks of what people asked."""
    return [mark_of(each["message"]["text"]) for each in messages if each["via"] == "person"]


def _is_current(card: dict[str, Any], task: dict[str, Any]) -> bool:
    words = text_of(card)
    return mark_of(task["name"]) in words and json.dumps(f"*Status*\n{task['status']['status']}") in words


def _judge_deleted(
    verdict: Verdict,
    tasks: list[dict[str, Any]],
    cards: list[dict[str, Any]],
    names_of: Mapping[str, Sequence[str]],
) -> set[str]:
    """Each has one message at most, which says so and is known by a name alone; returns their ts."""
    gone: set[str] = set()
    for task in tasks:
        shown = [card for card in cards if mark_of(text_of(card)) in names_of[str(task["id"])]]
        verdict.duplicated += [f"deleted task {task['id']}"] * (len(shown) - 1)
        if any(DELETED not in text_of(card) for card in living(shown)):
            verdict.lost.append(f"deletion of task {task['id']} ({task['name']})")
        gone |= {str(card["message"]["ts"]) for card in shown}
    return gone


def judge_answers(verdict: Verdict, messages: list[dict[str, Any]], stopped: Collection[str]) -> None:
    """Each question has one end in its thread: one message of the app's, which names the question.

    Of one that a person may have stopped, that it was stopped does as well. Beside it stand at most one
    proposal, with its answer, one line about work that was handed on, and one about tools that were missing.
    """
    for question in (m for m in messages if m["via"] == "person"):
        ours = [m for m in living(messages) if m["via"] == "api" and m["thread_ts"] == question["ts"]]
        asked = mark_of(question["message"]["text"])
        proposals = [m for m in ours if MAY_I in text_of(m)]
        handed_on = [m for m in ours if HANDED_ON in text_of(m)]
        withdrawn = [m for m in ours if WITHDRAWN in text_of(m)]
        ends = [m for m in ours if m not in [*proposals, *handed_on, *withdrawn]]
        answers = [m for m in ends if asked in text_of(m)]
        halts = [m for m in ends if STOPPED in text_of(m) and asked in stopped]
        if not answers and not halts:
            verdict.lost.append(f"answer to {asked}")
        if any(m in halts for m in answers):
            verdict.duplicated.append(f"{asked} is stopped and answered")
        beside = (("proposal", proposals), ("line", handed_on), ("line on missing tools", withdrawn))
        for what, shown in (("answer", ends), *beside):
            verdict.duplicated += [f"{what} to {asked}"] * (len(shown) - 1)
        if any("*Approved*" not in text_of(m) for m in proposals):
            verdict.lost.append(f"approval of {asked}")


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
