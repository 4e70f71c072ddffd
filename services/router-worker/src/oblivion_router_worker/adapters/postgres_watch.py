"""Integrations, links and threads as the watchdog sees them, and the events it finds."""

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row, TextClause, text

from oblivion_contracts.jobs import EventPriority
from oblivion_platform.crypto import Place, SigningKeyRing
from oblivion_platform.database.engine import Database
from oblivion_platform.event_id import event_id
from oblivion_router_worker.domain.records import Integration
from oblivion_router_worker.ports.watching import FoundEvent, FoundThread, OverdueEvent, Watched, Webhook


class PostgresWatch:
    """Implements `ports.watching.WatchStore`."""

    def __init__(self, database: Database, signing_keys: SigningKeyRing) -> None:
        self._database = database
        self._signing_keys = signing_keys

    async def integrations(self) -> Sequence[Watched]:
        async with self._database.shared() as tx:
            tenants = (await tx.execute(_TENANTS)).scalars().all()
        found: list[Watched] = []
        for tenant_id in tenants:
            async with self._database.tenant(tenant_id) as tx:
                found += [_watched(row) for row in await tx.execute(_INTEGRATIONS)]
        return found

    @asynccontextmanager
    async def alone(self, integration: Integration) -> AsyncGenerator[bool]:
        async with self._database.tenant(integration.tenant_id) as tx:
            yield bool((await tx.execute(_ALONE, {"key": f"watch|{integration.id}"})).scalar_one())

    async def current(self, integration: Integration) -> Watched | None:
        async with self._database.tenant(integration.tenant_id) as tx:
            row = (await tx.execute(_INTEGRATION, {"id": integration.id})).one_or_none()
        return None if row is None else _watched(row)

    async def note(
        self, integration: Integration, health: Mapping[str, object], seen_until: datetime | None
    ) -> None:
        values = {"id": integration.id, "health": json.dumps(dict(health)), "seen_until": seen_until}
        async with self._database.tenant(integration.tenant_id) as tx:
            await tx.execute(_NOTE, values)

    async def keep_webhook(self, integration: Integration, webhook: Webhook, secret: str) -> None:
        row_id, tenant_id = uuid4(), integration.tenant_id
        place = Place(tenant_id, "signing_secrets", row_id, "ciphertext")
        config = {"webhook_id": webhook.id, "webhook_url": webhook.endpoint}
        async with self._database.tenant(tenant_id) as tx:
            await tx.execute(_RETIRE_SECRETS, {"integration": integration.id})
            await tx.execute(
                _ADD_SECRET,
                {
                    "id": row_id,
                    "tenant": tenant_id,
                    "integration": integration.id,
                    "lookup_key": f"clickup:{webhook.id}",
                    "ciphertext": self._signing_keys.seal(secret.encode(), place),
                },
            )
            await tx.execute(_MERGE_CONFIG, {"id": integration.id, "config": json.dumps(config)})

    async def linked_lists(self, integration: Integration) -> Sequence[str]:
        async with self._database.tenant(integration.tenant_id) as tx:
            return (await tx.execute(_LISTS, {"integration": integration.id})).scalars().all()

    async def linked_channels(self, integration: Integration) -> Sequence[str]:
        async with self._database.tenant(integration.tenant_id) as tx:
            return (await tx.execute(_CHANNELS, {"integration": integration.id})).scalars().all()

    async def recent_tasks(self, integration: Integration, since: datetime, most: int) -> Sequence[str]:
        values = {"integration": integration.id, "since": since, "most": most}
        async with self._database.tenant(integration.tenant_id) as tx:
            return (await tx.execute(_RECENT_TASKS, values)).scalars().all()

    async def recent_threads(
        self, integration: Integration, since: datetime, most: int
    ) -> Sequence[FoundThread]:
        values = {"since": since, "most": most}
        return await self._threads(integration, _RECENT_THREADS, values)

    async def shown_tasks(self, integration: Integration, list_id: str) -> Sequence[str]:
        values = {"integration": integration.id, "list": list_id}
        async with self._database.tenant(integration.tenant_id) as tx:
            return (await tx.execute(_SHOWN_TASKS, values)).scalars().all()

    async def tasks_after(self, integration: Integration, task_id: str, most: int) -> Sequence[str]:
        values = {"integration": integration.id, "after": task_id, "most": most}
        async with self._database.tenant(integration.tenant_id) as tx:
            return (await tx.execute(_TASKS_AFTER, values)).scalars().all()

    async def threads_after(self, integration: Integration, key: str, most: int) -> Sequence[FoundThread]:
        return await self._threads(integration, _THREADS_AFTER, {"after": key, "most": most})

    async def threads_at(
        self, integration: Integration, channel: str, ts: Sequence[str]
    ) -> Sequence[FoundThread]:
        return await self._threads(integration, _THREADS_AT, {"channel": channel, "ts": list(ts)})

    async def oldest_thread(
        self, integration: Integration, channel: str, earliest_ts: str | None
    ) -> str | None:
        values = {"integration": integration.id, "channel": channel, "earliest": earliest_ts}
        async with self._database.tenant(integration.tenant_id) as tx:
            return (await tx.execute(_OLDEST_THREAD, values)).scalar_one()

    async def _threads(
        self, integration: Integration, statement: TextClause, values: Mapping[str, object]
    ) -> Sequence[FoundThread]:
        async with self._database.tenant(integration.tenant_id) as tx:
            rows = await tx.execute(statement, {"integration": integration.id, **values})
            return [FoundThread(row.slack_channel_id, row.slack_ts, row.copied) for row in rows]

    async def note_problem(self, integration: Integration, place: str, code: str, message: str) -> None:
        values = {"integration": integration.id, "place": place, "code": code, "message": message}
        async with self._database.tenant(integration.tenant_id) as tx:
            await tx.execute(_NOTE_PROBLEM, values)

    async def add(self, events: Sequence[FoundEvent]) -> Sequence[OverdueEvent]:
        new: list[OverdueEvent] = []
        for tenant_id in {event.tenant_id for event in events}:
            async with self._database.tenant(tenant_id) as tx:
                for event in events:
                    if event.tenant_id == tenant_id:
                        row = (await tx.execute(_ADD_EVENT, _values(event))).one_or_none()
                        new += [] if row is None else [_overdue(row)]
        return new


