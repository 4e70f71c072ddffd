"""A ClickUp task as a message in each channel that its list is linked with.

What the task is like is fetched, never read from the event: events come late, twice and in any order; even
a deletion may be undone by the time one hears of it. So one fetch answers every event of the task that came
before it. But ClickUp may tell of a new task, or of a deletion, before it shows it: such an event waits a
while before the fetch is believed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import uuid4

from oblivion_platform.errors import TransientFailure
from oblivion_router_worker.domain.clickup_events import CHANGE_EVENTS
from oblivion_router_worker.domain.clickup_objects import Task
from oblivion_router_worker.domain.effects import PostTask, UpdateTask
from oblivion_router_worker.domain.filters import is_selected
from oblivion_router_worker.domain.records import Link, ShownTask
from oblivion_router_worker.domain.slack_message import SlackMessage
from oblivion_router_worker.domain.task_view import TaskFate, render_task, render_unknown_task
from oblivion_router_worker.ports.clock import Clock
from oblivion_router_worker.ports.reading import ClickUpReads
from oblivion_router_worker.usecases.turn import Turn

_ANSWERED_BY_FETCH = CHANGE_EVENTS | {"taskCreated", "taskMoved"}


CLOCKS_DIFFER_BY = timedelta(minutes=1)
"""At most: ClickUp's and ours."""


@dataclass(frozen=True, slots=True)
class Mirrored:
    """A task after its messages were decided."""

    task: Task | None
    """None: it is gone."""
    links: Sequence[Link]
    """Links with a message of the task; the active ones among them follow it."""
    outcome: str


class NotYetVisible(TransientFailure):
    """ClickUp told of something that it does not list yet, or no more."""

    def __init__(self, what: str) -> None:
        super().__init__("not_yet_visible", f"ClickUp told of a {what} that it does not show")


@dataclass(frozen=True, slots=True)
class Settling:
    """How long ClickUp's answers may be older than its events."""

    clock: Clock
    lag: timedelta

    def is_over(self, turn: Turn) -> bool:
        return self.clock.now() - turn.event.received_at >= self.lag


class MirrorTask:
    """Makes the channels show what the task is like now."""

    def __init__(self, clickup: ClickUpReads, settling: Settling) -> None:
        self._clickup = clickup
        self._settling = settling

    async def __call__(self, turn: Turn, task_id: str, *, is_gone: bool = False) -> Mirrored:
        """Fetch the task and decide; `is_gone` when ClickUp said that it was deleted.

        Raises:
            NotYetVisible: a task that has no message yet may only be too young to be found, one that was
                deleted may still be shown.
        """
        event = turn.event
        task = await self._clickup.task(event.integration, task_id, priority=event.priority)
        if task is not None:
            turn.cover(_ANSWERED_BY_FETCH)
        list_id = task.list_id if task else None
        links = await turn.decision.links.of_task(turn.event.integration.id, task_id, list_id)
        is_unseen = task is None and not any(link.shown for link in links)
        contradicts = task is not None if is_gone else is_unseen
        if contradicts and not self._settling.is_over(turn):
            raise NotYetVisible("deletion" if is_gone else "task")
        shown = [await _show(turn, link, task) for link in links]
        return Mirrored(task, [link for link in shown if link.shown], _outcome(turn, links))


def _outcome(turn: Turn, links: Sequence[Link]) -> str:
    if turn.effects:
        return "mirrored"
    return "unchanged" if links else "ignored:not_linked"


async def _show(turn: Turn, link: Link, task: Task | None) -> Link:
    """Decide about one channel; returns the link with its message as decided."""
    if not link.is_active:
        return link
    if link.shown is None:
        is_wanted = task is not None and is_selected(link.options, task) and not _is_old(turn, link, task)
        return await _show_first(turn, link, task) if task and is_wanted else link
    return await _show_again(turn, link, link.shown, task)


def _is_old(turn: Turn, link: Link, task: Task) -> bool:
    """Found by reading the list, and not touched since it was linked: nobody would have told us of it."""
    linked_ms = (link.linked_at - CLOCKS_DIFFER_BY).timestamp() * 1000
    return turn.event.is_gap_filling and task.updated_at_ms is not None and task.updated_at_ms < linked_ms


async def _show_first(turn: Turn, link: Link, task: Task) -> Link:
    message = render_task(task)
    shown = ShownTask(
        id=uuid4(),
        task_id=task.id,
        name=task.name,
        channel=link.channel,
        slack_ts=None,
        is_active=True,
        content_hash=message.content_hash,
        updated_ms=task.updated_at_ms or 0,
    )
    await turn.decision.links.show(link, shown)
    await turn.send(PostTask(link.channel, message.text, message.blocks), link, shown)
    return replace(link, shown=shown)


async def _show_again(turn: Turn, link: Link, shown: ShownTask, task: Task | None) -> Link:
    """A message follows its task for as long as the task is in the list, tagged or no longer."""
    if task is not None and (task.updated_at_ms or 0) < shown.updated_ms:
        return link
    message = _message(link, shown, task)
    if message.content_hash == shown.content_hash:
        return link
    changed = replace(
        shown,
        name=task.name if task else shown.name,
        is_active=task is not None and task.list_id == link.list_id,
        content_hash=message.content_hash,
        updated_ms=(task and task.updated_at_ms) or shown.updated_ms,
    )
    await turn.decision.links.show(link, changed)
    await turn.send(UpdateTask(message.text, message.blocks), link, changed)
    return replace(link, shown=changed)


def _message(link: Link, shown: ShownTask, task: Task | None) -> SlackMessage:
    if task is None:
        return render_unknown_task(shown.name)
    return render_task(task, TaskFate.PRESENT if task.list_id == link.list_id else TaskFate.MOVED_AWAY)
