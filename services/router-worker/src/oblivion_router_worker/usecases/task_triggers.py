"""A mirrored task that names, is given to, tagged or moved for an agent becomes a run of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import cast
from uuid import UUID

from oblivion_contracts.runs import RunSource
from oblivion_platform import sessions
from oblivion_platform.sessions import WATCHED_TRIGGERS, NewSessionRow, Said, SessionRow
from oblivion_router_worker.domain.clickup_objects import Task
from oblivion_router_worker.domain.comment_view import answered_run, marked_message
from oblivion_router_worker.domain.events import (
    ClickUpUser,
    CommentPosted,
    TaskChanged,
    TaskCreated,
    TaskMoved,
)
from oblivion_router_worker.domain.records import Link
from oblivion_router_worker.domain.run_effects import RunPost
from oblivion_router_worker.domain.run_place import RunPlace, clickup_thread
from oblivion_router_worker.domain.run_view import render_line, seconds
from oblivion_router_worker.domain.text import text_to_mrkdwn, truncate
from oblivion_router_worker.domain.triggers import Trigger, conditions, is_told_by, mentioned
from oblivion_router_worker.domain.words import AT_WORK_ALREADY, CALLED_TOO_OFTEN, NOT_KNOWN
from oblivion_router_worker.ports.reading import SlackReads
from oblivion_router_worker.ports.running import Allowances
from oblivion_router_worker.usecases.identify import Identify
from oblivion_router_worker.usecases.routers import Routers
from oblivion_router_worker.usecases.start_run import Work, start_run
from oblivion_router_worker.usecases.turn import Turn

_PROMPT_MAX = 39_000


@dataclass(frozen=True, slots=True)
class _Call:
    """An agent is called to a task."""

    link: Link
    task_id: str
    trigger: Trigger
    words: str = field(repr=False)
    source_ref: str
    by: ClickUpUser | None
    """Who did it; None: nobody knows, as of what is found after a blind time."""
    comment_id: str | None = None
    creator: ClickUpUser | None = None
    """Of the task."""


class TaskTriggers:
    """Decides which tasks and comments call an agent."""

    def __init__(
        self, slack: SlackReads, identify: Identify, routers: Routers, allowances: Allowances
    ) -> None:
        self._slack = slack
        self._identify = identify
        self._routers = routers
        self._allowances = allowances

    async def on_task(
        self,
        turn: Turn,
        fact: TaskCreated | TaskChanged | TaskMoved,
        task: Task,
        links: Sequence[Link],
    ) -> str | None:
        """After the task was mirrored; the outcome's code if somebody was called."""
        link = next((link for link in links if link.is_active and link.shown), None)
        if link is None or link.shown is None:
            return None
        router = await self._routers.of(turn.event.tenant_id)
        if not router.profiles:
            return None
        now = conditions(router, link.options.agents, task)
        thread = clickup_thread(link.clickup_integration_id, task.id)
        session_id = await turn.decision.desk.session_of(thread)
        if not now and session_id is None:
            return None
        session = await _session(turn, link, task.id, task.name)
        held = _held(session)
        if held == set(now):
            return None
        version = await sessions.set_switches(
            turn.decision.tx, session.id, workflow={**session.workflow, WATCHED_TRIGGERS: sorted(now)}
        )
        turn.aftermath.sessions.append((session.id, version))
        new = [now[key] for key in now if held is None or key not in held]
        if held is None and not isinstance(fact, TaskCreated) and link.shown.slack_ts is not None:
            # An old task that is seen for the first time: only what the event tells of is news.
            fields = fact.fields if isinstance(fact, TaskChanged) else frozenset[str]()
            new = [trigger for trigger in new if is_told_by(trigger.key, fields)]
        if not new:
            return None
        actor = fact.actor if isinstance(fact, TaskCreated | TaskChanged) else None
        words = f"{task.name}\n\n{task.description_markdown}".strip()
        call = _Call(link, task.id, new[0], words, f"task:{turn.event.id}", actor, creator=task.creator)
        return await self._call(turn, call, session)

    async def on_comment(self, turn: Turn, fact: CommentPosted) -> str | None:
        """A comment that names an agent; our own, copies of Slack replies too, call nobody."""
        if "@" not in fact.text or marked_message(fact.text) or answered_run(fact.text):
            return None
        links = await turn.decision.links.of_task(turn.event.integration.id, fact.task_id, None)
        link = next((link for link in links if link.is_active and link.shown), None)
        if link is None or link.shown is None:
            return None
        router = await self._routers.of(turn.event.tenant_id)
        trigger = mentioned(router, link.options.agents, fact.text) if router.profiles else None
        if trigger is None:
            return None
        session = await _session(turn, link, fact.task_id, link.shown.name)
        ref = f"comment:{fact.comment_id}"
        call = _Call(link, fact.task_id, trigger, fact.markdown, ref, fact.author, fact.comment_id)
        return await self._call(turn, call, session, is_question=True)

    async def _call(
        self, turn: Turn, call: _Call, session: SessionRow, *, is_question: bool = False
    ) -> str | None:
        live = await turn.decision.desk.live_in(session.queue)
        if live is not None and not is_question and _is_ours(turn, call):
            if _is_own_move(call):
                return None
            await _refuse(turn, call, AT_WORK_ALREADY)
            return "refused:at_work"
        person = await self._identify.of_clickup(turn, call.by) if call.by else None
        if person is None and not await self._may_be_nobodys(turn, call):
            await _refuse(turn, call, _not_known(call))
            return "refused:unknown_user"
        if person is not None and session.user_id is None:
            session = await _session(turn, call.link, call.task_id, session.title, person.user_id)
        # What is nobody's counts together.
        counted = person.user_id if person else turn.event.integration.id
        wait_s = await self._allowances.take(turn.event.tenant_id, counted)
        if wait_s > 0:
            await _refuse(turn, call, CALLED_TOO_OFTEN.format(wait=seconds(max(1.0, wait_s))))
            return "refused:rate_limit"
        author = person.name if person else ""
        said = Said(
            role="user",
            text=call.words[:_PROMPT_MAX],
            source=RunSource.CLICKUP,
            author=author,
            source_ref=call.source_ref,
            user_id=person.user_id if person else None,
        )
        appended = await sessions.append_message(turn.decision.tx, session.id, said)
        turn.aftermath.sessions.append((session.id, appended.version))
        if not appended.is_new:
            return None
        place = _place(call)
        is_public = await self._slack.is_public(turn.event.tenant_id, place.integration_id, place.channel)
        work = Work(
            session,
            person,
            said.text,
            replace(place, is_public=is_public),
            {"clickup_task_id": call.task_id, "clickup_task": session.title},
            wanted_agent=call.trigger.agent,
            likely_agent=await self._routers.likely(
                turn.event.tenant_id, call.trigger.agent, session.agent_id
            ),
            source=RunSource.CLICKUP,
            requested_by=author,
        )
        started = await start_run(turn, work, is_behind=live is not None)
        return None if started is None else "asked"

    async def _may_be_nobodys(self, turn: Turn, call: _Call) -> bool:
        """Where nobody knows who called, the task has to be of somebody who might have."""
        if call.by is not None:
            return False
        if await self._identify.admits_strangers(turn):
            return True
        return call.creator is not None and await self._identify.of_clickup(turn, call.creator) is not None


