"""What happened while nobody told us: asked of ClickUp and Slack, and stored as events.

An event that is found gets the identity that its delivery has or would have had, so what was told after all
shows once. Found events have the lowest priority and leave half of a token's budget to live ones.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from oblivion_platform.errors import AuthenticationFailed, PermanentFailure, RateLimited
from oblivion_platform.event_id import slack_deletion_key, slack_edit_key, slack_message_key
from oblivion_platform.logging import get_logger
from oblivion_router_worker.domain.json_fields import object_at, text_at
from oblivion_router_worker.domain.records import Integration
from oblivion_router_worker.domain.slack_ts import is_ts, ts_key
from oblivion_router_worker.ports.reading import ClickUpReads, SlackReads
from oblivion_router_worker.ports.watching import FoundEvent, FoundThread, Jobs, Watched, WatchStore

GAP_TASK = "gapTask"
"""Event type of a task to be looked at: no other event's fetch answers it, since it asks for comments too."""
_MOST_PAGES = 100
_MOST_RECENT_THREADS = 100
_RECENT_THREADS = timedelta(days=14)
_MOST_RECENT_TASKS = 50
_RECENT_TASKS = timedelta(days=3)
"""Fewer, since each is two requests of a token that may have but a hundred a minute."""
_MOST_WAITS = 10
"""Waits for one request, after which the next look begins anew; what was found is stored by then."""
_WAIT_S = 60.0
_LONGEST_WAIT_S = 120.0

_Answer = TypeVar("_Answer")
_log = get_logger(__name__)