def _values(event: FoundEvent) -> dict[str, Any]:
    return {
        "id": event_id(event.tenant_id, event.source, event.dedupe_key),
        "tenant": event.tenant_id,
        "integration": event.integration_id,
        "source": event.source,
        "event_type": event.event_type,
        "subject": event.subject,
        "dedupe_key": event.dedupe_key,
        "priority": EventPriority.GAP_FILLING,
        "body": event.body,
    }


def _overdue(row: Row[Any]) -> OverdueEvent:
    return OverdueEvent(row.id, row.tenant_id, row.priority, row.received_at)


def _watched(row: Row[Any]) -> Watched:
    integration_id: UUID = row.id
    integration = Integration(
        integration_id, row.tenant_id, row.source, row.external_id, row.config, row.answers
    )
    return Watched(integration, row.app_id, row.seen_until, row.health)


_TENANTS = text("SELECT id FROM tenants WHERE state = 'active' ORDER BY id")
_INTEGRATION_COLUMNS = "id, tenant_id, source, external_id, app_id, config, answers, health, seen_until"
_INTEGRATIONS = text(f"""
    SELECT {_INTEGRATION_COLUMNS} FROM integrations WHERE state = 'active' ORDER BY created_at, id
""")  # noqa: S608 - constants of this module
_INTEGRATION = text(f"""
    SELECT {_INTEGRATION_COLUMNS} FROM integrations WHERE state = 'active' AND id = :id
""")  # noqa: S608 - constants of this module
_ALONE = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:key, 0))")
_NOTE = text("""
    UPDATE integrations SET
        health = health || CAST(:health AS jsonb) || jsonb_build_object('checked_at', clock_timestamp()),
        seen_until = coalesce(:seen_until, seen_until), updated_at = now()
    WHERE id = :id
""")
_RETIRE_SECRETS = text("""
    UPDATE signing_secrets SET state = 'retired'
    WHERE integration_id = :integration AND kind = 'signing_secret' AND state = 'live'
""")
_ADD_SECRET = text("""
    INSERT INTO signing_secrets (id, tenant_id, integration_id, source, lookup_key, ciphertext)
    VALUES (:id, :tenant, :integration, 'clickup', :lookup_key, :ciphertext)
""")
_MERGE_CONFIG = text("""
    UPDATE integrations SET config = config || CAST(:config AS jsonb), updated_at = now() WHERE id = :id
""")
_LISTS = text("""
    SELECT DISTINCT clickup_list_id FROM project_mappings
    WHERE clickup_integration_id = :integration AND state = 'active' ORDER BY 1
""")
_CHANNELS = text("""
    SELECT DISTINCT slack_channel_id FROM project_mappings
    WHERE slack_integration_id = :integration AND state = 'active' ORDER BY 1
""")
_NOTE_PROBLEM = text("""
    UPDATE project_mappings SET problem = jsonb_build_object(
        'code', CAST(:code AS text), 'message', CAST(:message AS text), 'at', clock_timestamp())
    WHERE ((clickup_integration_id = :integration AND clickup_list_id = :place)
        OR (slack_integration_id = :integration AND slack_channel_id = :place))
      AND state = 'active' AND problem ->> 'code' IS DISTINCT FROM :code
""")
_LIVELY = """
    FROM task_mappings t JOIN project_mappings p ON p.id = t.project_mapping_id AND p.state = 'active'
    LEFT JOIN LATERAL (
        SELECT max(m.updated_at) AS at FROM mirror_events m WHERE m.task_mapping_id = t.id
    ) copies ON true"""
