"""Notices that events stopped coming, mends what can be mended, and has the gap filled.

ClickUp suspends a webhook after 100 failed deliveries without notice, gives each event up after five tries,
and forgets that it did with the next success; Slack gives up after some six minutes, and tells nobody (nor
that event subscriptions are off, nor that Socket Mode is down). So both are read every few minutes whatever
seems well, and at once after a blind time. `integrations.seen_until` says up to when all was read. While a
gap waits to be filled, `health.blind_since` stands in the row: it is written before anything is mended, so
no crash forgets a gap.
Source: https://developer.clickup.com/docs/webhookhealth
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from oblivion_platform.errors import AuthenticationFailed, OblivionFailure
from oblivion_platform.logging import get_logger
from oblivion_platform.tasks import end
from oblivion_router_worker.ports.clock import Clock
from oblivion_router_worker.ports.watching import Intake, Watched, WatchStore, Webhook, Webhooks

_log = get_logger(__name__)

_NO_ADDRESS = (
    "the ClickUp webhook is gone and our public address is not known; set OBLIVION_WEBHOOK_BASE_URL or run "
    "oblivion clickup connect"
)
_SECRETLESS = (
    "ClickUp made a webhook without telling its secret, so it was removed again; the next look makes another"
)

_MOST_AT_ONCE = 3
"""Looks at once; each holds a database connection for its lock."""


class FillGap(Protocol):
    async def __call__(self, watched: Watched, since: datetime, *, is_blind: bool) -> int:
        """Fetch what happened since then; returns how many events were not known.

        `is_blind`: events were missed, whatever it takes to find them.
        """
        ...


class WatchReport(Protocol):
    """Tells how it goes."""

    def integrations_seen(self, counts: Mapping[tuple[str, str], int]) -> None:
        """How many there are, by source and status."""
        ...

    def webhook_mended(self, found: str) -> None:
        """`found`: suspended or gone."""
        ...


@dataclass(frozen=True, slots=True)
class WatchPolicy:
    blind_after: timedelta
    """A look that comes this long after the last one: we were away ourselves."""
    overlap: timedelta
    """A gap is filled from this much earlier: a delivery may have failed some time after its event."""
    read_every: timedelta
    """Lists, channels and threads are read this often, whatever seems well."""
    look_s: float
    """Seconds that a round of looks lasts at most; looks that are still on then end on their own."""
    webhook_base_url: str | None = None


@dataclass(frozen=True, slots=True)
class _Sight:
    """What one look came to."""

    status: str
    detail: str
    sees: bool
    """Events can arrive now."""
    was_blind: bool = False
    """Some may not have arrived since the last look."""
    fail_count: int = 0


_ALL_WELL = _Sight("ok", "", sees=True)


class Watchdog:
    """Looks after every integration, one replica at a time for each."""

    def __init__(
        self,
        store: WatchStore,
        webhooks: Webhooks,
        intake: Intake,
        fill_gap: Sequence[FillGap],
        clock: Clock,
        report: WatchReport,
        policy: WatchPolicy,
    ) -> None:
        self._store = store
        self._webhooks = webhooks
        self._intake = intake
        self._fill_gap = fill_gap
        self._clock = clock
        self._report = report
        self._policy = policy
        self._looks: dict[UUID, asyncio.Task[None]] = {}
        self._at_once = asyncio.Semaphore(_MOST_AT_ONCE)
        self._missed_a_look = False

    async def __call__(self) -> None:
        """Look at all integrations once; the failure of one does not keep the others from their turn.

        A look that waits for a budget goes on meanwhile: its integration is left out until it has ended.
        """
        is_reachable = await self._intake.is_reachable()
        if not is_reachable:
            _log.warning("ingestion_unreachable")
        all_watched = await self._integrations()
        self._report.integrations_seen(Counter(_how_it_is(watched) for watched in all_watched))
        # What kept us from looking, Postgres most likely, kept ingestion from storing as well.
        is_told = is_reachable and not self._missed_a_look
        self._missed_a_look = False
        for watched in all_watched:
            if watched.integration.id not in self._looks:
                look = self._look_alone(watched, is_told=is_told)
                self._looks[watched.integration.id] = asyncio.create_task(look)
        if self._looks:
            await asyncio.wait(self._looks.values(), timeout=self._policy.look_s)
        ended = [key for key, look in self._looks.items() if look.done()]
        for look in [self._looks.pop(key) for key in ended]:
            look.result()

    async def _integrations(self) -> Sequence[Watched]:
        try:
            return await self._store.integrations()
        except OblivionFailure:
            self._missed_a_look = True
            raise

    async def close(self) -> None:
        """End the looks that still go on; what they had not filled is noted."""
        await end(*self._looks.values())

    async def _look_alone(self, watched: Watched, *, is_told: bool) -> None:
        async with self._at_once, self._store.alone(watched.integration) as is_alone:
            if is_alone:
                await self._look_after(watched, is_told=is_told)

    async def _look_after(self, found: Watched, *, is_told: bool) -> None:
        try:
            watched = await self._store.current(found.integration)
            if watched is None:
                return
            if is_told:
                await self._look(watched)
            else:
                await self._note_blind(watched)
        except Exception as error:  # The top of one integration's look: the next look tries again.
            code = getattr(error, "code", type(error).__name__)
            _log.warning("watch_failed", integration=str(found.integration.id), code=code)

    async def _look(self, watched: Watched) -> None:
        try:
            await self._see_and_fill(watched)
        except AuthenticationFailed as refused:
            await self._note_blind(watched, {"status": "token_refused", "detail": refused.message})

    async def _see_and_fill(self, watched: Watched) -> None:
        now = self._clock.now()
        sight = _ALL_WELL
        if _tells_failures(watched):
            sight = await self._see_webhook(watched)
        health = {"status": sight.status, "detail": sight.detail, "fail_count": sight.fail_count}
        if not sight.sees:
            await self._note_blind(watched, health)
            return
        gap_since = watched.seen_until if self._is_due(watched, now) else None
        is_blind = sight.was_blind or self._was_blind(watched, now)
        if is_blind:
            gap_since = await self._note_blind(watched, health)
        if gap_since is not None:
            await self._fill(watched, gap_since, is_blind=is_blind)
        is_read = gap_since is not None or watched.seen_until is None
        well = health | {"blind_since": None, "looked_at": now.isoformat()}
        await self._store.note(watched.integration, well, now if is_read else None)

    def _was_blind(self, watched: Watched, now: datetime) -> bool:
        if watched.health.get("blind_since") is not None:
            return True
        last_look = _moment(watched.health.get("looked_at")) or watched.seen_until
        return last_look is not None and now - last_look > self._policy.blind_after

    def _is_due(self, watched: Watched, now: datetime) -> bool:
        return watched.seen_until is not None and now - watched.seen_until >= self._policy.read_every

    async def _note_blind(self, watched: Watched, health: Mapping[str, object] | None = None) -> datetime:
        """Note since when events may be missing, before anything else is done: only a filled gap clears it.

        A look that is killed, or whose filling fails, leaves the next one with the whole gap.
        """
        since = watched.seen_until or _moment(watched.health.get("blind_since")) or self._clock.now()
        blind = {**(health or {}), "blind_since": since.isoformat()}
        await self._store.note(watched.integration, blind, None)
        return since

    async def _fill(self, watched: Watched, since: datetime, *, is_blind: bool) -> None:
        found = 0
        for fill_gap in self._fill_gap:
            found += await fill_gap(watched, since - self._policy.overlap, is_blind=is_blind)
        _log.info("gap_filled", integration=str(watched.integration.id), events=found)

    async def _see_webhook(self, watched: Watched) -> _Sight:
        integration = watched.integration
        known_id = integration.config_text("webhook_id")
        if known_id is None:
            return _Sight("webhook_missing", "no webhook yet; run oblivion clickup connect", sees=False)
        all_of_us = await self._webhooks.all(integration)
        webhook = next((each for each in all_of_us if each.id == known_id), None)
        if webhook is None:
            return await self._make_webhook(watched, all_of_us)
        if not webhook.is_active:
            await self._note_blind(watched)
            await self._webhooks.activate(integration, webhook)
            self._report.webhook_mended("suspended")
            _log.warning("webhook_reactivated", integration=str(integration.id))
            return replace(_ALL_WELL, was_blind=True)
        was_blind = webhook.fail_count > _known_fails(watched)
        return replace(_ALL_WELL, was_blind=was_blind, fail_count=webhook.fail_count)

    async def _make_webhook(self, watched: Watched, others: Sequence[Webhook]) -> _Sight:
        """A new webhook: the old one was deleted, or belonged to somebody who left."""
        integration = watched.integration
        endpoint = integration.config_text("webhook_url")
        if endpoint is None and self._policy.webhook_base_url is not None:
            endpoint = f"{self._policy.webhook_base_url.rstrip('/')}/webhooks/clickup/{integration.id}"
        if endpoint is None:
            return _Sight("webhook_missing", _NO_ADDRESS, sees=False)
        await self._note_blind(watched)
        for other in others:
            # Made by a look whose end we never saw: nobody holds its secret, so all it tells is refused.
            if other.endpoint == endpoint:
                await self._webhooks.delete(integration, other)
        webhook = await self._webhooks.create(integration, endpoint)
        if not webhook.secret:
            await self._webhooks.delete(integration, webhook)
            return _Sight("webhook_missing", _SECRETLESS, sees=False)
        await self._store.keep_webhook(integration, webhook, webhook.secret)
        self._report.webhook_mended("gone")
        _log.warning("webhook_created_again", integration=str(integration.id))
        return replace(_ALL_WELL, was_blind=True)


def _how_it_is(watched: Watched) -> tuple[str, str]:
    """Its source, and how the last look left it."""
    status = str(watched.health.get("status") or "ok")
    is_blind = watched.health.get("blind_since") is not None
    return watched.integration.source, "gap" if status == "ok" and is_blind else status


def _tells_failures(watched: Watched) -> bool:
    """ClickUp's webhooks count what did not arrive; Slack tells nobody."""
    return watched.integration.source == "clickup"


def _moment(noted: object) -> datetime | None:
    return datetime.fromisoformat(noted) if isinstance(noted, str) else None


def _known_fails(watched: Watched) -> int:
    known = watched.health.get("fail_count")
    return known if isinstance(known, int) else 0
