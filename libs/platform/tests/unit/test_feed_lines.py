"""Lines of the feed: what they say of a run's steps, and what they never hold."""

import json
from uuid import uuid4

import pytest

from oblivion_contracts.feed import FEED_TEXT_MAX
from oblivion_contracts.runs import RunEventKind
from oblivion_platform.feed import Line
from oblivion_platform.feed.lines import restored, stored
from oblivion_platform.runs import Change
from oblivion_platform.runs.feed_lines import line_of_change

PRIVATE = "a word of somebody"


@pytest.mark.parametrize(
    ("kind", "data", "told"),
    [
        (RunEventKind.STATE, {"state": "queued"}, ("run.queued", "info", "A run was asked for")),
        (RunEventKind.STATE, {"state": "assigned"}, ("run.assigned", "info", "A run was given to its agent")),
        (RunEventKind.STATE, {"state": "succeeded"}, ("run.ended", "notice", "A run succeeded")),
        (
            RunEventKind.STATE,
            {"state": "failed", "failure": {"code": "no_agent", "message": PRIVATE}},
            ("run.ended", "error", "A run failed (no_agent)"),
        ),
        (
            RunEventKind.STATE,
            {"state": "cancelled", "by": PRIVATE},
            ("run.ended", "warning", "A run was cancelled"),
        ),
        (
            RunEventKind.STATE,
            {"state": "routed", "reason": "lease_lost"},
            ("run.routed", "warning", "A run was taken from its agent, which was not heard of"),
        ),
        (
            RunEventKind.PROGRESS,
            {"percent": 40, "text": PRIVATE},
            ("run.progress", "info", "A run is at 40 %"),
        ),
        (
            RunEventKind.PROGRESS,
            {"percent": None, "text": PRIVATE},
            ("run.progress", "info", "A run goes on"),
        ),
        (
            RunEventKind.MESSAGE,
            {"text": PRIVATE},
            ("run.message", "info", "A run said something before its answer"),
        ),
        (
            RunEventKind.APPROVAL,
            {"state": "pending", "question": PRIVATE, "detail": PRIVATE},
            ("approval.asked", "notice", "A run waits for approval"),
        ),
        (
            RunEventKind.APPROVAL,
            {"state": "denied", "by": PRIVATE, "comment": PRIVATE},
            ("approval.answered", "notice", "An approval was refused"),
        ),
        (
            RunEventKind.NOTICE,
            {"code": "tool_missing", "text": PRIVATE},
            ("run.notice", "warning", "A run was told something by the system (tool_missing)"),
        ),
        (
            RunEventKind.NOTICE,
            {"code": "agent_muted", "text": PRIVATE},
            ("agent.muted", "warning", "An agent is muted: it said too much at once"),
        ),
    ],
)
def test_a_step_of_a_run_says_what_came_of_it_and_nothing_that_was_said(
    kind: RunEventKind, data: dict[str, object], told: tuple[str, str, str]
) -> None:
    run, agent = uuid4(), uuid4()
    line = line_of_change(Change(run, 3, kind=kind, data=data, agent_id=agent))
    assert (line.kind, line.level, line.text) == told
    assert (line.run_id, line.agent_id) == (run, agent)
    assert PRIVATE not in stored(line, "gateway", 0.0)


@pytest.mark.parametrize("kind", list(RunEventKind))
def test_every_kind_of_step_has_its_line(kind: RunEventKind) -> None:
    assert line_of_change(Change(uuid4(), 1, kind=kind)).text


def test_a_line_comes_back_as_it_was_told() -> None:
    line = Line("tool.failed", "notion__search failed", "warning", run_id=uuid4(), connection_id=uuid4())
    back = restored("5-0", stored(line, "mcp-hub", 1_700_000_000.25).encode())
    assert (back.cursor, back.source, back.kind, back.text) == ("5-0", "mcp-hub", line.kind, line.text)
    assert (back.run_id, back.connection_id, back.event_id) == (line.run_id, line.connection_id, None)
    assert back.at.timestamp() == 1_700_000_000.25


def test_names_from_outside_are_cut_and_hold_nothing_that_moves_a_terminal_or_breaks_a_store() -> None:
    line = Line("tool.called", "evil\x1b[2J\0\ud800\u2028name " + "x" * 1_000)
    text = json.loads(stored(line, "mcp-hub", 0.0).encode())["text"]
    assert text.startswith("evil [2J name xxx")
    assert len(text) == FEED_TEXT_MAX
