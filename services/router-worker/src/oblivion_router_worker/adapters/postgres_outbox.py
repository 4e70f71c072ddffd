"""`outbox` for the deciding half: effects are stored in the transaction that decides them.

What has not left yet gives way to what is decided later, unless an answer was lost: then it may stand on the
other side already, and the later effect is sent behind it. Dead letters give way too, so that a person's
retry never brings an old state back.
"""

import json
import time
from collections.abc import Collection
from typing import Any, LiteralString
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_platform.telemetry import known_traceparent
from oblivion_router_worker.adapters.statements import fetch, run
from oblivion_router_worker.domain.effect_bodies import Json
from oblivion_router_worker.domain.effects import (
    CREATION_OF,
    CreateComment,
    DeleteComment,
    DeleteReply,
    Effect,
    PostTask,
    UpdateComment,
    UpdateReply,
    UpdateTask,
)
from oblivion_router_worker.ports.delivery import Sending


class PostgresOutbox:
    """Implements `ports.deciding.Outbox` in the transaction `tx`.

    `lease_s`: creations that are first in their destination are leased for that long as they are stored,
    which saves their sender a claim; None: never.
    """

    def __init__(self, tx: AsyncConnection, tenant_id: UUID, lease_s: float | None = None) -> None:
        self._tx = tx
        self._tenant_id = tenant_id
        self._lease_s = lease_s

    async def add(self, effect: Effect) -> Sending | None:
        values = {
            "id": effect.id,
            "tenant": self._tenant_id,
            "integration": effect.integration_id,
            "destination": effect.destination,
            "kind": effect.kind,
            "payload": json.dumps(effect.to_payload()),
            "coalesce_key": effect.coalesce_key,
            "priority": effect.priority,
            "event": effect.event_id,
            "task": effect.task_mapping_id,
            "copy": effect.mirror_event_id,
            "run": effect.run_id,
        }
        if (creation := CREATION_OF.get(effect.kind)) is not None:
            values["creation"] = creation
            values["copy_key"] = f"copy:{effect.mirror_event_id}"
        if self._lease_s is not None and isinstance(effect.body, PostTask | CreateComment):
            return await self._add_leased(effect, values, self._lease_s)
        await run(self._tx, _statement(effect), values)
        return None

    async def _add_leased(self, effect: Effect, values: Json, lease_s: float) -> Sending | None:
        # Before the statement, as for a claim: what it and the commit take is taken off the lease.
        begun = time.monotonic()
        rows = await fetch(self._tx, _ADD_LEASED, values | {"lease_s": lease_s})
        return _leased(effect, rows[0], begun + lease_s) if rows else None

    async def revive(self, destination: str, codes: Collection[str]) -> bool:
        values = {"tenant": self._tenant_id, "destination": destination, "codes": list(codes)}
        return bool((await self._tx.execute(_REVIVE, values)).all())

    async def knows(self, effect_id: UUID) -> bool:
        (row,) = await fetch(self._tx, _KNOWS, {"id": effect_id})
        return row.is_known


def _leased(effect: Effect, row: Any, lease_ends_at: float) -> Sending:
    return Sending(
        effect=effect,
        attempt=1,
        unanswered=False,
        created_at=float(row.created_at_s),
        age_s=0.0,
        lease_ends_at=lease_ends_at,
        channel=effect.body.channel if isinstance(effect.body, PostTask) else None,
        has_problem=bool(row.has_problem),
        was_refused=bool(row.was_refused),
        traceparent=known_traceparent(),
    )


def _statement(effect: Effect) -> LiteralString:
    match effect.body:
        case UpdateTask() | UpdateReply() | UpdateComment():
            return _ADD_UPDATE
        case DeleteReply() | DeleteComment():
            return _ADD_DELETION
        case _:
            return _ADD if effect.coalesce_key is None else _ADD_LATEST


_COLUMNS = """id, tenant_id, integration_id, destination, kind, payload, coalesce_key, priority, event_id,
        task_mapping_id, mirror_event_id, run_id"""
_VALUES = """CAST(%(id)s AS uuid), CAST(%(tenant)s AS uuid), CAST(%(integration)s AS uuid), %(destination)s,
        %(kind)s, CAST(%(payload)s AS jsonb), CAST(%(coalesce_key)s AS text), CAST(%(priority)s AS smallint),
        CAST(%(event)s AS uuid),
        CAST(%(task)s AS uuid), CAST(%(copy)s AS uuid), CAST(%(run)s AS uuid)"""
