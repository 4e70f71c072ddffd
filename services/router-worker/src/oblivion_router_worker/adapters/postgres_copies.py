"""`mirror_events`: comments and their copies."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_platform.database.statements import execute, fetch
from oblivion_router_worker.domain.records import Copy, Origin


class PostgresCopies:
    """Implements `ports.deciding.Copies` in the transaction `tx`."""

    def __init__(self, tx: AsyncConnection, tenant_id: UUID) -> None:
        self._tx = tx
        self._tenant_id = tenant_id

    async def of_original(self, task_mapping_id: UUID, origin: Origin, origin_id: str) -> Copy | None:
        values = {
            "tenant": self._tenant_id,
            "task": task_mapping_id,
            "origin": origin.value,
            "origin_id": origin_id,
        }
        rows = await fetch(self._tx, _OF_ORIGINAL, values)
        return _copy(rows[0]) if rows else None

    async def of_tasks(self, task_mapping_ids: Sequence[UUID]) -> Sequence[Copy]:
        values = {"tenant": self._tenant_id, "tasks": list(task_mapping_ids)}
        return [_copy(row) for row in await fetch(self._tx, _OF_TASKS, values)]

    async def save(self, copy: Copy) -> None:
        await execute(
            self._tx,
            _SAVE,
            {
                "id": copy.id,
                "tenant": self._tenant_id,
                "task": copy.task_mapping_id,
                "origin": copy.origin.value,
                "origin_id": copy.origin_id,
                "version": copy.origin_version,
                "hash": copy.content_hash,
                "state": "active" if copy.is_active else "deleted",
            },
        )


def _copy(row: Any) -> Copy:
    return Copy(
        id=row.id,
        task_mapping_id=row.task_mapping_id,
        origin=Origin(row.origin),
        origin_id=row.origin_id,
        origin_version=row.origin_version,
        content_hash=row.content_hash,
        is_active=row.state == "active",
        copy_id=row.copy_id,
    )


_COLUMNS = "id, task_mapping_id, origin, origin_id, origin_version, content_hash, state, copy_id"
_OF_ORIGINAL = f"""
    SELECT {_COLUMNS} FROM mirror_events
    WHERE tenant_id = %(tenant)s AND task_mapping_id = %(task)s AND origin = %(origin)s
      AND origin_id = %(origin_id)s
"""  # noqa: S608 - constants of this module
_OF_TASKS = f"""
    SELECT {_COLUMNS} FROM mirror_events WHERE tenant_id = %(tenant)s AND task_mapping_id = ANY(%(tasks)s)
"""  # noqa: S608 - constants of this module
_SAVE = """
    INSERT INTO mirror_events (id, tenant_id, task_mapping_id, origin, origin_id, origin_version,
                               content_hash, state)
    VALUES (%(id)s, %(tenant)s, %(task)s, %(origin)s, %(origin_id)s, %(version)s, %(hash)s, %(state)s)
    ON CONFLICT (tenant_id, task_mapping_id, origin, origin_id) DO UPDATE SET
        origin_version = excluded.origin_version, content_hash = excluded.content_hash,
        state = excluded.state, updated_at = now()
"""
