"""How good routing is on labelled messages.

A file holds one JSON object a line: `text` and `agent`, and if known `id` and `kind`. Follow-ups are counted
apart: without their thread, most of them cannot be right.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, ValidationError

from oblivion_platform.routing.decisions import Decision

FOLLOW_UP = "followup"
UNKNOWN = "unlabelled"

Answer = Callable[[str, Decision], Awaitable[Decision]]
"""Settles what the fast path left open."""


class LabelledMessage(BaseModel):
    """A message and whose it is."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    text: str
    agent: str
    id: str = ""
    kind: str = UNKNOWN


class MessagesUnreadable(Exception):
    """A line is not a labelled message; says which, never what it holds."""


@dataclass(slots=True)
class Tally:
    """Counts of one kind, or of all."""

    messages: int = 0
    answered_fast: int = 0
    right_fast: int = 0
    right: int = 0

    def add(self, label: str, fast: Decision, final: Decision) -> None:
        self.messages += 1
        self.answered_fast += fast.agent is not None
        self.right_fast += fast.agent == label
        self.right += final.agent == label

    def figures(self) -> dict[str, float | int]:
        return {
            "messages": self.messages,
            "fast_path_share": _share(self.answered_fast, self.messages),
            "fast_path_accuracy": _share(self.right_fast, self.answered_fast),
            "accuracy": _share(self.right, self.messages),
        }


@dataclass(slots=True)
class Evaluation:
    """All counts."""

    overall: Tally = field(default_factory=Tally)
    """Without follow-ups."""
    by_kind: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    confusion: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    """(label, answer), without follow-ups."""

    def document(self) -> dict[str, object]:
        """As `oblivion routes eval --json` prints it."""
        kinds = {kind: tally.figures() for kind, tally in sorted(self.by_kind.items())}
        return {**self.overall.figures(), "by_kind": kinds}


def read_messages(lines: Iterable[str]) -> list[LabelledMessage]:
    """Parse JSON lines; empty ones are passed over.

    Raises:
        MessagesUnreadable: nothing is judged then.
    """
    found: list[LabelledMessage] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            found.append(LabelledMessage.model_validate(json.loads(line)))
        except (ValueError, RecursionError, ValidationError):
            raise MessagesUnreadable(
                f"line {number} is no JSON object with the texts `text` and `agent`"
            ) from None
    return found


async def evaluate(
    messages: Iterable[LabelledMessage], decide: Callable[[str], Decision], answer: Answer
) -> Evaluation:
    """Decide each message by the fast path, and let `answer` settle what that leaves."""
    made = Evaluation()
    for message in messages:
        fast = decide(message.text)
        final = fast if fast.agent else await answer(message.text, fast)
        made.by_kind[message.kind].add(message.agent, fast, final)
        if message.kind != FOLLOW_UP:
            made.overall.add(message.agent, fast, final)
            made.confusion[message.agent, final.agent or "nobody"] += 1
    return made


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0
