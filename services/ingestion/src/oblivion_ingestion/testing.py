"""For tests and benchmarks: a running ingestion on a real Postgres and Redis, and senders that sign."""

import contextlib
import hashlib
import hmac
import json
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg

from oblivion_ingestion.bootstrap import Ingestion, running
from oblivion_ingestion.settings import Settings
from oblivion_platform.crypto import Place, SigningKeyRing, generate_key
from oblivion_platform.testing import FreshDatabase, eventually

SIGNING_KEY = generate_key()
APP, TEAM, WEBHOOK = "A0001", "T0001", "wh-1"
SLACK_SECRET, CLICKUP_SECRET = b"slack-signing-secret", b"clickup-webhook-secret"


@dataclass
class World:
    """The database as another service would have filled it."""

    database: FreshDatabase
    redis_url: str
    tenant: UUID = field(default_factory=uuid4)
    slack: UUID = field(default_factory=uuid4)
    clickup: UUID = field(default_factory=uuid4)

    def admin(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.database.admin_url, autocommit=True)

    def settings(self, **overrides: Any) -> Settings:
        values: dict[str, Any] = {
            "database_url": self.database.url("oblivion_ingestion"),
            "redis_url": self.redis_url,
            "signing_key": SIGNING_KEY,
            "host": "127.0.0.1",
            "port": 0,
            "sweep_every_s": 0.05,
            "sweep_overdue_s": 0.2,
        }
        return Settings(**(values | overrides))

    def add_integration(self, integration: UUID, source: str, external_id: str, tenant: UUID) -> None:
        with self.admin() as admin:
            admin.execute(
                "INSERT INTO tenants (id, slug, name) VALUES (%s, %s, 'T') ON CONFLICT DO NOTHING",
                (tenant, f"t-{tenant.hex[:8]}"),
            )
            admin.execute(
                "INSERT INTO integrations (id, tenant_id, source, external_id) VALUES (%s, %s, %s, %s)",
                (integration, tenant, source, external_id),
            )

    def add_secret(
        self,
        lookup_key: str,
        secret: bytes,
        integration: UUID,
        *,
        tenant: UUID | None = None,
        kind: str = "signing_secret",
    ) -> UUID:
        row, owner = uuid4(), tenant or self.tenant
        ring = SigningKeyRing.from_text(SIGNING_KEY)
        sealed = ring.seal(secret, Place(owner, "signing_secrets", row, "ciphertext"))
        with self.admin() as admin:
            admin.execute(
                "INSERT INTO signing_secrets"
                " (id, tenant_id, integration_id, source, kind, lookup_key, ciphertext)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s)",
                (row, owner, integration, lookup_key.partition(":")[0], kind, lookup_key, sealed),
            )
        return row

    def forget_events(self) -> None:
        with self.admin() as admin:
            admin.execute("DELETE FROM inbound_events")

    def events(self) -> list[dict[str, Any]]:
        with self.admin() as admin:
            admin.row_factory = psycopg.rows.dict_row  # type: ignore[assignment]
            return list(admin.execute("SELECT * FROM inbound_events ORDER BY received_at, id"))  # type: ignore[arg-type]


def connected_world(database: FreshDatabase, redis_url: str) -> World:
    """A tenant with one Slack team and one ClickUp webhook."""
    made = World(database, redis_url)
    made.add_integration(made.slack, "slack", TEAM, made.tenant)
    made.add_integration(made.clickup, "clickup", "9001", made.tenant)
    made.add_secret(f"slack:{APP}:{TEAM}", SLACK_SECRET, made.slack)
    made.add_secret(f"clickup:{WEBHOOK}", CLICKUP_SECRET, made.clickup)
    return made


@dataclass
class Running:
    """One ingestion process' worth of service, and a client that talks to it."""

    ingestion: Ingestion
    http: httpx.AsyncClient
    port: int

    async def post(self, path: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
        return await self.http.post(path, content=body, headers=headers)

    async def slack(self, payload: object, **kwargs: Any) -> httpx.Response:
        path = kwargs.pop("path", "/webhooks/slack")
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        return await self.post(path, body, slack_headers(body, **kwargs))

    async def clickup(self, payload: object, secret: bytes = CLICKUP_SECRET) -> httpx.Response:
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        return await self.post("/webhooks/clickup", body, clickup_headers(body, secret))

    def counted(self, source: str, outcome: str) -> float:
        labels = {"source": source, "outcome": outcome}
        name = "oblivion_ingestion_deliveries_total"
        return self.ingestion.metrics.registry.get_sample_value(name, labels) or 0.0


def slack_headers(
    body: bytes,
    *,
    secret: bytes = SLACK_SECRET,
    timestamp: str | None = None,
    content_type: str = "application/json",
) -> dict[str, str]:
    stamp = timestamp if timestamp is not None else str(int(time.time()))
    signature = hmac.new(secret, f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    return {
        "content-type": content_type,
        "x-slack-request-timestamp": stamp,
        "x-slack-signature": f"v0={signature}",
    }


def clickup_headers(body: bytes, secret: bytes = CLICKUP_SECRET) -> dict[str, str]:
    signature = hmac.new(secret, body, hashlib.sha256).hexdigest()
    return {"content-type": "application/json", "x-signature": signature}


def message(ts: str = "1700000000.000100", *, event_id: str = "Ev1", **event: Any) -> dict[str, Any]:
    """An Events API envelope around a posted message."""
    inner = {"type": "message", "channel": "C1", "user": "U1", "text": "hello", "ts": ts, **event}
    return {
        "token": "legacy",
        "team_id": TEAM,
        "api_app_id": APP,
        "type": "event_callback",
        "event_id": event_id,
        "event_time": 1700000000,
        "event": inner,
    }


def task_event(item: str = "h1", event: str = "taskCreated", task_id: str = "abc") -> dict[str, Any]:
    return {"event": event, "task_id": task_id, "webhook_id": WEBHOOK, "history_items": [{"id": item}]}


@contextlib.asynccontextmanager
async def served(settings: Settings, *, usable: bool = True) -> AsyncGenerator[Running]:
    """Ingestion in this loop, on a free port; `usable`: wait until it takes webhooks."""
    async with running(settings) as service:
        base_url = f"http://127.0.0.1:{service.port}"
        async with httpx.AsyncClient(base_url=base_url, timeout=30) as http:
            ingestion = service.ingestion
            if usable:
                may_listen = not settings.database_behind_pooler
                await eventually(lambda: ingestion.inbox.available)
                await eventually(lambda: ingestion.changes.listening or not may_listen)
            yield Running(ingestion, http, service.port)
