"""`mirror_events`: comments and their copies."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

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
        row = (await self._tx.execute(_OF_ORIGINAL, values)).one_or_none()
        return None if row is None else _copy(row)

    async def of_tasks(self, task_mapping_ids: Sequence[UUID]) -> Sequence[Copy]:
        values = {"tenant": self._tenant_id, "tasks": list(task_mapping_ids)}
        return [_copy(row) for row in await self._tx.execute(_OF_TASKS, values)]

    async def save(self, copy: Copy) -> None:
        await self._tx.execute(
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


def _copy(row: Row[Any]) -> Copy:
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
_OF_ORIGINAL = text(f"""
    SELECT {_COLUMNS} FROM mirror_events
    WHERE tenant_id = :tenant AND task_mapping_id = :task AND origin = :origin AND origin_id = :origin_id
""")  # noqa: S608 - constants of this module
_OF_TASKS = text(f"""
    SELECT {_COLUMNS} FROM mirror_events WHERE tenant_id = :tenant AND task_mapping_id = ANY(:tasks)
""")  # noqa: S608 - constants of this module
_SAVE = text("""
    INSERT INTO mirror_events (id, tenant_id, task_mapping_id, origin, origin_id, origin_version,
                               content_hash, state)
    VALUES (:id, :tenant, :task, :origin, :origin_id, :version, :hash, :state)
    ON CONFLICT (tenant_id, task_mapping_id, origin, origin_id) DO UPDATE SET
        origin_version = excluded.origin_version, content_hash = excluded.content_hash,
        state = excluded.state, updated_at = now()
""")