_RECENT_TASKS = text(f"""
    SELECT t.clickup_task_id {_LIVELY}
    WHERE p.clickup_integration_id = :integration AND t.state = 'active'
      AND greatest(t.updated_at, copies.at) > :since
    GROUP BY 1 ORDER BY max(greatest(t.updated_at, copies.at)) DESC LIMIT :most
""")
_THREADS = """
    SELECT t.slack_channel_id, t.slack_ts, ARRAY(
        SELECT m.origin_id FROM mirror_events m
        WHERE m.task_mapping_id = t.id AND m.origin = 'slack' AND m.state = 'active'
    ) AS copied"""
_RECENT_THREADS = text(f"""
    {_THREADS} {_LIVELY}
    WHERE p.slack_integration_id = :integration AND t.slack_ts IS NOT NULL
      AND greatest(t.updated_at, copies.at) > :since
    ORDER BY greatest(t.updated_at, copies.at) DESC LIMIT :most
""")
_SHOWN = """
    FROM task_mappings t JOIN project_mappings p ON p.id = t.project_mapping_id AND p.state = 'active'"""
_SHOWN_TASKS = text(f"""
    SELECT DISTINCT t.clickup_task_id {_SHOWN}
    WHERE p.clickup_integration_id = :integration AND p.clickup_list_id = :list AND t.state = 'active'
""")
_TASKS_AFTER = text(f"""
    SELECT DISTINCT t.clickup_task_id COLLATE "C" {_SHOWN}
    WHERE p.clickup_integration_id = :integration AND t.state = 'active'
      AND t.clickup_task_id COLLATE "C" > :after
    ORDER BY 1 LIMIT :most
""")
_KEY = "(t.slack_channel_id || ' ' || t.slack_ts) COLLATE \"C\""
_THREADS_AFTER = text(f"""
    {_THREADS} {_SHOWN}
    WHERE p.slack_integration_id = :integration AND t.slack_ts IS NOT NULL AND {_KEY} > :after
    ORDER BY {_KEY} LIMIT :most
""")
_THREADS_AT = text(f"""
    {_THREADS} {_SHOWN}
    WHERE p.slack_integration_id = :integration AND t.slack_channel_id = :channel AND t.slack_ts = ANY(:ts)
""")
_OLDEST_THREAD = text(f"""
    SELECT min(t.slack_ts) {_SHOWN}
    WHERE p.slack_integration_id = :integration AND t.slack_channel_id = :channel
      AND (CAST(:earliest AS text) IS NULL OR t.slack_ts > :earliest)
""")
_ADD_EVENT = text("""
    INSERT INTO inbound_events (id, tenant_id, integration_id, source, event_type, subject, dedupe_key,
                                priority, transport, body)
    VALUES (:id, :tenant, :integration, :source, :event_type, :subject, :dedupe_key, :priority, 'gap', :body)
    ON CONFLICT (id) DO NOTHING RETURNING id, tenant_id, priority, received_at
""")
