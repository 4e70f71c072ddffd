"""The composition root: the only module that constructs adapters."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import structlog
from fastapi import FastAPI

from oblivion_ingestion.adapters.connection import SteadyConnection
from oblivion_ingestion.adapters.inbox import GroupCommitInbox, InboxLimits
from oblivion_ingestion.adapters.queue import QueueRelay, webhook_queue
from oblivion_ingestion.adapters.secrets import SecretCache, SecretChanges, StoredSecrets
from oblivion_ingestion.adapters.sweeper import Sweeper, SweepPolicy
from oblivion_ingestion.app import Front
from oblivion_ingestion.metrics import Metrics
from oblivion_ingestion.routes.webhooks import WebhookEndpoint
from oblivion_ingestion.settings import Settings
from oblivion_ingestion.sources.clickup import ClickUpSource
from oblivion_ingestion.sources.slack import SlackSource
from oblivion_ingestion.usecases.intake import Intake
from oblivion_platform.database.engine import Database

LOOKUP_TIMEOUT_S = 2.0
LISTEN_TIMEOUT_S = 6.0

_log = structlog.get_logger(__name__)


class Ingestion:
    """Everything that runs in one ingestion process."""

    def __init__(self, settings: Settings) -> None:
        url = settings.database_url.get_secret_value()
        self.metrics = Metrics()
        self._database = Database.connect(url, pool_size=1, behind_pooler=settings.database_behind_pooler)
        self.inbox = GroupCommitInbox(url, InboxLimits(connections=settings.inbox_connections), self.metrics)
        self._lookups = SteadyConnection(
            url, application="oblivion-ingestion secrets", timeout_s=LOOKUP_TIMEOUT_S
        )
        stored = StoredSecrets(self._lookups, settings.signing_key_ring())
        self.secrets = SecretCache(stored.look_up, keep_s=settings.secrets_keep_s)
        self.changes = SecretChanges(
            SteadyConnection(url, application="oblivion-ingestion changes", timeout_s=LISTEN_TIMEOUT_S),
            changed=[self.secrets.drop],
            unheard=[self.secrets.drop_all],
        )
        self._queue = webhook_queue(settings.redis_url.get_secret_value())
        self._sweep_queue = webhook_queue(settings.redis_url.get_secret_value())
        self.relay = QueueRelay(self._queue, self.metrics)
        self.sweeper = Sweeper(
            SteadyConnection(url, application="oblivion-ingestion sweeper", timeout_s=LOOKUP_TIMEOUT_S),
            self._sweep_queue,
            SweepPolicy(every_s=settings.sweep_every_s, overdue_s=settings.sweep_overdue_s),
            self.metrics,
        )
        intake = Intake(self.secrets, self.inbox, self.relay)
        sources = {source.name: source for source in (SlackSource(), ClickUpSource())}
        webhooks = WebhookEndpoint(sources, intake, self.metrics)
        self.app = Front(webhooks, FastAPI(title="Oblivion ingestion", lifespan=self._lifespan))

    @asynccontextmanager
    async def _lifespan(self, _app: FastAPI) -> AsyncGenerator[None]:
        start = asyncio.create_task(self._start_when_usable(), name="start")
        try:
            yield
        finally:
            start.cancel()
            await asyncio.gather(start, return_exceptions=True)
            await self._close()

    async def _start_when_usable(self) -> None:
        """Answer 503 until Postgres is there, migrated, and our role in it bound by row-level security."""
        await self._database.wait_until_usable()
        await self._database.close()
        self.inbox.start()
        self.changes.start()
        self.relay.start()
        self.sweeper.start()

    async def _close(self) -> None:
        await self.inbox.close()
        await self.relay.close()
        await self.sweeper.close()
        await self.changes.close()
        await self._lookups.close()
        await self._queue.close()
        await self._sweep_queue.close()
