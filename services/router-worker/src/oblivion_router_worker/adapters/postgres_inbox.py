"""`inbound_events` for the deciding half: what waits, whose turn it is, how it ended."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, get_args
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_platform.database.statements import execute, fetch
from oblivion_router_worker.domain.records import InboundEvent, Integration, Streaming, WaitingEvent
from oblivion_router_worker.ports.deciding import Failure, Waiting


class PostgresInbox:
    """Implements `ports.deciding.Inbox` in the transaction `tx`."""

    def __init__(self, tx: AsyncConnection, tenant_id: UUID) -> None:
        self._tx = tx
        self._tenant_id = tenant_id

    async def waiting(self, event_id: UUID) -> InboundEvent | None:
        rows = await fetch(self._tx, _WAITING, {"id": event_id})
        return _event(rows[0]) if rows else None

    async def waiting_for(self, subject: str) -> Sequence[WaitingEvent]:
        rows = await fetch(self._tx, _WAITING_FOR, {"tenant": self._tenant_id, "subject": subject})
        return [WaitingEvent(row.id, row.event_type, row.body) for row in rows]

    async def finish(self, event_id: UUID, outcome: str, covered: Sequence[UUID] = ()) -> None:
        await execute(
            self._tx,
            _FINISH,
            {
                "tenant": self._tenant_id,
                "id": event_id,
                "ids": [event_id, *covered],
                "state": _state(outcome),
                "outcome": outcome,
            },
        )

    async def several(self, event_ids: Sequence[UUID]) -> Sequence[InboundEvent]:
        rows = await fetch(self._tx, _SEVERAL, {"ids": list(event_ids)})
        return [_event(row) for row in rows]

    async def finish_all(self, outcomes: Mapping[UUID, str]) -> None:
        values = {
            "ids": list(outcomes),
            "outcomes": list(outcomes.values()),
            "states": [_state(outcome) for outcome in outcomes.values()],
        }
        await execute(self._tx, _FINISH_ALL, values)

    async def record(self, event_id: UUID, failure: Failure) -> int:
        values = {
            "id": event_id,
            "failure": json.dumps({"code": failure.code, "message": failure.message}),
            "is_last": failure.is_last,
        }
        return (await self._tx.execute(_RECORD, values)).scalar_one_or_none() or 0

    async def wait_longer(self, event_id: UUID, failure: Failure) -> Waiting:
        failed = json.dumps({"code": failure.code, "message": failure.message})
        row = (await self._tx.execute(_WAIT_LONGER, {"id": event_id, "failure": failed})).one()
        return Waiting(row.since, row.times)

    async def attempts(self, event_id: UUID) -> int:
        return (await self._tx.execute(_ATTEMPTS, {"id": event_id})).scalar_one_or_none() or 0


def _state(outcome: str) -> str:
    return "ignored" if outcome.startswith("ignored") else "done"


def _event(row: Any) -> InboundEvent:
    integration = Integration(
        row.integration_id,
        row.tenant_id,
        row.source,
        row.external_id or "",
        row.config or {},
        # A disabled one answers nobody: another tenant may by now.
        answers=bool(row.answers),
    )
    return InboundEvent(
        id=row.id,
        tenant_id=row.tenant_id,
        source=row.source,
        event_type=row.event_type,
        subject=row.subject,
        transport=row.transport,
        priority=row.priority,
        body=row.body,
        received_at=row.received_at,
        integration=integration,
        has_links=row.has_links,
        is_our_turn=row.is_our_turn,
        is_suspended=row.is_suspended,
        slack_streaming=row.streaming if row.streaming in get_args(Streaming) else None,
    )


_WAITING = """
    SELECT e.id, e.tenant_id, e.integration_id, e.source, e.event_type, e.subject, e.transport, e.priority,
           e.body, e.received_at, i.external_id, i.config, i.answers,
           EXISTS (SELECT FROM project_mappings p WHERE p.state = 'active'
                   AND e.integration_id IN (p.clickup_integration_id, p.slack_integration_id)) AS has_links,
           t.settings ->> 'slack_streaming' AS streaming, t.state = 'suspended' AS is_suspended,
           pg_try_advisory_xact_lock(hashtextextended(e.tenant_id || '|' || e.subject, 0)) AS is_our_turn
    FROM inbound_events e JOIN tenants t ON t.id = e.tenant_id
    LEFT JOIN integrations i ON i.id = e.integration_id AND i.state = 'active'
    WHERE e.id = %(id)s AND e.state = 'received'
