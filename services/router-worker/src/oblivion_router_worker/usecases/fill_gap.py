"""What happened while nobody told us: asked of ClickUp and Slack, and stored as events.

Found events have the lowest priority and leave half of a token's budget to live ones. After a blind time
lists and channels are read as far back as they have tasks: they show which are new, changed or gone, and
which threads have grown. Comments, and edits and deletions in threads, show in the task or thread alone: each
reading looks into those that people work on, and into some of all the others in turn.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from oblivion_platform.errors import AuthenticationFailed, PermanentFailure
from oblivion_platform.logging import get_logger
from oblivion_router_worker.domain.clickup_objects import Task
from oblivion_router_worker.domain.json_fields import text_at
from oblivion_router_worker.domain.records import Integration
from oblivion_router_worker.domain.slack_ts import is_ts, ts_key
from oblivion_router_worker.ports.reading import ClickUpReads, SlackReads
from oblivion_router_worker.ports.watching import FoundEvent, FoundThread, Jobs, Watched, WatchStore
from oblivion_router_worker.usecases.gap_events import deletions_of, gap_task, replies_of
from oblivion_router_worker.usecases.patience import patiently

_MOST_PAGES = 100
"""Of one list, channel or thread; what is beyond them is logged."""
_MOST_RECENT_THREADS = 100
_RECENT_THREADS = timedelta(days=14)
_MOST_RECENT_TASKS = 50
_RECENT_TASKS = timedelta(days=3)
"""Fewer, since each is two requests of a token that may have but a hundred a minute."""
_MOST_IN_TURN = 25

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

    async def __call__(self, watched: Watched, since: datetime, *, is_blind: bool) -> int:
        """Fetch and store; may be repeated when it failed half way.

        A list or channel that refuses to be read is noted at its links, and the others are read.

        Raises:
            TransientFailure: Slack, ClickUp, Postgres or Redis is away, or a budget stays spent.
            AuthenticationFailed: nothing can be read.
        """
        if watched.integration.source == "clickup":
            return await self._fill_clickup(watched, since, is_blind=is_blind)
        return await self._fill_slack(watched, since, is_blind=is_blind)

    async def _store_found(self, found: Sequence[FoundEvent]) -> int:
        new = await self._store.add(found)
        if new:
            await self._jobs.ensure(new)
        return len(new)

    async def _note_turn(self, watched: Watched, reached: Sequence[str]) -> None:
        """Where the next reading goes on; at the beginning again once all had their turn."""
        turn = reached[-1] if len(reached) == _MOST_IN_TURN else ""
        await self._store.note(watched.integration, {"turn": turn}, None)

    # ClickUp

    async def _fill_clickup(self, watched: Watched, since: datetime, *, is_blind: bool) -> int:
        # Comments need not change a task's date: tasks that people work on are looked at too.
        integration = watched.integration
        recent = await self._store.recent_tasks(integration, since - _RECENT_TASKS, _MOST_RECENT_TASKS)
        in_turn = await self._store.tasks_after(integration, _turn(watched), _MOST_IN_TURN)
        looked_at = dict.fromkeys([*recent, *in_turn])
        count = 0
        for list_id in await self._store.linked_lists(integration):
            try:
                versions = await self._changed(integration, list_id, _unix_ms(since), is_blind=is_blind)
            except AuthenticationFailed:
                raise
            except PermanentFailure as refused:
                await self._store.note_problem(integration, list_id, refused.code, refused.message)
                continue
            changed = {each: version for each, version in versions.items() if each not in looked_at}
            count += await self._store_found([gap_task(integration, *each) for each in changed.items()])
        look = f"since:{_unix_ms(since)}"
        count += await self._store_found([gap_task(integration, each, look) for each in looked_at])
        await self._note_turn(watched, in_turn)
        return count

    async def _changed(
        self, integration: Integration, list_id: str, since_ms: int, *, is_blind: bool
    ) -> dict[str, str]:
        """Tasks of a list that changed, and their versions; after a blind time those that left it too."""
        tasks, is_whole = await self._tasks(integration, list_id, 0 if is_blind else since_ms)
        changed = {
            task.id: str(task.updated_at_ms)
            for task in tasks
            if task.updated_at_ms is None or task.updated_at_ms >= since_ms
        }
        if is_blind and is_whole:
            there = {task.id for task in tasks}
            shown = await self._store.shown_tasks(integration, list_id)
            changed |= {each: f"gone:{since_ms}" for each in shown if each not in there}
        return changed

    async def _tasks(
        self, integration: Integration, list_id: str, since_ms: int
    ) -> tuple[Sequence[Task], bool]:
        """Tasks that changed since then, and whether these are all."""
        found: list[Task] = []
        for page in range(_MOST_PAGES):
            ask = partial(self._clickup.tasks_updated_since, integration, list_id, since_ms, page)
            tasks, is_last = await patiently(ask, self._sleep)
            found += tasks
            if is_last:
                return found, True
        _note_cut(integration, list_id)
        return found, False

    # Slack

    async def _fill_slack(self, watched: Watched, since: datetime, *, is_blind: bool) -> int:
        integration = watched.integration
        since_ts = f"{since.timestamp():.6f}"
        count = 0
        refusing: set[str] = set()
        threads = list(
            await self._store.recent_threads(integration, since - _RECENT_THREADS, _MOST_RECENT_THREADS)
        )
        for channel in await self._store.linked_channels(integration):
            try:
                back_to = await self._back_to(integration, channel, since, is_blind=is_blind)
                found, grown = await self._fill_channel(watched, channel, back_to, since_ts)
                count += found
                threads += await self._store.threads_at(integration, channel, grown)
            except AuthenticationFailed:
                raise
            except PermanentFailure as refused:
                refusing.add(channel)
                await self._store.note_problem(integration, channel, refused.code, refused.message)
        in_turn = await self._store.threads_after(integration, _turn(watched), _MOST_IN_TURN)
        wanted = {each.key: (each, since_ts) for each in threads}
        # Those whose turn it is were not read at the last reading, so all that is in them is asked for.
        wanted |= {each.key: (each, each.ts) for each in in_turn}
        for thread, oldest_ts in wanted.values():
            if thread.channel not in refusing:
                count += await self._fill_thread_if_there(watched, thread, oldest_ts)
        await self._note_turn(watched, [each.key for each in in_turn])
        return count

    async def _back_to(
        self, integration: Integration, channel: str, since: datetime, *, is_blind: bool
    ) -> str:
        """Just before the oldest message whose thread may have grown; after a blind time that is any."""
        earliest = None if is_blind else f"{(since - _RECENT_THREADS).timestamp():.6f}"
        since_ts = f"{since.timestamp():.6f}"
        oldest_ts = await self._store.oldest_thread(integration, channel, earliest) or since_ts
        seconds, _ = min(ts_key(oldest_ts), ts_key(since_ts))
        return f"{seconds - 1}.000000"

    async def _fill_channel(
        self, watched: Watched, channel: str, back_to_ts: str, since_ts: str
    ) -> tuple[int, Sequence[str]]:
        """Store replies that were also sent to the channel; returns how many, and the threads that grew."""
        count, cursor, grown = 0, None, list[str]()
        for _ in range(_MOST_PAGES):
            ask = partial(self._slack.history, watched.integration, channel, back_to_ts, cursor)
            messages, cursor = await patiently(ask, self._sleep)
            count += await self._store_found(replies_of(watched, channel, messages, since_ts))
            grown += _grown(messages, since_ts)
            if cursor is None:
                return count, grown
        _note_cut(watched.integration, channel)
        return count, grown

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
            page, cursor = await patiently(ask, self._sleep)
            messages += page
            if cursor is None:
                is_whole = True
                break
        else:
            _note_cut(integration, thread.key)
        found = replies_of(watched, thread.channel, messages, oldest_ts)
        if is_whole and messages:
            found += deletions_of(watched, thread, messages)
        return await self._store_found(found)


def _unix_ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _turn(watched: Watched) -> str:
    turn = watched.health.get("turn")
    return turn if isinstance(turn, str) else ""


def _grown(messages: Sequence[Mapping[str, object]], since_ts: str) -> list[str]:
    """Messages whose thread has a reply from after then."""
    grown: list[str] = []
    for message in messages:
        ts, latest_ts = text_at(message, "ts"), text_at(message, "latest_reply")
        if (
            ts is not None
            and latest_ts is not None
            and is_ts(latest_ts)
            and ts_key(latest_ts) > ts_key(since_ts)
        ):
            grown.append(ts)
    return grown


def _note_cut(integration: Integration, place: str) -> None:
    """There was more than is read at once; what is beyond has its turn only as readings go on."""
    _log.warning("gap_not_whole", integration=str(integration.id), place=place, pages=_MOST_PAGES)
