"""Shows in Slack (and on the ClickUp task) what happened to a run since it was last shown.

The run's row is locked, everything new becomes effects in the outbox, and the row says how far they go: all
in one transaction, so each step is shown once, whoever shows it. Progress is one message that is edited,
rarely; after the end there is no progress any more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from oblivion_contracts.runs import RunEvent, RunEventKind, RunSource, RunState
from oblivion_platform import runs, sessions
from oblivion_platform.agents.profiles import TenantAgents
from oblivion_platform.runs import Run, RunJob
from oblivion_platform.telemetry import tracing
from oblivion_router_worker.domain import upkeep
from oblivion_router_worker.domain.actions import DONE, FAILED, SEEN, STOPPED
from oblivion_router_worker.domain.comment_view import answer_comment
from oblivion_router_worker.domain.identifiers import uuid_or_none
from oblivion_router_worker.domain.run_effects import PROGRESS_TS, STATUS_UNTIL, STREAM_TS, MoveTask
from oblivion_router_worker.domain.run_place import ASKED_FOR_AGENT, RunPlace
from oblivion_router_worker.domain.run_view import (
    Ended,
    Working,
    answer_file,
    render_choice,
    render_ended,
    render_line,
    render_said,
    render_steps,
    render_stream_end,
    render_working,
)
from oblivion_router_worker.domain.text import text_to_mrkdwn, truncate
from oblivion_router_worker.ports.deciding import Decision, Store
from oblivion_router_worker.ports.kicking import Kick
from oblivion_router_worker.ports.running import Aftermath, Agents, EndWatch, Follow, HomeWatch
from oblivion_router_worker.usecases.show_question import ShownQuestion, is_answer
from oblivion_router_worker.usecases.showing import Showing

FIRST_EDIT_AFTER_S = 1.0
EDITS_APART_S = 3.0
STEPS_APART_S = 1.0
"""Additions to a stream are cheaper than edits."""
STEPS_AMONG = 400
"""A stream lives for minutes, and stores a few steps a second."""
STATUS_MAX_UNITS = 140
_QUIET = frozenset({RunEventKind.PROGRESS, RunEventKind.STATE, RunEventKind.TOOL})
_AT_HOME = frozenset({RunEventKind.STATE, RunEventKind.APPROVAL})
_MARKS = {RunState.SUCCEEDED: DONE, RunState.FAILED: FAILED, RunState.CANCELLED: STOPPED}
_RETRY_OF = "retry_of"
"""In a run's first step: whose work it does once more."""
_UNSHOWN_SOURCES = frozenset({RunSource.DELEGATION})
_SAID_ELSEWHERE = frozenset({RunSource.API, RunSource.TERMINAL, RunSource.WEB})


@dataclass(frozen=True, slots=True)
class Watches:
    """Who is told what was shown, after the commit."""

    ends: EndWatch
    homes: HomeWatch


class ShowRun:
    """`follow` is told when a run's end frees its thread for the next one."""

    def __init__(self, store: Store, agents: Agents, kick: Kick, follow: Follow, watches: Watches) -> None:
        self._store = store
        self._agents = agents
        self._kick = kick
        self._follow = follow
        self._watches = watches

    async def __call__(self, tenant_id: UUID, run_id: UUID) -> float | None:
        """Show what is new; the seconds after which to come again, when it is too early for an edit.

        Raises:
            DependencyUnavailable: Postgres is away; nothing was shown.
        """
        agents = await self._agents.of(tenant_id)
        aftermath = Aftermath()
        async with self._store.tenant(tenant_id) as decision:
            run = await runs.read(decision.tx, run_id, lock=True)
            if run is None:
                return None
            if run.presented_seq >= run.last_seq and not _is_overdue(run):
                return _come_again_s(run)
            events = await runs.events_since(decision.tx, run_id, run.presented_seq)
            place = await _place(decision, run, events)
            wait_s = _too_early_s(run, place, events)
            if wait_s is not None:
                return wait_s
            showing = Showing(decision.outbox, tenant_id)
            with tracing(run.traceparent, "show run"):
                kept: Mapping[str, Any] = {}
                if place is not None:
                    kept = await _Shown(decision, showing, run, place, agents).all(events)
                await runs.shown(decision.tx, run_id, _reached(run, events), kept)
                if _is_end(run, events):
                    following = await runs.next_in_thread(decision.tx, run.thread)
                    aftermath.forward += [] if following is None else [RunJob(following)]
        if _is_end(run, events):
            self._watches.ends.over(tenant_id, run, _agent(agents, run))
        if any(event.kind in _AT_HOME for event in events):
            self._watches.homes.changed(tenant_id)
        for destination, first in showing.destinations.items():
            self._kick(tenant_id, destination, first)
        if not aftermath.is_empty:
            self._follow(tenant_id, aftermath)
        return _come_again_s(run) if _reached(run, events) >= run.last_seq else 0.0


