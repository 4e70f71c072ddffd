"""When the watchdog takes events for missed, and what it mends, with everything outside as fakes."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from oblivion_platform.errors import AuthenticationFailed, DependencyUnavailable, RateLimited
from oblivion_router_worker.domain.records import Integration
from oblivion_router_worker.ports.watching import Watched, Webhook
from oblivion_router_worker.usecases.watchdog import Watchdog, WatchPolicy

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
TICK, OVERLAP = timedelta(seconds=30), timedelta(minutes=2)
READ_EVERY = timedelta(minutes=10)
OURS = Webhook("wh1", "https://us/webhooks/clickup/1", is_active=True, fail_count=0)


class World:
    """Store, webhooks, ingestion, gap filler and clock in one."""

    def __init__(self, *, source="clickup", config=None, look_s=5):
        config = {"webhook_id": "wh1"} if config is None else config
        integration = Integration(uuid4(), uuid4(), source, "9001", config)
        self.watched = Watched(integration, None, NOON, {})
        self.time = NOON + TICK
        self.webhooks = [OURS]
        self.failure = None
        self.filling_fails = False
        self.killed_at = None
        self.made, self.secret = 0, "s"
        self.gaps, self.blind_gaps = [], []
        self.reachable = True
        self.postgres_is_away = False
        self.is_alone = True
        self.others = []
        policy = WatchPolicy(
            blind_after=5 * TICK,
            overlap=OVERLAP,
            read_every=READ_EVERY,
            look_s=look_s,
            webhook_base_url="https://us/",
        )
        self.look = Watchdog(self, self, self, [self._fill], self, self, policy)
        self.mended, self.seen = [], {}

    async def _fill(self, watched, since, *, is_blind):
        self.gaps.append(since)
        self.blind_gaps += [since] if is_blind else []
        if self.killed_at == "filling":
            raise Killed
        if self.filling_fails:
            raise RateLimited("clickup_budget_spent", "wait", 60)
        return 1

    def integrations_seen(self, counts):
        self.seen = dict(counts)

    def webhook_mended(self, found):
        self.mended.append(found)

    def now(self):
        return self.time

    async def is_reachable(self):
        return self.reachable

    async def integrations(self):
        if self.postgres_is_away:
            raise DependencyUnavailable("postgres_unavailable", "away")
        return [self.watched, *self.others]

    @asynccontextmanager
    async def alone(self, integration):
        yield self.is_alone

    async def current(self, integration):
        return self.watched

    async def note(self, integration, health, seen_until):
        health = {**self.watched.health, **health}
        self.watched = replace(self.watched, health=health, seen_until=seen_until or self.watched.seen_until)

    async def keep_webhook(self, integration, webhook, secret):
        assert secret == webhook.secret
        config = {**integration.config, "webhook_id": webhook.id, "webhook_url": webhook.endpoint}
        self.watched = replace(self.watched, integration=replace(integration, config=config))

    async def all(self, integration):
        if self.failure is not None:
            raise self.failure
        return self.webhooks

    async def activate(self, integration, webhook):
        self.webhooks = [replace(webhook, is_active=True, fail_count=0)]
        if self.killed_at == "mended":
            raise Killed

    async def create(self, integration, endpoint):
        self.made += 1
        made = Webhook(f"wh{1 + self.made}", endpoint, is_active=True, fail_count=0, secret=self.secret)
        self.webhooks.append(made)
        if self.killed_at == "mended":
            raise Killed
        return made

    async def delete(self, integration, webhook):
        self.webhooks = [each for each in self.webhooks if each.id != webhook.id]


async def test_while_all_is_well_nothing_is_fetched_before_its_time():
    world = World()
    await world.look()
    assert (world.watched.seen_until, world.gaps) == (NOON, [])
    assert world.watched.health["status"] == "ok"


@pytest.mark.parametrize("source", ["clickup", "slack"])
async def test_a_look_that_comes_late_fills_the_gap_with_some_overlap(source):
    world = World(source=source)
    world.time = NOON + timedelta(minutes=10)
    await world.look()
    await world.look()
    assert world.gaps == [NOON - OVERLAP]
    assert world.watched.seen_until == world.time


@pytest.mark.parametrize("source", ["clickup", "slack"])
async def test_all_is_read_every_few_minutes_although_it_seems_well(source):
    world = World(source=source)
    for _ in range(50):  # 25 minutes of looks that come in time.
        await world.look()
        world.time += TICK
    assert world.gaps == [NOON - OVERLAP, NOON + READ_EVERY - OVERLAP]
    assert world.blind_gaps == []
    assert world.watched.seen_until == NOON + 2 * READ_EVERY


async def test_a_look_that_postgres_kept_from_us_is_a_gap():
    world = World()
    world.postgres_is_away = True
    with pytest.raises(DependencyUnavailable):
        await world.look()
    world.postgres_is_away, world.time = False, world.time + TICK
    for _ in range(3):
        await world.look()
    assert world.gaps == [NOON - OVERLAP]
    assert world.watched.seen_until == world.time


async def test_a_reading_of_slack_that_failed_is_made_up_for_by_the_next_look():
    world = World(source="slack")
    world.filling_fails, world.time = True, NOON + READ_EVERY
    await world.look()
    assert world.watched.seen_until == NOON
    world.filling_fails = False
    await world.look()
    assert world.gaps == [NOON - OVERLAP] * 2
    assert world.watched.seen_until == world.time


async def test_slack_is_read_at_once_after_a_look_that_came_late():
    world = World(source="slack")
    await world.look()
    world.time += timedelta(minutes=4)
    await world.look()
    assert world.gaps == [NOON - OVERLAP]


async def test_a_first_look_has_no_gap():
    world = World()
    world.watched = replace(world.watched, seen_until=None)
    await world.look()
    assert (world.gaps, world.watched.seen_until) == ([], world.time)


async def test_a_suspended_webhook_is_woken_and_the_gap_filled_once():
    world = World()
    world.webhooks = [replace(OURS, is_active=False, fail_count=100)]
    await world.look()
    await world.look()
    assert world.webhooks[0].is_active
    assert world.gaps == world.blind_gaps == [NOON - OVERLAP]


async def test_a_gap_whose_filling_failed_is_filled_with_the_next_look():
    world = World()
    world.webhooks = [replace(OURS, is_active=False)]
    world.filling_fails = True
    await world.look()
    assert world.watched.seen_until == NOON
    world.filling_fails = False
    world.time += TICK
    await world.look()
    await world.look()
    assert world.gaps == [NOON - OVERLAP, NOON - OVERLAP]
    assert world.watched.seen_until == world.time


class Killed(BaseException):
    """The process ends here: nothing after it runs."""


@pytest.mark.parametrize("webhooks", [[replace(OURS, is_active=False)], []], ids=["suspended", "missing"])
@pytest.mark.parametrize("killed_at", ["mended", "filling"])
async def test_a_process_killed_once_the_webhook_works_again_forgets_no_gap(webhooks, killed_at):
    world = World()
    world.webhooks = list(webhooks)
    world.killed_at = killed_at
    with pytest.raises(Killed):
        await world.look()
    world.killed_at = None
    world.gaps, world.time = [], world.time + TICK
    await world.look()
    assert world.gaps == [NOON - OVERLAP]
    await world.look()
    assert (len(world.gaps), world.watched.seen_until) == (1, world.time)
    (left,) = world.webhooks
    assert left.id == world.watched.integration.config["webhook_id"]


def refuse_token(world):
    world.failure = AuthenticationFailed("clickup_oauth_019", "the token was revoked; connect again")


def lose_webhook(world):
    world.webhooks = []
    world.watched = replace(world.watched, integration=replace(world.watched.integration, config={}))


def lose_ingestion(world):
    world.reachable = False


def mend(world):
    world.failure, world.reachable, world.webhooks = None, True, [OURS]
    integration = replace(world.watched.integration, config={"webhook_id": "wh1"})
    world.watched = replace(world.watched, integration=integration)


@pytest.mark.parametrize("go_blind", [refuse_token, lose_webhook, lose_ingestion])
async def test_one_look_that_sees_nothing_is_enough_for_a_gap(go_blind):
    world = World()
    go_blind(world)
    await world.look()
    assert world.watched.health["blind_since"] == NOON.isoformat()
    mend(world)
    world.time += TICK
    await world.look()
    await world.look()
    assert world.gaps == [NOON - OVERLAP]
    assert world.watched.seen_until == world.time


async def test_events_missed_before_anything_was_seen_are_asked_for():
    world = World()
    world.watched = replace(world.watched, seen_until=None)
    world.reachable = False
    await world.look()
    world.reachable, first = True, world.time
    world.time += TICK
    await world.look()
    assert world.gaps == [first - OVERLAP]


async def test_failed_deliveries_fill_the_gap_once_for_each_growth():
    world = World()
    world.webhooks = [replace(OURS, fail_count=3)]
    await world.look()
    await world.look()
    assert len(world.gaps) == 1
    world.webhooks = [replace(OURS, fail_count=4)]
    await world.look()
    assert len(world.gaps) == 2


async def test_a_missing_webhook_is_made_again_under_the_public_address():
    world = World()
    world.webhooks = []
    await world.look()
    config = world.watched.integration.config
    assert config["webhook_id"] == "wh2"
    assert config["webhook_url"] == f"https://us/webhooks/clickup/{world.watched.integration.id}"
    assert len(world.gaps) == 1


@pytest.mark.parametrize("secret", [None, ""])
async def test_a_webhook_without_secret_is_removed_and_made_again(secret):
    world = World()
    world.webhooks, world.secret = [], secret
    await world.look()
    assert world.webhooks == []
    assert world.watched.health["status"] == "webhook_missing"
    assert (world.watched.integration.config, world.watched.seen_until) == ({"webhook_id": "wh1"}, NOON)
    world.secret = "s"
    await world.look()
    assert world.watched.integration.config["webhook_id"] == world.webhooks[0].id
    assert world.gaps == [NOON - OVERLAP]


async def test_a_refused_token_is_told_and_the_time_seen_stands_still():
    world = World()
    world.failure = AuthenticationFailed("clickup_oauth_019", "the token was revoked; connect again")
    await world.look()
    assert world.watched.health["status"] == "token_refused"
    assert "connect again" in world.watched.health["detail"]
    assert world.watched.seen_until == NOON


async def test_while_ingestion_is_away_the_time_seen_stands_still():
    world = World()
    world.reachable = False
    await world.look()
    assert (world.watched.seen_until, world.gaps) == (NOON, [])


async def test_another_replica_s_integration_is_left_to_it():
    world = World()
    world.is_alone = False
    await world.look()
    assert world.watched.seen_until == NOON


async def test_a_workspace_without_webhook_says_how_to_make_one():
    world = World(config={})
    await world.look()
    assert world.watched.health["status"] == "webhook_missing"
    assert "oblivion clickup connect" in world.watched.health["detail"]


async def test_an_integration_whose_filling_waits_keeps_no_other_from_being_watched():
    seen, may_go_on = [], asyncio.Event()

    class TwoOfThem(World):
        async def current(self, integration):
            seen.append(integration.source)
            return self.watched if integration.source == "clickup" else self.others[0]

        async def _fill(self, watched, since, *, is_blind):
            await may_go_on.wait()
            return 0

    world = TwoOfThem(look_s=0.05)
    world.webhooks = [replace(OURS, is_active=False)]
    slack = replace(world.watched.integration, id=uuid4(), source="slack")
    world.others = [replace(world.watched, integration=slack)]
    await world.look()
    await world.look()
    assert seen == ["clickup", "slack", "slack"]
    may_go_on.set()
    await world.look()
    assert "blind_since" in world.watched.health
    await world.look.close()


async def test_suspended_and_lost_webhooks_are_counted_when_they_are_brought_back():
    world = World()
    world.webhooks = [replace(OURS, is_active=False)]
    await world.look()
    world.webhooks = []
    world.watched = replace(
        world.watched, integration=replace(world.watched.integration, config={"webhook_id": "wh1"})
    )
    await world.look()
    assert world.mended == ["suspended", "gone"]


async def test_each_round_tells_how_integrations_are():
    world = World()
    await world.look()
    well = world.seen
    world.failure = AuthenticationFailed("clickup_token_refused", "revoked")
    await world.look()
    await world.look()
    refused = world.seen
    world.failure, world.filling_fails = None, True
    await world.look()
    await world.look()
    assert (well, refused, world.seen) == (
        {("clickup", "ok"): 1},
        {("clickup", "token_refused"): 1},
        {("clickup", "gap"): 1},
    )
