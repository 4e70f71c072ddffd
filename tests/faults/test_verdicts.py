"""Each judgement of runs and of what people read can fail: shown by rows and messages that are wrong."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.faults.agent import MAY_I
from tests.faults.patience import Patience
from tests.faults.runs import Complaints, RunRow, Step, judge_runs
from tests.faults.verdict import WITHDRAWN, Verdict, judge_answers

MARK = "ask0001x"
ANSWER = f"Held {MARK} (fence 2)"


def steps_of(*kinds: str | int) -> list[Step]:
    """States by name, progress by its percentage."""
    return [
        Step(seq, "state", state=kind) if isinstance(kind, str) else Step(seq, "progress", percent=kind)
        for seq, kind in enumerate(kinds, start=1)
    ]


HELD_TWICE = ("queued", "routed", "assigned", "running", 0, 50, "routed", "assigned", "running", 25, 75)
LIFE = (*HELD_TWICE, "succeeded")
RUN = RunRow(
    id="r1",
    state="succeeded",
    source="slack",
    parent=None,
    prompt=f"@steady hold {MARK}",
    fence=2,
    last_seq=len(LIFE),
    result=ANSWER,
    failure=None,
    steps=steps_of(*LIFE),
    answers=[ANSWER],
)
CHILD = replace(RUN, id="c1", source="delegation", parent="r1", prompt=MARK, answers=[])


def run_of(*kinds: str | int, **more: object) -> RunRow:
    return replace(RUN, steps=steps_of(*kinds), last_seq=len(kinds), **more)


def judged(*runs: RunRow, asked: Sequence[str] = (MARK,)) -> Complaints:
    return judge_runs(runs, asked)


def test_a_run_that_changed_its_holder_and_was_handed_on_once_is_well() -> None:
    assert judged(RUN, CHILD) == Complaints()


CANCELLED = run_of(*HELD_TWICE, "cancelled", state="cancelled", result=None, answers=[])
FAILED = run_of(*HELD_TWICE, "failed", state="failed", result=None, answers=[])


def test_a_run_that_was_stopped_is_well() -> None:
    assert judged(CANCELLED) == Complaints()


def test_a_failed_run_is_in_order_whether_its_holder_ended_it_or_it_was_given_up() -> None:
    assert judged(FAILED).disordered == []
    assert judged(replace(FAILED, fence=3)).disordered == []


@pytest.mark.parametrize(
    "run",
    [
        replace(RUN, steps=[step for step in RUN.steps if step.seq != 5]),
        replace(RUN, last_seq=len(LIFE) + 1),
        run_of(*HELD_TWICE),
        replace(RUN, answers=[]),
        replace(RUN, answers=["Something else"]),
        FAILED,
    ],
    ids=["a step", "the newest step", "its end", "its answer", "its own answer", "by failing"],
)
def test_what_is_missing_of_a_run_is_lost(run: RunRow) -> None:
    assert judged(run).lost


@pytest.mark.parametrize(
    "run",
    [
        run_of(*LIFE, "succeeded"),
        run_of(*HELD_TWICE, "cancelled", "succeeded"),
        replace(RUN, answers=[ANSWER, ANSWER]),
        replace(CANCELLED, answers=[ANSWER]),
        replace(CHILD, answers=[ANSWER]),
    ],
    ids=["answered twice", "stopped and answered", "two answers", "an answer of a stopped one", "told twice"],
)
def test_a_second_end_or_answer_of_a_run_is_a_duplicate(run: RunRow) -> None:
    assert judged(run).duplicated


@pytest.mark.parametrize(
    "run",
    [
        run_of(*HELD_TWICE, 70, "succeeded"),
        run_of(*LIFE, 80),
        replace(RUN, state="failed"),
        replace(RUN, fence=1, result="Held"),
        replace(RUN, fence=3, result="Held"),
        replace(RUN, result=f"Held {MARK} (fence 1)", answers=[f"Held {MARK} (fence 1)"]),
    ],
    ids=["percent", "after its end", "another end", "a low fence", "a high fence", "a late answer"],
)
def test_a_run_that_goes_backwards_or_past_its_end_is_disordered(run: RunRow) -> None:
    assert judged(run).disordered


def test_a_question_is_one_run() -> None:
    assert judged(asked=[MARK]).lost
    assert judged(RUN, replace(RUN, id="r2")).duplicated
    assert judged(RUN, CHILD, replace(CHILD, id="c2")).duplicated


def test_who_waits_too_long_while_all_are_there_is_stuck() -> None:
    patience = Patience(9.0)
    for second in range(12):
        patience.see(second, ["r1"])
    assert patience.stuck == {"r1": 11.0}


def test_who_is_served_or_excused_in_time_is_not_stuck() -> None:
    patience = Patience(9.0)
    for second in range(30):
        if second % 8 == 4:
            patience.excuse()
        patience.see(second, ["r1", "r2"] if second % 8 else ["r2"])
    assert patience.stuck == {}


def test_a_fence_that_falls_is_seen() -> None:
    patience = Patience(9.0)
    for fence in (1, 2, 2, 1):
        patience.see_fence("r1", fence)
    assert patience.fallen == ["run r1: its fence falls from 2 to 1"]


def test_what_was_seen_meanwhile_counts_in_the_verdict() -> None:
    patience, verdict = Patience(9.0), Verdict()
    patience.see(0, [])
    verdict.add_runs([RUN], [MARK], patience)
    assert verdict.clean
    patience.stuck["r1"] = 10.0
    verdict.add_runs([RUN], [MARK], patience)
    assert sum(verdict.stuck.values()) == 1
    patience.fallen.append("run r1")
    verdict.add_runs([RUN], [MARK], patience)
    assert verdict.disordered


def test_a_schedule_in_which_nobody_looked_at_a_whole_system_is_not_well() -> None:
    verdict = Verdict()
    verdict.add_runs([RUN], [MARK], Patience(9.0))
    assert not verdict.clean


def said(words: str, *, via: str = "api", ts: str = "2.0") -> dict[str, object]:
    thread_ts = None if via == "person" else "1.0"
    return {"via": via, "ts": ts, "thread_ts": thread_ts, "deleted": False, "message": {"text": words}}


def read(*words: str, stopped: Sequence[str] = ()) -> Verdict:
    """What becomes of a question under which these messages stand."""
    verdict = Verdict()
    question = said(f"@steady hold {MARK}", via="person", ts="1.0")
    shown = [said(each, ts=f"2.{number}") for number, each in enumerate(words)]
    judge_answers(verdict, [question, *shown], stopped)
    return verdict


HALT = ":no_entry_sign: Stopped by you."
ALLOWED = f"{MAY_I} *Approved* by you"


@pytest.mark.parametrize(
    ("words", "stopped"),
    [
        ([ANSWER], []),
        ([ANSWER], [MARK]),
        ([HALT], [MARK]),
        ([ALLOWED, ANSWER], []),
        ([f":arrow_right: asked general: {MARK}", ANSWER], []),
        ([f"{WITHDRAWN} slack are missing now.", ANSWER], []),
    ],
)
def test_one_end_for_each_question_is_well(words: list[str], stopped: list[str]) -> None:
    assert read(*words, stopped=stopped).clean


@pytest.mark.parametrize("words", [[], [HALT], ["Processing…"], [f"{MAY_I} Approve Deny", ANSWER]])
def test_a_question_without_its_end_or_its_approval_has_lost_it(words: list[str]) -> None:
    assert read(*words).lost


@pytest.mark.parametrize(
    "words",
    [
        [ANSWER, ANSWER],
        [HALT, ANSWER],
        [f"{HALT} {ANSWER}"],
        [ALLOWED, ALLOWED, ANSWER],
        [":arrow_right: asked", ":arrow_right: asked", ANSWER],
        [WITHDRAWN, WITHDRAWN, ANSWER],
        ["Processing…", ANSWER],
    ],
)
def test_more_than_one_end_of_a_question_is_a_duplicate(words: list[str]) -> None:
    assert read(*words, stopped=[MARK]).duplicated