class GapFiller:
    """Implements `watchdog.FillGap`."""

    def __init__(
        self,
        store: WatchStore,
        clickup: ClickUpReads,
        slack: SlackReads,
        jobs: Jobs,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._clickup = clickup
        self._slack = slack
        self._jobs = jobs
        self._sleep = sleep

    async def __call__(self, watched: Watched, since: datetime) -> int:
        """Fetch and store; may be repeated when it failed half way.

        A list or channel that refuses to be read is noted at its links, and the others are read.

        Raises:
            TransientFailure: Slack, ClickUp, Postgres or Redis is away, or a budget stays spent.
            AuthenticationFailed: nothing can be read.
        """
        if watched.integration.source == "clickup":
            return await self._fill_clickup(watched.integration, since)
        return await self._fill_slack(watched, since)

    async def _store_found(self, found: Sequence[FoundEvent]) -> int:
        new = await self._store.add(found)
        if new:
            await self._jobs.ensure(new)
        return len(new)

    async def _patiently(self, ask: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """Ask, and wait where a budget says so: a fill that began again each minute would never end."""
        for _ in range(_MOST_WAITS):
            try:
                return await ask()
            except RateLimited as limited:
                wanted_s = _WAIT_S if limited.retry_after_s is None else limited.retry_after_s
                await self._sleep(min(wanted_s, _LONGEST_WAIT_S))
        return await ask()

    # ClickUp

    async def _fill_clickup(self, integration: Integration, since: datetime) -> int:
        # Comments and deletions need not change a task's date: tasks that people work on are looked at too.
        recent = await self._store.recent_tasks(integration, since - _RECENT_TASKS, _MOST_RECENT_TASKS)
        count = 0
        for list_id in await self._store.linked_lists(integration):
            try:
                versions = await self._changed(integration, list_id, _unix_ms(since))
            except AuthenticationFailed:
                raise
            except PermanentFailure as refused:
                await self._store.note_problem(integration, list_id, refused.code, refused.message)
                continue
            count += await self._store_found(
                [
                    _gap_task(integration, each, version)
                    for each, version in versions.items()
                    if each not in recent
                ]
            )
        looked_at = f"since:{_unix_ms(since)}"
        return count + await self._store_found([_gap_task(integration, each, looked_at) for each in recent])

    async def _changed(self, integration: Integration, list_id: str, since_ms: int) -> dict[str, str]:
        """Tasks of a list that changed, and when they last did."""
        versions: dict[str, str] = {}
        for page in range(_MOST_PAGES):
            ask = partial(self._clickup.tasks_updated_since, integration, list_id, since_ms, page)
            tasks, is_last = await self._patiently(ask)
            versions |= {task.id: str(task.updated_at_ms) for task in tasks}
            if is_last:
                break
        return versions

    # Slack

    async def _fill_slack(self, watched: Watched, since: datetime) -> int:
        integration = watched.integration
        oldest_ts = f"{since.timestamp():.6f}"
        count = 0
        refusing: set[str] = set()
        for channel in await self._store.linked_channels(integration):
            try:
                count += await self._fill_channel(watched, channel, oldest_ts)
            except AuthenticationFailed:
                raise
            except PermanentFailure as refused:
                refusing.add(channel)
                await self._store.note_problem(integration, channel, refused.code, refused.message)
        for thread in await self._store.recent_threads(
            integration, since - _RECENT_THREADS, _MOST_RECENT_THREADS
        ):
            if thread.channel not in refusing:
                count += await self._fill_thread_if_there(watched, thread, oldest_ts)
        return count

    async def _fill_channel(self, watched: Watched, channel: str, oldest_ts: str) -> int:
        """Replies that were also sent to the channel; others are only found in their threads."""
        count, cursor = 0, None
        for _ in range(_MOST_PAGES):
            ask = partial(self._slack.history, watched.integration, channel, oldest_ts, cursor)
            messages, cursor = await self._patiently(ask)
            count += await self._store_found(_events(watched, channel, messages, oldest_ts))
            if cursor is None:
                break
        return count

    async def _fill_thread_if_there(self, watched: Watched, thread: FoundThread, oldest_ts: str) -> int:
        try:
            return await self._fill_thread(watched, thread, oldest_ts)
        except AuthenticationFailed:
            raise
        except PermanentFailure as refused:
            # Somebody removed the message, say: the channel's other threads are none the worse for it.
            _log.warning("thread_not_read", integration=str(watched.integration.id), code=refused.code)
            return 0

    async def _fill_thread(self, watched: Watched, thread: FoundThread, oldest_ts: str) -> int:
        """The whole thread is read: an edit or a deletion does not change its place in it."""
        integration = watched.integration
        messages: list[Mapping[str, object]] = []
        cursor, is_whole = None, False
        for _ in range(_MOST_PAGES):
            ask = partial(self._slack.replies, integration, thread.channel, thread.ts, thread.ts, cursor)
            page, cursor = await self._patiently(ask)
            messages += page
            if cursor is None:
                is_whole = True
                break
        found = _events(watched, thread.channel, messages, oldest_ts)
        if is_whole and messages:
            found += _deletions(watched, thread, messages)
        return await self._store_found(found)


def _unix_ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _gap_task(integration: Integration, task_id: str, version: str) -> FoundEvent:
    body: dict[str, object] = {"event": "taskUpdated", "task_id": task_id, "history_items": []}
    return FoundEvent(
        tenant_id=integration.tenant_id,
        integration_id=integration.id,
        source="clickup",
        event_type=GAP_TASK,
        subject=f"task:{task_id}",
        dedupe_key=f"gap:{task_id}:{version}",
        body=json.dumps(body).encode(),
    )


def _events(
    watched: Watched, channel: str, messages: Sequence[Mapping[str, object]], oldest_ts: str
) -> list[FoundEvent]:
    """Replies that people posted or edited since then."""
    found: list[FoundEvent] = []
    team = watched.integration.external_id
    for message in messages:
        ts, thread_ts = text_at(message, "ts"), text_at(message, "thread_ts")
        if not is_ts(ts) or not is_ts(thread_ts) or ts is None or thread_ts in (None, ts):
            continue
        if _is_ours(watched, message):
            continue
        if ts_key(ts) > ts_key(oldest_ts):
            posted = {"type": "message", "channel": channel, **message}
            key = slack_message_key(team, channel, ts)
            found.append(_slack_event(watched, posted, f"thread:{channel}:{thread_ts}", key))
        edited_ts = text_at(object_at(message, "edited"), "ts")
        if edited_ts is not None and is_ts(edited_ts) and ts_key(edited_ts) > ts_key(oldest_ts):
            edit = _nested("message_changed", channel, edited_ts) | {"message": dict(message)}
            key = slack_edit_key(team, channel, ts, edited_ts)
            found.append(_slack_event(watched, edit, f"thread:{channel}:{thread_ts}", key))
    return found


def _deletions(
    watched: Watched, thread: FoundThread, messages: Sequence[Mapping[str, object]]
) -> list[FoundEvent]:
    """Replies that have a copy and are no longer there."""
    present = {text_at(message, "ts") for message in messages}
    team, channel = watched.integration.external_id, thread.channel
    found: list[FoundEvent] = []
    for ts in thread.copied:
        if ts not in present:
            previous = {"type": "message", "ts": ts, "thread_ts": thread.ts}
            gone = _nested("message_deleted", channel, ts) | {"deleted_ts": ts, "previous_message": previous}
            key = slack_deletion_key(team, channel, ts)
            found.append(_slack_event(watched, gone, f"thread:{channel}:{thread.ts}", key))
    return found


def _nested(subtype: str, channel: str, event_ts: str) -> dict[str, object]:
    return {"type": "message", "subtype": subtype, "channel": channel, "ts": event_ts, "event_ts": event_ts}


def _is_ours(watched: Watched, message: Mapping[str, object]) -> bool:
    config = watched.integration.config_text
    bot_id = text_at(message, "bot_id")
    return text_at(message, "user") == config("bot_user_id") or (
        bot_id is not None and bot_id == config("bot_id")
    )


def _slack_event(watched: Watched, event: Mapping[str, object], subject: str, dedupe_key: str) -> FoundEvent:
    """The envelope that Slack would have sent."""
    integration = watched.integration
    bot = {
        "team_id": integration.external_id,
        "user_id": integration.config_text("bot_user_id"),
        "is_bot": True,
    }
    envelope = {
        "type": "event_callback",
        "team_id": integration.external_id,
        "api_app_id": watched.app_id,
        "event": event,
        "authorizations": [bot],
    }
    return FoundEvent(
        tenant_id=integration.tenant_id,
        integration_id=integration.id,
        source="slack",
        event_type="message",
        subject=subject,
        dedupe_key=dedupe_key,
        body=json.dumps(envelope).encode(),
    )
