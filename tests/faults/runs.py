"""What the system's own rows tell of its runs, and whether they may be so.

A run's steps are its truth: counted without gaps, with one end and nothing behind it, their percentage never
falling while one holder has it; each assignment raises the fence by one, and what was answered under a lower
one than the last is a late answer that should have been refused.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import psycopg

from tests.settling import of_each_tenant

FINAL = ("succeeded", "failed", "cancelled")
_FENCE = re.compile(r"\(fence (\d+)\)")


@dataclass(frozen=True)
class Step:
    """A row of `run_events`, as far as it is judged."""

    seq: int
    kind: str
    state: str | None = None
    percent: int | None = None


@dataclass(frozen=True)
class RunRow:
    """A run with its steps, and the answers of its session that name it."""

    id: str
    state: str
    source: str
    parent: str | None
    prompt: str
    fence: int
    last_seq: int
    result: str | None
    failure: str | None
    steps: Sequence[Step]
    answers: Sequence[str] = ()


@dataclass
class Complaints:
    """Each names a run and what is wrong with it."""

    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    disordered: list[str] = field(default_factory=list)

    def about(self, run: RunRow) -> None:
        """Look at one run that is said to be over."""
        name = f"run {run.id}"
        if [step.seq for step in run.steps] != list(range(1, run.last_seq + 1)):
            self.lost.append(f"{name}: steps {[step.seq for step in run.steps]} of {run.last_seq}")
        self._judge_end(run, name)
        self._judge_answer(run, name)
        self.disordered += [f"{name}: {what}" for what in _disorder(run)]

    def _judge_end(self, run: RunRow, name: str) -> None:
        ends = [step.state for step in run.steps if step.state in FINAL]
        if not ends:
            self.lost.append(f"{name}: its end")
        elif len(ends) > 1:
            self.duplicated.append(f"{name}: ends {ends}")
        elif ends != [run.state] or run.steps[-1].state not in FINAL:
            self.disordered.append(f"{name}: it is {run.state}, after {run.steps[-1]} and the end {ends}")

    def _judge_answer(self, run: RunRow, name: str) -> None:
        """What one agent tells another is no message of the conversation. No work is meant to fail."""
        if run.state == "failed":
            self.lost.append(f"{name}: {run.prompt} failed ({run.failure})")
        is_said = run.state == "succeeded" and run.source != "delegation"
        if is_said and run.result not in run.answers:
            self.lost.append(f"{name}: its answer in the conversation")
        if len(run.answers) > is_said:
            self.duplicated.append(f"{name}: {len(run.answers)} answers in the conversation")


def _disorder(run: RunRow) -> Iterator[str]:
    percent = 0
    for step in run.steps:
        if step.state == "assigned":
            percent = 0
        if step.percent is not None:
            if step.percent < percent:
                yield f"step {step.seq} falls from {percent} to {step.percent} %"
            percent = step.percent
    given = sum(step.state == "assigned" for step in run.steps)
    # Whoever gives a run up raises its fence, too.
    if run.fence not in ((given, given + 1) if run.state == "failed" else (given,)):
        yield f"given {given} times, its fence is {run.fence}"
    told = _FENCE.search(run.result or "")
    if told is not None and int(told[1]) != run.fence:
        yield f"answered under fence {told[1]}, its fence is {run.fence}"


def judge_runs(runs: Sequence[RunRow], asked: Sequence[str]) -> Complaints:
    """Look at all of them; each mark in `asked` is the end of one question, which is one run.

    A run may hand the question on once.
    """
    complaints = Complaints()
    for run in runs:
        complaints.about(run)
    first = Counter(run.prompt.split()[-1] for run in runs if run.parent is None and run.prompt.split())
    complaints.lost += [f"run of {mark}" for mark in asked if not first[mark]]
    complaints.duplicated += [f"{first[mark]} runs of {mark}" for mark in asked if first[mark] > 1]
    handed_on = Counter(run.parent for run in runs if run.parent is not None)
    complaints.duplicated += [f"run {each}: handed on {n} times" for each, n in handed_on.items() if n > 1]
    return complaints


async def read_runs(database_url: str, since_unix: float) -> list[RunRow]:
    """All runs of all tenants that were created since then."""
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        rows = await of_each_tenant(connection, _RUNS, (since_unix,))
    return [RunRow(**row | {"steps": [Step(**step) for step in row["steps"]]}) for row in rows]


_RUNS = """
    SELECT id::text, state, source, parent_run_id::text AS parent, prompt, fence, last_seq, result,
        failure ->> 'code' AS failure,
        (SELECT coalesce(json_agg(json_build_object('seq', seq, 'kind', kind,
                'state', CASE WHEN kind = 'state' THEN data ->> 'state' END,
                'percent', (data ->> 'percent')::int) ORDER BY seq), '[]')
         FROM run_events WHERE run_id = runs.id) AS steps,
        ARRAY(SELECT body FROM session_messages
              WHERE session_id = runs.session_id AND run_id = runs.id AND role = 'agent') AS answers
    FROM runs WHERE created_at >= to_timestamp(%s) ORDER BY created_at, id
"""