_NOT_LEFT = "tenant_id = %(tenant)s AND task_mapping_id = %(task)s AND state IN ('pending', 'dead')"
_ITS_CREATION = f"""{_NOT_LEFT} AND kind = %(creation)s AND NOT unanswered
        AND mirror_event_id IS NOT DISTINCT FROM CAST(%(copy)s AS uuid)"""

_ADD = f"INSERT INTO outbox ({_COLUMNS}) SELECT {_VALUES}"
# Two transactions may both find nothing before theirs; then either may leave first, as ever.
_ADD_LEASED = f"""
    WITH standing AS (
        SELECT EXISTS (SELECT FROM outbox WHERE tenant_id = %(tenant)s AND destination = %(destination)s
                       AND state IN ('pending', 'sending')) AS is_before
    ), added AS (
        INSERT INTO outbox ({_COLUMNS}, state, attempts, lease_until)
        SELECT {_VALUES}, CASE WHEN is_before THEN 'pending' ELSE 'sending' END,
            CASE WHEN is_before THEN 0 ELSE 1 END,
            CASE WHEN NOT is_before THEN clock_timestamp() + make_interval(secs => %(lease_s)s) END
        FROM standing RETURNING *
    )
    SELECT extract(epoch FROM created_at) AS created_at_s,
        (SELECT problem IS NOT NULL FROM project_mappings WHERE id = (
            SELECT project_mapping_id FROM task_mappings WHERE id = CAST(%(task)s AS uuid))) AS has_problem,
        (SELECT health ->> 'status' = 'token_refused' FROM integrations
         WHERE id = CAST(%(integration)s AS uuid)) AS was_refused
    FROM added WHERE state = 'sending'
"""  # noqa: S608 - constants of this module
# The update waits as long as the one it replaces had to: that one's request may still be on its way.
_ADD_UPDATE = f"""
    WITH creation AS (
        UPDATE outbox SET payload = payload || CAST(%(payload)s AS jsonb) WHERE {_ITS_CREATION} RETURNING id
    ), earlier AS (
        UPDATE outbox SET state = 'superseded' WHERE {_NOT_LEFT} AND coalesce_key = %(coalesce_key)s
        RETURNING next_attempt_at
    )
    INSERT INTO outbox ({_COLUMNS}, next_attempt_at)
    SELECT {_VALUES}, greatest(clock_timestamp(), (SELECT max(next_attempt_at) FROM earlier))
    WHERE NOT EXISTS (SELECT FROM creation)
"""  # noqa: S608 - constants of this module
# Of what a run shows; as an update, but it belongs to no task.
_ADD_LATEST = f"""
    WITH earlier AS (
        UPDATE outbox SET state = 'superseded'
        WHERE tenant_id = %(tenant)s AND destination = %(destination)s AND state IN ('pending', 'dead')
          AND coalesce_key = %(coalesce_key)s
        RETURNING next_attempt_at
    )
    INSERT INTO outbox ({_COLUMNS}, next_attempt_at)
    SELECT {_VALUES}, greatest(clock_timestamp(), (SELECT max(next_attempt_at) FROM earlier))
"""  # noqa: S608 - constants of this module
_ADD_DELETION = f"""
    WITH creation AS (
        UPDATE outbox SET state = 'superseded' WHERE {_ITS_CREATION} RETURNING id
    ), earlier AS (
        UPDATE outbox SET state = 'superseded' WHERE {_NOT_LEFT} AND coalesce_key = %(copy_key)s
        RETURNING next_attempt_at
    )
    INSERT INTO outbox ({_COLUMNS}, next_attempt_at)
    SELECT {_VALUES}, greatest(clock_timestamp(), (SELECT max(next_attempt_at) FROM earlier))
    WHERE NOT EXISTS (SELECT FROM creation)
"""  # noqa: S608 - constants of this module
_REVIVE = text("""
    UPDATE outbox SET state = 'pending', attempts = 0, lease_until = NULL,
        next_attempt_at = greatest(clock_timestamp(), next_attempt_at)
    WHERE tenant_id = :tenant AND destination = :destination AND state = 'dead'
      AND failures -> -1 ->> 'code' = ANY(:codes)
    RETURNING id
""")
_KNOWS = "SELECT EXISTS (SELECT FROM outbox WHERE id = %(id)s) AS is_known"
