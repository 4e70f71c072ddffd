"""The tools that a run offers to its model: which ones, and what a call of one comes back as."""

import hashlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from oblivion_agent.prompts import RESULT_LENGTH_MAX, as_material, cut
from oblivion_agent.spans import span
from oblivion_client import DelegationFailed, MessageRefused, Run
from oblivion_contracts.tool_use import arguments_shown, fits_question, tool_question

logger = logging.getLogger(__name__)

"""UTF-16 units of a question's detail, escaped, that Slack shows whole."""
_QUESTION_LENGTH_MAX = 2_000
_TOO_LONG = (
    "A person has to allow {tool}, and these arguments are too long to be shown whole. Use shorter ones."
)


class ToolUnavailable(Exception):
    """The tool's server does not answer; the text says so to the model."""


class ApprovalNeeded(ToolUnavailable):
    """The hub makes the call once a person has agreed to it, and not before."""


@dataclass(frozen=True)
class Tool:
    """One tool; `call` takes its arguments and returns text."""

    name: str
    description: str
    schema: dict[str, Any]
    call: Callable[[dict[str, Any]], Awaitable[str]]
    is_destructive: bool = False
    is_own: bool = False
    """Of the agent itself: what it returns was not written by others."""

    @property
    def spec(self) -> dict[str, Any]:
        """As chat models take it."""
        function = {"name": self.name, "description": self.description, "parameters": self.schema}
        return {"type": "function", "function": function}


def is_allowed(name: str, allowed: Sequence[str]) -> bool:
    """Whether a list of names and `provider__*` patterns holds the tool."""
    return any(fnmatchcase(name, pattern) for pattern in allowed)


class _NotAllowed(Exception):
    """A person said no; in words for the model."""


class Toolbox:
    """The tools of one run."""

    def __init__(self, run: Run, tools: Sequence[Tool], mark: str) -> None:
        self._run = run
        self._tools = {tool.name: tool for tool in tools}
        self._mark = mark

    @property
    def specs(self) -> list[dict[str, Any]]:
        return [tool.spec for tool in self._tools.values()]

    async def use(self, name: str, arguments: dict[str, Any], call: str) -> str:
        """The tool's result, or why there is none, as text for the model.

        `call` names this call among those of its run, over restarts too: an approval is for it alone.
        """
        tool = self._tools.get(name)
        if tool is None:
            return f"There is no tool {name!r}. There are: {', '.join(self._tools) or 'none'}."
        if tool.is_destructive and (refusal := await self._refused(tool, arguments, call)):
            return refusal
        await self._run.progress(text=f"using {name}")
        try:
            with span(f"tool {tool.name}"):
                result = await self._called(tool, arguments, call)
        except _NotAllowed as refusal:
            return str(refusal)
        except ToolUnavailable as error:
            logger.info("run %s: %s", self._run.id, error)
            return f"The tool failed: {error}"
        sized = cut(result, RESULT_LENGTH_MAX)
        return sized if tool.is_own else as_material(sized, self._mark)

    async def _called(self, tool: Tool, arguments: dict[str, Any], call: str) -> str:
        """Whose words are in the thread may have changed since the tools were listed."""
        try:
            return await tool.call(arguments)
        except ApprovalNeeded:
            if tool.is_destructive:
                raise  # A person was asked already.
            if refusal := await self._refused(tool, arguments, call):
                raise _NotAllowed(refusal) from None
            return await tool.call(arguments)

    async def _refused(self, tool: Tool, arguments: dict[str, Any], call: str) -> str | None:
        """What a tool can destroy is asked about first; None when a person agrees."""
        shown = arguments_shown(arguments)
        if not fits_question(shown):
            return _TOO_LONG.format(tool=tool.name)
        key = hashlib.sha256("\0".join((call, tool.name, shown)).encode(errors="replace")).hexdigest()[:32]
        answer = await self._run.ask_approval(tool_question(tool.name), shown, key)
        if answer.approved:
            return None
        said = f" They said: {as_material(answer.comment, self._mark)}" if answer.comment else ""
        return f"A person did not allow {tool.name}; do not try again.{said}"


def own_tools(run: Run, *, risky: bool) -> list[Tool]:
    """What every agent can do: hand work on and, beside tools that can destroy, ask a person."""
    delegate = Tool(
        "delegate_task",
        "Hand a part of the work to another agent of the squad and wait for its answer.",
        {
            "type": "object",
            "properties": {
                "prompt": {"type": "string", "description": "Everything the other agent has to know."},
                "agent": {"type": "string", "description": "Its name; leave out to let the router choose."},
            },
            "required": ["prompt"],
        },
        lambda arguments: _delegate(run, arguments),
    )
    ask = Tool(
        "ask_approval",
        "Ask a person for permission before something that cannot be undone.",
        {
            "type": "object",
            "properties": {"question": {"type": "string"}, "detail": {"type": "string"}},
            "required": ["question"],
        },
        lambda arguments: _ask(run, arguments),
        is_own=True,
    )
    return [delegate, *([ask] if risky else [])]


async def _delegate(run: Run, arguments: dict[str, Any]) -> str:
    prompt = str(arguments.get("prompt", "")).strip()
    if not prompt:
        raise ToolUnavailable("the prompt is missing")
    try:
        handed_on = await run.delegate(prompt, agent=arguments.get("agent") or None)
    except (DelegationFailed, MessageRefused, ValueError) as error:
        raise ToolUnavailable(f"the work was not done: {error}") from error
    return handed_on.answer or ""


async def _ask(run: Run, arguments: dict[str, Any]) -> str:
    question = str(arguments.get("question", "")).strip()
    if not question:
        raise ToolUnavailable("the question is missing")
    detail = str(arguments.get("detail", ""))
    if len(question) > _QUESTION_LENGTH_MAX or not fits_question(detail):
        raise ToolUnavailable("the question is too long to be shown whole; ask a shorter one")
    answer = await run.ask_approval(question, detail)
    return f"{'Allowed' if answer.approved else 'Not allowed'}. {answer.comment}".strip()