async def _place(decision: Decision, run: Run, events: Sequence[RunEvent]) -> RunPlace | None:
    """Of work that was handed on, only what it asks of people is shown: where it all began."""
    if run.source not in _UNSHOWN_SOURCES:
        return await _own_place(decision, run)
    if not any(event.kind is RunEventKind.APPROVAL for event in events):
        return None
    first: Run | None = run
    while first is not None and first.source in _UNSHOWN_SOURCES:
        first = await runs.read(decision.tx, first.parent_run_id) if first.parent_run_id else None
    return await _own_place(decision, first) if first is not None else None


async def _own_place(decision: Decision, run: Run) -> RunPlace | None:
    place = RunPlace.of(run.place)
    if place is not None:
        return place
    if run.place.get("channel"):
        return await _channel_of(decision, run)
    if run.place.get(runs.HIDDEN):
        return None
    session = await sessions.read(decision.tx, run.session_id)
    if session is None or not session.visible_in_slack:
        return None
    return await _of_thread(decision, session.thread or "")


async def _of_thread(decision: Decision, thread: str) -> RunPlace | None:
    """A session's thread, as Slack shows it: a task's is that of the task's message."""
    source, _, rest = thread.partition(":")
    integration, _, where = rest.partition(":")
    integration_id = uuid_or_none(integration)
    if integration_id is None:
        return None
    if source == "slack":
        channel, _, thread_ts = where.partition(":")
        return RunPlace(integration_id, channel, thread_ts)
    links = await decision.links.of_task(integration_id, where, None)
    link = next((link for link in links if link.is_active and link.shown and link.shown.slack_ts), None)
    if link is None or link.shown is None:
        return None
    shown = link.shown
    return RunPlace(link.slack_integration_id, shown.channel, shown.slack_ts, task_mapping_id=shown.id)


async def _channel_of(decision: Decision, run: Run) -> RunPlace | None:
    """Of a workflow, which names a channel and no workspace."""
    integration_id = await decision.desk.slack_integration()
    return RunPlace(integration_id, str(run.place["channel"])) if integration_id else None


def _reached(run: Run, events: Sequence[RunEvent]) -> int:
    """How far the steps go that were read at once."""
    return events[-1].sequence if events else run.last_seq


def _is_end(run: Run, events: Sequence[RunEvent]) -> bool:
    """The run is over, and these are its last steps: of its many a page is shown at a time."""
    return run.state.is_final and _reached(run, events) >= run.last_seq


def _too_early_s(run: Run, place: RunPlace | None, events: Sequence[RunEvent]) -> float | None:
    """Nothing but progress is new, and the last edit was a moment ago."""
    is_loud = any(event.kind not in _QUIET or _begins(run, event) for event in events)
    if place is None or run.state.is_final or is_loud or not RunPlace.of(run.place):
        return None
    now = run.now.timestamp()
    if place.progress_at is None:
        wait_s = run.created_at.timestamp() + FIRST_EDIT_AFTER_S - now
    else:
        wait_s = place.progress_at + (STEPS_APART_S if run.place.get(STREAM_TS) else EDITS_APART_S) - now
    return wait_s if wait_s > 0 else None


def _begins(run: Run, event: RunEvent) -> bool:
    """A run that no event began: a retry, or a question that another run left unread. Nobody has shown it."""
    is_shown_so = run.source is not RunSource.WORKFLOW and RunPlace.of(run.place) is not None
    return event.sequence == 1 and run.event_id is None and is_shown_so


def _is_overdue(run: Run) -> bool:
    return not run.state.is_final and upkeep.is_overdue(run.place, run.now.timestamp())