"""
_SEVERAL = """
    SELECT e.id, e.tenant_id, e.integration_id, e.source, e.event_type, e.subject, e.transport, e.priority,
           e.body, e.received_at, i.external_id, i.config, i.answers, false AS has_links, NULL AS streaming,
           t.state = 'suspended' AS is_suspended, false AS is_our_turn
    FROM inbound_events e JOIN tenants t ON t.id = e.tenant_id
    LEFT JOIN integrations i ON i.id = e.integration_id AND i.state = 'active'
    WHERE e.id = ANY(%(ids)s) AND e.state = 'received'
    FOR UPDATE OF e SKIP LOCKED
"""
_FINISH_ALL = """
    UPDATE inbound_events SET state = ended.state, outcome = ended.outcome, processed_at = clock_timestamp()
    FROM unnest(CAST(%(ids)s AS uuid[]), CAST(%(states)s AS text[]), CAST(%(outcomes)s AS text[]))
        AS ended (id, state, outcome)
    WHERE inbound_events.id = ended.id AND inbound_events.state = 'received'
"""
_WAITING_FOR = """
    SELECT id, event_type, CASE WHEN event_type = 'taskCommentPosted' THEN body END AS body
    FROM inbound_events
    WHERE tenant_id = %(tenant)s AND subject = %(subject)s AND state = 'received' ORDER BY received_at, id
"""
_FINISH = """
    UPDATE inbound_events SET processed_at = clock_timestamp(),
        state = CASE WHEN id = %(id)s THEN %(state)s ELSE 'done' END,
        outcome = CASE WHEN id = %(id)s THEN %(outcome)s ELSE 'coalesced' END,
        -- The trouble passed: a replay's patience begins anew.
        failures = CASE WHEN failures -> -1 ? 'times' THEN failures - -1 ELSE failures END
    -- By the subject they share, or the planner reads all that wait.
    WHERE tenant_id = %(tenant)s AND subject = (SELECT subject FROM inbound_events WHERE id = %(id)s)
      AND id = ANY(%(ids)s) AND state = 'received'
"""
_RECORD = text("""
    UPDATE inbound_events SET
        attempts = attempts + 1,
        failures = failures || (CAST(:failure AS jsonb)
                                || jsonb_build_object('at', clock_timestamp(), 'attempt', attempts + 1)),
        state = CASE WHEN :is_last THEN 'dead' ELSE state END,
        outcome = CASE WHEN :is_last THEN 'dead' ELSE outcome END,
        processed_at = CASE WHEN :is_last THEN clock_timestamp() END
    WHERE id = :id AND state = 'received' RETURNING attempts
""")
# The last entry counts on while nothing but waiting happens; any other failure begins a new one.
_WAIT_LONGER = text("""
    UPDATE inbound_events SET failures =
        CASE WHEN failures -> -1 ? 'times'
        THEN jsonb_set(failures, '{-1}', (failures -> -1) || CAST(:failure AS jsonb)
                       || jsonb_build_object('times', CAST(failures -> -1 ->> 'times' AS integer) + 1))
        ELSE failures || (CAST(:failure AS jsonb) || jsonb_build_object(
            'at', clock_timestamp(), 'attempt', attempts + 1, 'times', 1))
        END
    WHERE id = :id
    RETURNING CAST(failures -> -1 ->> 'at' AS timestamptz) AS since,
              CAST(failures -> -1 ->> 'times' AS integer) AS times
""")
_ATTEMPTS = text("SELECT attempts FROM inbound_events WHERE id = :id")