def _is_ours(turn: Turn, call: _Call) -> bool:
    """Done under our own token, as far as anybody can tell: what a run does to its task calls nobody else."""
    owner = turn.event.integration.config_text("owner_id")
    if call.by is None or owner is None:
        return _is_own_move(call)
    return call.by.id == owner


def _is_own_move(call: _Call) -> bool:
    """The status is one that runs put tasks of this list into."""
    moves = {name.casefold() for name in call.link.options.agents.status_map.values()}
    return call.trigger.key.removeprefix("status:") in moves


async def _refuse(turn: Turn, call: _Call, why: str) -> None:
    """ClickUp has no words for one person alone: the task's thread is told."""
    place = _place(call)
    name = text_to_mrkdwn(truncate(call.by.name, 100)) if call.by else "Whoever called an agent"
    line = render_line(f":no_entry_sign: {name} {why}.")
    body = RunPost(place.channel, place.thread_ts, line.text, line.blocks)
    await turn.showing.send(
        place.integration_id, place.destination, body, task_mapping_id=place.task_mapping_id
    )


def _not_known(call: _Call) -> str:
    return NOT_KNOWN + (f": `oblivion users link USER --clickup {call.by.id}`" if call.by else "")


async def _session(
    turn: Turn, link: Link, task_id: str, title: str, user_id: UUID | None = None
) -> SessionRow:
    """Of the task; it is theirs who first called an agent there."""
    new = NewSessionRow(
        source=RunSource.CLICKUP,
        user_id=user_id,
        thread=clickup_thread(link.clickup_integration_id, task_id),
        title=title,
        visible_in_slack=True,
    )
    return await sessions.open_for_thread(turn.decision.tx, turn.event.tenant_id, new)


def _held(session: SessionRow) -> set[str] | None:
    """The conditions that held at the last look; None: there was none."""
    known: object = session.workflow.get(WATCHED_TRIGGERS)
    return {str(key) for key in cast("list[object]", known)} if isinstance(known, list) else None


def _place(call: _Call) -> RunPlace:
    link, agents = call.link, call.link.options.agents
    statuses = {str(state): name for state, name in agents.status_map.items()}
    return RunPlace(
        integration_id=link.slack_integration_id,
        channel=link.shown.channel if link.shown else link.channel,
        thread_ts=link.shown.slack_ts if link.shown else None,
        task_mapping_id=link.shown.id if link.shown else None,
        task_id=call.task_id,
        clickup_integration_id=link.clickup_integration_id,
        comment_id=call.comment_id,
        clickup_asker=call.by.id if call.by else None,
        answer_as_comment=agents.answer_as_comment,
        status_map=statuses or None,
    )