def _come_again_s(run: Run) -> float | None:
    """When the run has to be shown again though nothing is new."""
    return None if run.state.is_final else upkeep.come_again_s(run.place, run.now.timestamp())


def _agent(agents: TenantAgents, run: Run) -> str | None:
    agent = agents.by_id.get(run.agent_id) if run.agent_id else None
    return agent.name if agent else None


@dataclass(slots=True)
class _Shown:
    """What is new of one run, on its way to where it is shown."""

    decision: Decision
    showing: Showing
    run: Run
    place: RunPlace
    agents: TenantAgents

    async def all(self, events: Sequence[RunEvent]) -> Mapping[str, Any]:
        """Decide what is shown; returns what the run's place shall remember."""
        kept: dict[str, Any] = {}
        if self.run.source in _UNSHOWN_SOURCES:
            for event in events:
                if event.kind is RunEventKind.APPROVAL:
                    await self._approval(event)
            return kept
        if not RunPlace.of(self.run.place):
            kept |= await self._introduce()
        for event in events:
            await self._one(event)
        if self.run.state.is_final:
            if _is_end(self.run, events):
                await self._end()
            return kept
        return kept | await self._upkeep(events)

    async def _upkeep(self, events: Sequence[RunEvent]) -> dict[str, Any]:
        """Of a run that goes on: its progress, and what Slack is about to forget."""
        now, kept = self.run.now.timestamp(), dict[str, Any]()
        has_news = any(event.kind in _QUIET for event in events) or _is_overdue(self.run)
        if has_news and self.run.place.get(PROGRESS_TS) and not self._asks_for_agent:
            await self._progress()
            kept["progress_at"] = now
        if upkeep.status_is_overdue(self.run.place, now):
            words = truncate(self.run.progress or "", STATUS_MAX_UNITS)
            await self.showing.status(self.place, self.run.id, "processing", words=words)
            kept[STATUS_UNTIL] = None
        return kept

    @property
    def _asks_for_agent(self) -> bool:
        """The message is a menu, until somebody has chosen."""
        return self.run.state is RunState.QUEUED and bool(self.run.place.get(ASKED_FOR_AGENT))

    async def _one(self, event: RunEvent) -> None:
        match event.kind:
            case RunEventKind.MESSAGE:
                for message in render_said(self._name, str(event.data.get("text", ""))):
                    await self.showing.say(self.place, self.run.id, message)
            case RunEventKind.APPROVAL:
                await self._approval(event)
            case RunEventKind.DELEGATION:
                await self._line(
                    ":arrow_right:", f"asked {event.data.get('agent') or 'another agent'}", event.data
                )
            case RunEventKind.NOTICE:
                await self._notice(event.data)
            case RunEventKind.STATE:
                if _begins(self.run, event):
                    await self._begin(uuid_or_none(event.data.get(_RETRY_OF)))
                await self._move_task(str(event.data.get("state", "")))
            case _:
                pass

    @property
    def _name(self) -> str | None:
        return _agent(self.agents, self.run)

    async def _introduce(self) -> Mapping[str, Any]:
        """Said elsewhere, and shown in the session's thread because its owner wants it so."""
        if self.run.source is RunSource.WORKFLOW:
            return self.place.to_json()
        await self._quote()
        await self._say_working()
        return self.place.to_json()

    async def _quote(self) -> None:
        """What Slack has not seen: the question."""
        who, where = self.run.requested_by or "Somebody", self.run.source.value
        asked = text_to_mrkdwn(truncate(self.run.prompt, 1_500))
        line = render_line(f"*{text_to_mrkdwn(who)}* ({where}): {asked}")
        await self.showing.say(self.place, self.run.id, line)

    async def _begin(self, retried: UUID | None) -> None:
        """What a question's own run has from the start."""
        if retried is None and self.run.source in _SAID_ELSEWHERE:
            await self._quote()
        before = await runs.read(self.decision.tx, retried) if retried else None
        await self._say_working()
        mark = _MARKS.get(before.state) if before else None
        await self.showing.signs(self.place, self.run.id, SEEN, mark, "processing")

    async def _say_working(self) -> None:
        working = Working(self.run.id, self._name, expected_s=await self._expected_s())
        await self.showing.say(self.place, self.run.id, render_working(working), PROGRESS_TS)

    async def _expected_s(self) -> float | None:
        agent_id = self.run.agent_id
        return await runs.expected_s(self.decision.tx, agent_id) if agent_id is not None else None

    async def _progress(self) -> None:
        expected_s = await self._expected_s()
        working = Working(
            self.run.id, self._name, self.run.percent, self.run.progress or "", expected_s, self._waits()
        )
        steps: Sequence[Mapping[str, Any]] = ()
        if self.run.place.get(STREAM_TS):
            steps = render_steps(working, await self._steps())
        await self.showing.progress(self.place, self.run.id, render_working(working), steps)

    async def _steps(self) -> Sequence[tuple[int, str]]:
        """The run's latest steps, each with a number that it keeps."""
        since = max(0, self.run.last_seq - STEPS_AMONG)
        steps: list[tuple[int, str]] = []
        for event in await runs.events_since(self.decision.tx, self.run.id, since):
            words = str(event.data.get("text") or "") if event.kind is RunEventKind.PROGRESS else ""
            if words and (not steps or steps[-1][1] != words):
                steps.append((event.sequence, words))
        return steps

    def _waits(self) -> str | None:
        if self.run.waiting_for == "agent":
            return f"*{self._name}* is not online; it starts as soon as it is"
        return f"*{self._name}* waits for an approval" if self.run.waiting_for == "approval" else None

    async def _approval(self, event: RunEvent) -> None:
        await ShownQuestion(self.decision, self.showing, self.run, self.place, self._name).show(event)
        if not is_answer(event):
            await self._move_task("waiting")
        elif not self.run.state.is_final:
            await self._move_task("running")

    async def _notice(self, data: Mapping[str, Any]) -> None:
        if isinstance(data.get("choose_agent"), list):
            names = [str(name) for name in data["choose_agent"]]
            await self.showing.edit(self.place, self.run.id, PROGRESS_TS, render_choice(self.run.id, names))
            return
        words = str(data.get("text") or data.get("message") or "")
        if words:
            await self._line(":information_source:", words, {})

    async def _line(self, icon: str, words: str, data: Mapping[str, Any]) -> None:
        prompt = truncate(" ".join(str(data.get("prompt", "")).split()), 300)
        line = f"{icon} {text_to_mrkdwn(words)}" + (f": {text_to_mrkdwn(prompt)}" if prompt else "")
        await self.showing.say(self.place, self.run.id, render_line(line))

    async def _end(self) -> None:
        run = self.run
        ended = Ended(
            run.id,
            run.state,
            self._name,
            _words(run),
            (run.finished_at - run.created_at).total_seconds() if run.finished_at else None,
            run.cost_usd,
            self.place.asker,
            [agent.name for agent in self.agents.agents if agent.is_active],
        )
        first, *more = render_ended(ended)
        streamed = run.place.get(STREAM_TS) and run.state is RunState.SUCCEEDED
        words = render_stream_end(ended.words) if streamed else ()
        await self.showing.answer(self.place, run.id, first, words)
        for message in more:
            await self.showing.say(self.place, run.id, message)
        if (file := answer_file(ended)) is not None:
            await self.showing.file(self.place, run.id, file)
        await self.showing.signs(self.place, run.id, _MARKS[run.state], SEEN, "active")
        if self.place.answer_as_comment and self.place.task_id and run.state is not RunState.CANCELLED:
            comment = answer_comment(_words(run), self._name or "Oblivion", run.id, self.place.clickup_asker)
            body = replace(comment, task_id=self.place.task_id, reply_to=self.place.comment_id)
            await self.showing.on_task(self.place, run.id, body)

    async def _move_task(self, state: str) -> None:
        status = (self.place.status_map or {}).get(state)
        if status and self.place.task_id:
            await self.showing.on_task(self.place, self.run.id, MoveTask(self.place.task_id, status))


def _words(run: Run) -> str:
    match run.state:
        case RunState.SUCCEEDED:
            return run.result or ""
        case RunState.CANCELLED:
            return f"Stopped by {run.cancel_requested_by or 'somebody'}."
        case _:
            reason = run.failure.message if run.failure else "It failed without saying why."
            return f"That did not work. {reason}"
