"""What a model is asked and what it answers, whichever protocol carries it."""

import re
from dataclasses import dataclass, field
from typing import Literal

from oblivion_sandbox.store import Json, dumps

_NUDGE = re.compile(r"\s*(?:that was empty|you have used all|answer now|please continue|continue\.?$)", re.I)

Role = Literal["system", "user", "assistant", "tool"]
Choice = Literal["auto", "none", "required"]


@dataclass(frozen=True)
class Tool:
    """A function that the model may call; `schema` is the JSON Schema of its arguments."""

    name: str
    description: str
    schema: Json


@dataclass(frozen=True)
class ToolCall:
    """One call that the model made or makes; `raw` stands in for arguments that are no JSON."""

    id: str
    name: str
    arguments: Json
    raw: str | None = None

    @property
    def written(self) -> str:
        return dumps(self.arguments) if self.raw is None else self.raw


@dataclass(frozen=True)
class Turn:
    """One message of the conversation; `name` is its speaker, or the tool whose result it is."""

    role: Role
    text: str
    name: str = ""
    calls: tuple[ToolCall, ...] = ()


@dataclass(frozen=True)
class Prompt:
    """Everything a request holds that an answer depends on."""

    model: str
    turns: tuple[Turn, ...]
    tools: tuple[Tool, ...] = ()
    choice: Choice = "auto"
    forced: str | None = None
    answer_schema: Json | None = None

    @property
    def system(self) -> str:
        return "\n".join(turn.text for turn in self.turns if turn.role == "system")

    @property
    def task(self) -> str:
        """The text of the last thing that the user asked for."""
        at = self._asked_at()
        return self.turns[at].text if at >= 0 else ""

    @property
    def last_said(self) -> str:
        """The last text of the user's side, be it no request."""
        return next((turn.text for turn in reversed(self.turns) if turn.role == "user"), "")

    @property
    def before_task(self) -> tuple[Turn, ...]:
        """What was said before that, without the system's words."""
        return tuple(turn for turn in self.turns[: self._asked_at()] if turn.role != "system")

    @property
    def since_task(self) -> tuple[Turn, ...]:
        """What the model and its tools did about it so far."""
        return self.turns[self._asked_at() + 1 :]

    def _asked_at(self) -> int:
        """Where the task stands: not where the user's side merely hurries the model on."""
        users = [index for index, turn in enumerate(self.turns) if turn.role == "user"]
        return next((index for index in reversed(users) if not self._is_nudge(index)), (users or [-1])[-1])

    def _is_nudge(self, index: int) -> bool:
        after_tools = index > 0 and self.turns[index - 1].role == "tool"
        return after_tools or bool(_NUDGE.match(self.turns[index].text))


@dataclass(frozen=True)
class Reply:
    """What the model says, or which tools it wants called."""

    text: str = ""
    calls: tuple[ToolCall, ...] = field(default=())

    @property
    def finish(self) -> Literal["stop", "tool_calls"]:
        return "tool_calls" if self.calls else "stop"


def tokens(text: str) -> int:
    """A rough count: four characters a token."""
    return max(1, -(-len(text) // 4)) if text else 0
