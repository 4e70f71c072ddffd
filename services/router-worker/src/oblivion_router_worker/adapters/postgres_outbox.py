"""`outbox` for the deciding half: effects are stored in the transaction that decides them.

What has not left yet gives way to what is decided later, unless an answer was lost: then it may stand on the
other side already, and the later effect is sent behind it. Dead letters give way too, so that a person's
retry never brings an old state back.
"""

import json
import time
from collections.abc import Collection
from dataclasses import replace
from typing import LiteralString
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_platform.database.statements import execute, fetch
from oblivion_router_worker.adapters.sendings import AS_SENDING, sending_of
from oblivion_router_worker.domain.effect_bodies import Json
from oblivion_router_worker.domain.effects import (
    CREATION_OF,
    DeleteComment,
    DeleteReply,
    Effect,
    UpdateComment,
    UpdateReply,
    UpdateTask,
)
from oblivion_router_worker.ports.delivery import Sending

_CHANGES = (UpdateTask, UpdateReply, UpdateComment, DeleteReply, DeleteComment)


class PostgresOutbox:
    """Implements `ports.deciding.Outbox` in the transaction `tx`.

    `lease_s`: what is first in its destination, and no change of a copy, is leased for that long as it is
    stored, which saves its sender a claim; None: never.
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
        if self._lease_s is not None and not isinstance(effect.body, _CHANGES):
            return await self._add_leased(effect, values, self._lease_s)
        await execute(self._tx, _statement(effect), values)
        return None

    async def _add_leased(self, effect: Effect, values: Json, lease_s: float) -> Sending | None:
        # Before the statement, as for a claim: what it and the commit take is taken off the lease.
        begun = time.monotonic()
        statement = _ADD_LEASED if effect.coalesce_key is None else _ADD_LATEST_LEASED
        rows = await fetch(self._tx, statement, values | {"lease_s": lease_s})
        return replace(sending_of(rows[0], begun + lease_s), effect=effect) if rows else None

    async def revive(self, destination: str, codes: Collection[str]) -> bool:
        values = {"tenant": self._tenant_id, "destination": destination, "codes": list(codes)}
        return bool((await self._tx.execute(_REVIVE, values)).all())

    async def knows(self, effect_id: UUID) -> bool:
        (row,) = await fetch(self._tx, _KNOWS, {"id": effect_id})
        return row.is_known


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
_EARLIER = """earlier AS (
        UPDATE outbox SET state = 'superseded'
        WHERE tenant_id = %(tenant)s AND destination = %(destination)s AND state IN ('pending', 'dead')
          AND coalesce_key = %(coalesce_key)s
        RETURNING id, next_attempt_at
    )"""
_ADD_LATEST = f"""
    WITH {_EARLIER}
    INSERT INTO outbox ({_COLUMNS}, next_attempt_at)
    SELECT {_VALUES}, greatest(clock_timestamp(), (SELECT max(next_attempt_at) FROM earlier))
"""  # noqa: S608 - constants of this module
# Two transactions may both find nothing before theirs; then either may leave first, as ever.
_STANDS_BEFORE = """SELECT FROM outbox WHERE tenant_id = %(tenant)s AND destination = %(destination)s
        AND state IN ('pending', 'sending')"""
_LEASED = f"""leased AS (
        INSERT INTO outbox ({_COLUMNS}, state, attempts, lease_until, next_attempt_at)
        SELECT {_VALUES}, CASE WHEN has_to_wait THEN 'pending' ELSE 'sending' END,
            CASE WHEN has_to_wait THEN 0 ELSE 1 END,
            CASE WHEN NOT has_to_wait THEN clock_timestamp() + make_interval(secs => %(lease_s)s) END,
            greatest(clock_timestamp(), not_before)
        FROM standing RETURNING *
    )
    {AS_SENDING} WHERE o.state = 'sending'"""  # noqa: S608 - constants of this package
_ADD_LEASED = f"""
    WITH standing AS (
        SELECT EXISTS ({_STANDS_BEFORE}) AS has_to_wait, CAST(NULL AS timestamptz) AS not_before
    ), {_LEASED}
"""
_ADD_LATEST_LEASED = f"""
    WITH {_EARLIER}, standing AS (
        SELECT EXISTS ({_STANDS_BEFORE} AND id NOT IN (SELECT id FROM earlier))
            OR coalesce(max(next_attempt_at) > clock_timestamp(), false) AS has_to_wait,
            max(next_attempt_at) AS not_before
        FROM earlier
    ), {_LEASED}
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
