"""The composition root: the only module that constructs adapters."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.request import getproxies

import aiohttp
from starlette.applications import Starlette

from oblivion_contracts.jobs import AI_AGENT_TASKS, WEBHOOK_PROCESSING
from oblivion_platform.clickup import ClickUp
from oblivion_platform.database.engine import Database, PrivilegedRole
from oblivion_platform.feed import Feed, telling_breakers
from oblivion_platform.health import Health, Phase, health_routes
from oblivion_platform.http_server import serving
from oblivion_platform.queue import JobPolicy, JobQueue, SupervisedWorker
from oblivion_platform.resilience import Breakers, Budget
from oblivion_platform.service import CannotStart
from oblivion_platform.tasks import end
from oblivion_router_worker.adapters.clickup import ClickUpCarrier
from oblivion_router_worker.adapters.clickup_reads import ClickUpApiReads
from oblivion_router_worker.adapters.clickup_webhooks import ClickUpWebhooks
from oblivion_router_worker.adapters.credentials import PostgresCredentials
from oblivion_router_worker.adapters.delivery_metrics import DeliveryMetrics
from oblivion_router_worker.adapters.event_metrics import EventMetrics
from oblivion_router_worker.adapters.feed_lines import EffectsTold, EventsTold
from oblivion_router_worker.adapters.ingestion_probe import IngestionProbe
from oblivion_router_worker.adapters.jobs import QueueJobs
from oblivion_router_worker.adapters.postgres_conversations import PostgresConversations
from oblivion_router_worker.adapters.postgres_delivery import PostgresDelivery
from oblivion_router_worker.adapters.postgres_store import PostgresStore
from oblivion_router_worker.adapters.postgres_sweeps import (
    PostgresBodies,
    PostgresEchoes,
    PostgresOverdueEvents,
)
from oblivion_router_worker.adapters.postgres_watch import PostgresWatch
from oblivion_router_worker.adapters.slack import SlackApi
from oblivion_router_worker.adapters.slack_budgets import Allowance, SlackBudgets
from oblivion_router_worker.adapters.slack_calls import EffectCalls
from oblivion_router_worker.adapters.slack_carrier import SlackAllowances, SlackCarrier
from oblivion_router_worker.adapters.slack_comforts import SlackComforts, answers_of_slack
from oblivion_router_worker.adapters.slack_files import SlackFiles
from oblivion_router_worker.adapters.slack_reads import SlackApiReads
from oblivion_router_worker.adapters.slack_run_carrier import SlackEffects, SlackRunCarrier
from oblivion_router_worker.bootstrap_places import place_worker
from oblivion_router_worker.bootstrap_runs import RunParts, Shared
from oblivion_router_worker.domain.retry import RetryPolicy
from oblivion_router_worker.processors.webhook_events import make_processor
from oblivion_router_worker.settings import Settings
from oblivion_router_worker.usecases.decide import Decide
from oblivion_router_worker.usecases.deliver import Deliverer, SendEffect
from oblivion_router_worker.usecases.fill_gap import GapFiller
from oblivion_router_worker.usecases.find_questions import FindQuestions
from oblivion_router_worker.usecases.finish_echoes import FinishEchoes
from oblivion_router_worker.usecases.handle_event import HandleEvent
from oblivion_router_worker.usecases.mirror_comments import MirrorComments
from oblivion_router_worker.usecases.mirror_task import MirrorTask, Settling
from oblivion_router_worker.usecases.note_failure import FailurePolicy, NoteFailure
from oblivion_router_worker.usecases.periodic import every
from oblivion_router_worker.usecases.sweeps import PurgeBodies, ReviveJobs
from oblivion_router_worker.usecases.sync_reply import SyncReply
from oblivion_router_worker.usecases.watchdog import Watchdog, WatchPolicy

LEASE_MARGIN_S = 5.0
"""A lease outlasts the request's timeout by this: noting the answer takes a moment too."""
LOOP_STUCK_AFTER_S = 30.0
ECHOES_EVERY_S = 1.0
"""Nothing waits for them; ingestion's sweeper makes jobs of them after some seconds."""


