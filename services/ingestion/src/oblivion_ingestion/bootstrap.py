"""The composition root: the only module that constructs adapters."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from oblivion_ingestion.adapters.connection import SteadyConnection
from oblivion_ingestion.adapters.inbox import GroupCommitInbox, InboxLimits
from oblivion_ingestion.adapters.queue import QueueRelay, webhook_queue
from oblivion_ingestion.adapters.secrets import SecretCache, SecretChanges, StoredSecrets
from oblivion_ingestion.adapters.sweeper import Sweeper, SweepPolicy
from oblivion_ingestion.errors import StoreUnavailable
from oblivion_ingestion.metrics import Metrics
from oblivion_ingestion.routes.application import Application
from oblivion_ingestion.routes.webhooks import WebhookEndpoint
from oblivion_ingestion.settings import Settings
from oblivion_ingestion.sockets.slack import SlackSockets
from oblivion_ingestion.sources.clickup import ClickUpSource
from oblivion_ingestion.sources.slack import SlackSource
from oblivion_ingestion.usecases.intake import Intake
from oblivion_platform.database.engine import Database
from oblivion_platform.database.start import StartWhenUsable
from oblivion_platform.health import Health, Phase
from oblivion_platform.http_server import serving

LOOKUP_TIMEOUT_S = 2.0
LISTEN_TIMEOUT_S = 6.0


class Ingestion:
    """Everything that runs in one ingestion process but the HTTP server."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._url = settings.database_url.get_secret_value()
        redis_url = settings.redis_url.get_secret_value()
        self.metrics = Metrics()
        self.health = Health(details_token=settings.health_token)
        self._database = Database.connect(
            self._url, pool_size=1, behind_pooler=settings.database_behind_pooler
        )
        self.inbox = GroupCommitInbox(
            self._url,
            InboxLimits(connections=settings.inbox_connections),
            self.metrics,
            behind_pooler=settings.database_behind_pooler,
        )
        self._lookups = self._connection("secrets", LOOKUP_TIMEOUT_S)
        # Apart, since a sweep may have to wait for an answer that the relay must not wait for.
        self._relay_queue, self._sweep_queue = webhook_queue(redis_url), webhook_queue(redis_url)
        self.relay = QueueRelay(self._relay_queue, self.metrics)
        self.sweeper = Sweeper(
            self._connection("sweeper", LOOKUP_TIMEOUT_S),
            self._sweep_queue,
            SweepPolicy(every_s=settings.sweep_every_s, overdue_s=settings.sweep_overdue_s),
            self.metrics,
        )
        self._build_intake()
        self._start = StartWhenUsable(self._database, self.health, self._begin)
        self._watch_health()

    def _build_intake(self) -> None:
        settings = self._settings
        stored = StoredSecrets(self._lookups, settings.signing_key_ring())
        self.secrets = SecretCache(stored.look_up, keep_s=settings.secrets_keep_s)
        intake = Intake(self.secrets, self.inbox, self.relay)
        self.slack_sockets = SlackSockets(
            stored.app_tokens,
            intake,
            self.metrics,
            api_url=settings.slack_api_url,
            poll_s=settings.socket_mode_poll_s,
        )
        self.changes = SecretChanges(
            self._connection("changes", LISTEN_TIMEOUT_S),
            changed=[self.secrets.drop, self.slack_sockets.look_again],
            unheard=[self.secrets.drop_all, self.slack_sockets.look_again],
        )
        sources = {source.name: source for source in (SlackSource(), ClickUpSource())}
        self.app = Application(WebhookEndpoint(sources, intake, self.metrics), self.health, self.metrics)

    async def start(self) -> None:
        """Begin to work as soon as Postgres is usable; until then every webhook is answered 503.

        Raises:
            CannotStart: Postgres is there, and our role in it could see past row-level security.
        """
        await self._start.start()

    async def close(self) -> None:
        """Finish what was taken, in the order in which it flows, and disconnect."""
        await self._start.close()
        await self.slack_sockets.close()
        await self.inbox.close()
        await self.relay.close()
        await self.sweeper.close()
        await self.changes.close()
        await self._lookups.close()
        await self._relay_queue.close()
        await self._sweep_queue.close()
        await self._database.close()

    def _begin(self) -> None:
        self.inbox.start()
        self.relay.start()
        self.sweeper.start()
        self.slack_sockets.start()
        if not self._settings.database_behind_pooler:  # It passes no announcements on.
            self.changes.start()

    def _watch_health(self) -> None:
        self.health.checks["postgres inbox"] = self._check_inbox
        self.health.checks["postgres announcements"] = self._check_announcements
        self.health.checks["redis queue"] = self._sweep_queue.counts
        self.health.checks["slack socket mode"] = self._check_sockets

    async def _check_inbox(self) -> str:
        if not self.inbox.available:
            raise StoreUnavailable
        return "connected"

    async def _check_announcements(self) -> str:
        if self._settings.database_behind_pooler:
            return f"not heard behind a pooler: changes count after {self._settings.secrets_keep_s:g} s"
        if not self.changes.listening:
            raise StoreUnavailable
        return "listening"

    async def _check_sockets(self) -> list[str]:
        return self.slack_sockets.states()

    def _connection(self, purpose: str, timeout_s: float) -> SteadyConnection:
        return SteadyConnection(
            self._url,
            application=f"oblivion-ingestion {purpose}",
            timeout_s=timeout_s,
            behind_pooler=self._settings.database_behind_pooler,
        )


class RunningIngestion:
    """A started service and the port it listens on."""

    def __init__(self, ingestion: Ingestion, port: int) -> None:
        self.ingestion = ingestion
        self.port = port


@asynccontextmanager
async def running(settings: Settings) -> AsyncGenerator[RunningIngestion]:
    """Serve until the block ends, then drain: no new requests, the batches finished, everything closed."""
    ingestion = Ingestion(settings)
    try:
        await ingestion.start()
        async with serving(
            ingestion.app, host=settings.host, port=settings.port, drain_timeout_s=settings.drain_timeout_s
        ) as port:
            try:
                yield RunningIngestion(ingestion, port)
            finally:
                ingestion.health.phase = Phase.DRAINING
    finally:
        await ingestion.close()
