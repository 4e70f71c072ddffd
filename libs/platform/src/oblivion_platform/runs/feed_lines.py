"""A step of a run → its line: what came of it, never what was said."""

from collections.abc import Mapping
from typing import Any

from oblivion_contracts.feed import FeedKind, FeedLevel
from oblivion_contracts.runs import RunEventKind, RunState
from oblivion_platform.feed import Line
from oblivion_platform.runs.records import Change

_WAITS: tuple[FeedKind, str, FeedLevel] = ("run.waiting", "A run waits for its agent", "notice")
_STATES: dict[str, tuple[FeedKind, str, FeedLevel]] = {
    RunState.QUEUED: ("run.queued", "A run was asked for", "info"),
    RunState.ROUTED: ("run.routed", "A run has its agent", "info"),
    RunState.WAITING: _WAITS,
    RunState.ASSIGNED: ("run.assigned", "A run was given to its agent", "info"),
    RunState.RUNNING: ("run.started", "A run is at work", "info"),
    RunState.SUCCEEDED: ("run.ended", "A run succeeded", "notice"),
    RunState.CANCELLED: ("run.ended", "A run was cancelled", "warning"),
    RunState.FAILED: ("run.ended", "A run failed", "error"),
}
_REASONS: dict[str, tuple[str, FeedLevel]] = {
    "handed_back": ("A run was handed back by its agent, which ends", "notice"),
    "lease_lost": ("A run was taken from its agent, which was not heard of", "warning"),
    "resumed": ("A run goes on after its agent was away", "notice"),
}
_ANSWERS = {
    "pending": "A run waits for approval",
    "approved": "An approval was given",
    "denied": "An approval was refused",
}
_MUTED: tuple[FeedKind, str, FeedLevel] = (
    "agent.muted",
    "An agent is muted: it said too much at once",
    "warning",
)
_OTHERS: dict[RunEventKind, tuple[FeedKind, str, FeedLevel]] = {
    RunEventKind.MESSAGE: ("run.message", "A run said something before its answer", "info"),
    RunEventKind.DELEGATION: ("run.delegated", "A run handed work on to another agent", "info"),
    RunEventKind.TOOL: ("run.notice", "A run used a tool", "info"),
    RunEventKind.NOTICE: ("run.notice", "A run was told something by the system", "warning"),
}


def line_of_change(change: Change) -> Line:
    kind, text, level = _told(change.kind, change.data)
    return Line(kind, text, level, run_id=change.run_id, agent_id=change.agent_id)


def _told(kind: RunEventKind, data: Mapping[str, Any]) -> tuple[FeedKind, str, FeedLevel]:
    if kind is RunEventKind.STATE:
        return _state(data)
    if kind is RunEventKind.PROGRESS:
        percent = data.get("percent")
        return "run.progress", "A run goes on" if percent is None else f"A run is at {percent} %", "info"
    if kind is RunEventKind.APPROVAL:
        asked = data.get("state") == "pending"
        told = _ANSWERS.get(str(data.get("state")), "An approval was answered")
        return "approval.asked" if asked else "approval.answered", told, "notice"
    code = data.get("code")
    if code == "agent_muted":
        return _MUTED
    known, text, level = _OTHERS[kind]
    return known, f"{text} ({code})" if code else text, level


def _state(data: Mapping[str, Any]) -> tuple[FeedKind, str, FeedLevel]:
    kind, text, level = _STATES.get(str(data.get("state")), _STATES[RunState.QUEUED])
    text, level = _REASONS.get(str(data.get("reason")), (text, level))
    failure: Mapping[str, Any] = data.get("failure") or {}
    code = failure.get("code")
    return kind, f"{text} ({code})" if code else text, level