class SystemClock:
    """Implements `ports.clock.Clock`."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class RouterWorker:
    """Everything that runs in one router-worker process, put together."""

    def __init__(self, settings: Settings, session: aiohttp.ClientSession) -> None:
        self._settings = settings
        self._session = session
        self.database = _database(settings)
        self.budget = Budget(settings.redis_url.get_secret_value())
        credentials = PostgresCredentials(self.database, settings.master_key_ring())
        self.clickup_api = ClickUp(session, settings.clickup_api_url)
        self.slack_api = SlackApi(session, settings.slack_api_url, credentials, SlackBudgets(self.budget))
        self.clickup = ClickUpApiReads(self.clickup_api, credentials)
        self.slack = SlackApiReads(self.slack_api)
        self.metrics = EventMetrics()
        self.feed = Feed(settings.redis_url.get_secret_value(), "router-worker")
        self.deliverer = _deliverer(settings, self.database, self._send(credentials))
        self.store = PostgresStore(
            self.database, lambda: _lease_s(settings) if self.deliverer.has_room else None
        )
        self.queue = JobQueue(
            WEBHOOK_PROCESSING, settings.redis_url.get_secret_value(), _job_policy(settings)
        )
        self.runs = RunParts(
            settings,
            Shared(
                self.database,
                self.store,
                self.slack,
                self.clickup,
                self.deliverer.kick,
                SystemClock(),
                self.feed,
            ),
        )
        self.places = place_worker(settings, self.database, self.slack_api, self.clickup_api, credentials)
        decide = self._decide()
        self.worker = self._worker(decide)
        jobs = QueueJobs(self.queue)
        self.finish_echoes = FinishEchoes(
            PostgresEchoes(self.database), self.store, decide.at_once, jobs, self.metrics
        )
        watch_store = PostgresWatch(self.database, settings.signing_key_ring())
        self.watchdog = Watchdog(
            watch_store,
            ClickUpWebhooks(self.clickup_api, credentials),
            IngestionProbe(session, settings.ingestion_url),
            [
                GapFiller(watch_store, self.clickup, self.slack, jobs),
                FindQuestions(watch_store, PostgresConversations(self.database), self.slack, jobs),
            ],
            SystemClock(),
            self.metrics,
            _watch_policy(settings),
        )
        self.revive_jobs = ReviveJobs(
            PostgresOverdueEvents(self.database),
            jobs,
            SystemClock(),
            self.metrics,
            timedelta(seconds=settings.revive_after_s),
        )
        self.purge_bodies = PurgeBodies(PostgresBodies(self.database), self.metrics)

    async def measure_queue(self) -> None:
        self.metrics.queue_seen(WEBHOOK_PROCESSING, await self.queue.counts())
        self.metrics.queue_seen(AI_AGENT_TASKS, await self.runs.queue.counts())

    def _send(self, credentials: PostgresCredentials) -> SendEffect:
        settings = self._settings
        allowances = SlackAllowances(
            post_per_channel=Allowance(settings.slack_posts_per_channel_s, settings.slack_posts_burst),
            change_per_workspace=Allowance(
                settings.slack_changes_per_minute / 60, settings.slack_changes_burst
            ),
        )
        carriers = {
            "slack": self._slack_effects(allowances),
            "clickup": ClickUpCarrier(self.clickup_api, credentials),
        }
        policy = RetryPolicy(settings.http_timeout_s, settings.give_up_after_h * 3600)
        breakers = Breakers(changed=telling_breakers(self.feed))
        return SendEffect(carriers, breakers, policy, EffectsTold(DeliveryMetrics(), self.feed))

    def _slack_effects(self, allowances: SlackAllowances) -> SlackEffects:
        calls = EffectCalls(self.slack_api)
        is_slacks = answers_of_slack(self._settings.slack_api_url)
        return SlackEffects(
            SlackCarrier(calls, allowances),
            SlackRunCarrier(calls, SlackFiles(calls, self._session, is_slacks), allowances),
            SlackComforts(calls, self._session, is_slacks),
        )

    def _decide(self) -> Decide:
        settings = self._settings
        settling = Settling(SystemClock(), timedelta(seconds=settings.clickup_lag_s))
        mirror_task = MirrorTask(self.clickup, settling)
        mirror_comments = MirrorComments(
            self.clickup,
            mirror_task,
            replace(settling, lag=timedelta(seconds=settings.comment_lag_s)),
            app_url=settings.clickup_pages_url(),
            pages_max=settings.comment_pages_max,
        )
        return Decide(
            mirror_task, mirror_comments, SyncReply(self.slack), self.runs.events, self.runs.triggers
        )

    def _worker(self, decide: Decide) -> SupervisedWorker:
        settings = self._settings
        processor = make_processor(
            HandleEvent(
                self.store,
                decide,
                self.deliverer.kick,
                self.runs.errands,
                self.runs.bring.at_once,
                streaming=settings.slack_streaming,
            ),
            NoteFailure(self.store, _failure_policy(settings), SystemClock()),
            EventsTold(self.metrics, self.feed),
            deadline_s=settings.event_deadline_s,
        )
        return SupervisedWorker(
            WEBHOOK_PROCESSING,
            settings.redis_url.get_secret_value(),
            processor,
            _job_policy(settings),
            concurrency=settings.worker_concurrency,
            lock_s=settings.worker_lock_s,
        )


def _database(settings: Settings) -> Database:
    return Database.connect(
        settings.database_url.get_secret_value(),
        pool_size=settings.database_pool_size,
        behind_pooler=settings.database_behind_pooler,
    )


def _deliverer(settings: Settings, database: Database, send: SendEffect) -> Deliverer:
    return Deliverer(
        PostgresDelivery(database, lease_s=_lease_s(settings), lookup_s=settings.http_timeout_s),
        send,
        DeliveryMetrics(),
        most_in_flight=settings.deliveries_in_flight,
        sweep_every_s=settings.outbox_sweep_every_s,
    )


def _lease_s(settings: Settings) -> float:
    return settings.http_timeout_s + LEASE_MARGIN_S


def _watch_policy(settings: Settings) -> WatchPolicy:
    return WatchPolicy(
        blind_after=timedelta(seconds=settings.blind_after_s),
        overlap=timedelta(seconds=settings.gap_overlap_s),
        read_every=timedelta(seconds=settings.read_every_s),
        look_s=settings.watch_every_s,
        webhook_base_url=settings.webhook_base_url,
    )


def _job_policy(settings: Settings) -> JobPolicy:
    return JobPolicy(attempts=settings.event_attempts, backoff_s=settings.event_backoff_s)


def _failure_policy(settings: Settings) -> FailurePolicy:
    return FailurePolicy(
        attempts=settings.event_attempts,
        park_first_s=settings.park_first_s,
        park_max_s=settings.park_max_s,
        give_up_after=timedelta(hours=settings.give_up_after_h),
    )


@asynccontextmanager
async def running(settings: Settings) -> AsyncGenerator[RouterWorker]:
    """Start, once Postgres is there and migrated; drain on leaving.

    Raises:
        CannotStart: the database role could see past row-level security.
    """
    async with AsyncExitStack() as stack:
        health = Health(details_token=settings.health_token)
        app = Starlette(routes=health_routes(health))
        await stack.enter_async_context(serving(app, host=settings.host, port=settings.port))
        session = await stack.enter_async_context(_session(settings))
        parts = RouterWorker(settings, session)
        stack.push_async_callback(parts.database.close)
        stack.push_async_callback(parts.feed.close)
        stack.push_async_callback(parts.queue.close)
        stack.push_async_callback(parts.budget.close)
        stack.push_async_callback(parts.runs.close)
        try:
            await parts.database.wait_until_usable()
        except PrivilegedRole as refused:
            raise CannotStart(str(refused)) from None
        await stack.enter_async_context(_working(parts, settings, health))
        yield parts


@asynccontextmanager
async def _working(parts: RouterWorker, settings: Settings, health: Health) -> AsyncGenerator[None]:
    loops = [
        _start("outbox sweep", parts.deliverer.run()),
        _start("watchdog", every(settings.watch_every_s, "watchdog", parts.watchdog)),
        _start("revive jobs", every(settings.revive_every_s, "revive_jobs", parts.revive_jobs)),
        _start("finish echoes", every(ECHOES_EVERY_S, "finish_echoes", parts.finish_echoes)),
        _start("purge bodies", every(settings.purge_every_s, "purge_bodies", parts.purge_bodies)),
        _start("run hints", parts.runs.hints.run()),
        _start("revive runs", every(settings.run_sweep_every_s, "revive_runs", parts.runs.revive)),
        _start("workflows", every(settings.run_sweep_every_s, "workflows", parts.runs.workflows)),
        _start("warm up", parts.runs.slow_path.warm_up()),
        _start("queue gauge", every(settings.revive_every_s, "queue_gauge", parts.measure_queue)),
    ]
    parts.runs.announcements.start()
    parts.runs.worker.start()
    parts.worker.start()
    parts.places.start()
    health.proofs_of_life["webhook-processing"] = parts.worker.is_consuming
    health.proofs_of_life["ai-agent-tasks"] = parts.runs.worker.is_consuming
    health.proofs_of_life["place-reading"] = parts.places.is_consuming
    health.proofs_of_life["outbox"] = lambda: parts.deliverer.turned_s_ago < LOOP_STUCK_AFTER_S
    health.checks["redis"] = parts.queue.counts
    health.checks["postgres"] = parts.database.check_schema
    health.phase = Phase.READY
    try:
        yield
    finally:
        health.phase = Phase.DRAINING
        await asyncio.gather(parts.worker.close(), parts.places.close())
        await parts.runs.stop(settings.http_timeout_s)
        await end(*loops)
        await parts.watchdog.close()
        await parts.deliverer.stop(settings.http_timeout_s)


def _start(name: str, loop: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    return asyncio.create_task(loop, name=name)


def _session(settings: Settings) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=settings.http_timeout_s),
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60),
        # Cookies of one workspace must not go along with another's requests.
        cookie_jar=aiohttp.DummyCookieJar(),
        # Only with a proxy: aiohttp reads the environment and ~/.netrc again for each request then.
        trust_env=not getproxies().keys().isdisjoint({"http", "https"}),
    )
