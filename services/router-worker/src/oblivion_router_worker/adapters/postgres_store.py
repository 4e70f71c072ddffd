"""Opens the transactions that decisions are made in."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_platform.database.engine import Database, EachAlone
from oblivion_router_worker.adapters.postgres_copies import PostgresCopies
from oblivion_router_worker.adapters.postgres_inbox import PostgresInbox
from oblivion_router_worker.adapters.postgres_integrations import PostgresIntegrations
from oblivion_router_worker.adapters.postgres_links import PostgresLinks
from oblivion_router_worker.adapters.postgres_outbox import PostgresOutbox
from oblivion_router_worker.adapters.postgres_people import PostgresPeople
from oblivion_router_worker.adapters.postgres_run_desk import PostgresRunDesk


class PostgresDecision:
    """Implements `ports.deciding.Decision`."""

    def __init__(self, tx: AsyncConnection, tenant_id: UUID, lease_s: float | None) -> None:
        self.inbox = PostgresInbox(tx, tenant_id)
        self.links = PostgresLinks(tx, tenant_id)
        self.copies = PostgresCopies(tx, tenant_id)
        self.outbox = PostgresOutbox(tx, tenant_id, lease_s)
        self.integrations = PostgresIntegrations(tx)
        self.people = PostgresPeople(tx, tenant_id)
        self.desk = PostgresRunDesk(tx, tenant_id)
        self.tx = tx


class PostgresStore:
    """Implements `ports.deciding.Store`.

    `lease_s`: for how long an effect may be leased as it is decided; None while nobody is free to send it.
    """

    def __init__(self, database: Database, lease_s: Callable[[], float | None]) -> None:
        self._database = database
        self._lease_s = lease_s

    @asynccontextmanager
    async def tenant(self, tenant_id: UUID) -> AsyncGenerator[PostgresDecision]:
        async with self._database.tenant(tenant_id, plan_once=True) as tx:
            yield PostgresDecision(tx, tenant_id, self._lease_s())

    def alone(self, tenant_id: UUID) -> EachAlone:
        return self._database.alone(tenant_id)
