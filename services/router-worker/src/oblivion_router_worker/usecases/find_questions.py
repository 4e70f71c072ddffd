"""What people asked the bot while Slack could not tell us: found in the conversations that it takes part in.

Linked channels, and the threads that it answered in lately, are looked at each time; all its conversations
after a time that is known to have been blind.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from oblivion_platform.errors import AuthenticationFailed, PermanentFailure
from oblivion_platform.logging import get_logger
from oblivion_router_worker.domain.json_fields import text_at
from oblivion_router_worker.domain.records import Integration
from oblivion_router_worker.domain.slack_ts import ts_key
from oblivion_router_worker.ports.reading import SlackReads
from oblivion_router_worker.ports.watching import FoundEvent, FoundThread, Jobs, Watched, WatchStore
from oblivion_router_worker.usecases.gap_events import questions_of
from oblivion_router_worker.usecases.patience import patiently

_MOST_PAGES = 20
_MOST_CONVERSATIONS = 500
_MOST_THREADS = 100
_TALKED_WITHIN = timedelta(days=14)

_Messages = Sequence[Mapping[str, object]]
_Page = Callable[[str | None], Awaitable[tuple[_Messages, str | None]]]
_log = get_logger(__name__)


class Conversations(Protocol):
    """Where the bot talked with people."""

    async def talked_in(self, integration: Integration, since: datetime, most: int) -> Sequence[FoundThread]:
        """Threads of sessions that something was said in since then, newest first."""
        ...


class FindQuestions:
    """Implements `watchdog.FillGap` for Slack."""

    def __init__(
        self,
        store: WatchStore,
        conversations: Conversations,
        slack: SlackReads,
        jobs: Jobs,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._conversations = conversations
        self._slack = slack
        self._jobs = jobs
        self._sleep = sleep

    async def __call__(self, watched: Watched, since: datetime, *, is_blind: bool) -> int:
        """Store the questions that were put since then; may be repeated when it failed half way.

        A conversation that cannot be read, since the bot was removed from it say, is passed over.

        Raises:
            TransientFailure: Slack, Postgres or Redis is away, or a budget stays spent.
            AuthenticationFailed: nothing can be read.
        """
        integration = watched.integration
        if integration.source != "slack" or not integration.answers:
            return 0
        since_ts = f"{since.timestamp():.6f}"
        talks = await self._conversations.talked_in(integration, since - _TALKED_WITHIN, _MOST_THREADS)
        threads = {(thread.channel, thread.ts) for thread in talks}
        count = 0
        for channel in await self._channels(integration, talks, is_blind=is_blind):
            page = partial(self._slack.history, integration, channel, since_ts)
            found = await self._read(integration, channel, page)
            threads |= {(channel, ts) for ts in _grown(found, since_ts)}
            count += await self._keep(questions_of(watched, channel, found, since_ts))
        for channel, ts in sorted(threads):
            page = partial(self._slack.replies, integration, channel, ts, since_ts)
            found = await self._read(integration, channel, page)
            count += await self._keep(questions_of(watched, channel, found, since_ts))
        return count

    async def _channels(
        self, integration: Integration, talks: Sequence[FoundThread], *, is_blind: bool
    ) -> Sequence[str]:
        known = {*await self._store.linked_channels(integration), *(thread.channel for thread in talks)}
        if is_blind:
            known |= set(await self._all_conversations(integration))
        return sorted(known)

    async def _all_conversations(self, integration: Integration) -> Sequence[str]:
        found: list[str] = []
        cursor: str | None = None
        while len(found) < _MOST_CONVERSATIONS:
            ask = partial(self._slack.conversations, integration, cursor)
            page, cursor = await patiently(ask, self._sleep)
            found += page
            if cursor is None:
                return found
        _log.warning("conversations_not_read", integration=str(integration.id), read=len(found))
        return found

    async def _read(self, integration: Integration, channel: str, page: _Page) -> _Messages:
        messages: list[Mapping[str, object]] = []
        cursor: str | None = None
        try:
            for _ in range(_MOST_PAGES):
                found, cursor = await patiently(partial(page, cursor), self._sleep)
                messages += found
                if cursor is None:
                    return messages
        except AuthenticationFailed:
            raise
        except PermanentFailure as refused:
            _log.info("conversation_not_read", integration=str(integration.id), code=refused.code)
            return messages
        _log.warning("conversation_cut", integration=str(integration.id), channel=channel)
        return messages

    async def _keep(self, found: Sequence[FoundEvent]) -> int:
        new = await self._store.add(found)
        if new:
            await self._jobs.ensure(new)
        return len(new)


def _grown(messages: _Messages, since_ts: str) -> list[str]:
    """The messages whose threads have replies since then."""
    stood = [(text_at(message, "ts"), text_at(message, "latest_reply")) for message in messages]
    return [ts for ts, latest in stood if ts and latest and ts_key(latest) > ts_key(since_ts)]
