"""`project_mappings` and `task_mappings` for the deciding half."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_contracts.mappings import MappingOptions
from oblivion_platform.database.statements import execute, fetch
from oblivion_router_worker.domain.effects import slack_destination
from oblivion_router_worker.domain.records import Link, ShownTask
from oblivion_router_worker.domain.slack_ts import ts_key


class PostgresLinks:
    """Implements `ports.deciding.Links` in the transaction `tx`."""

    def __init__(self, tx: AsyncConnection, tenant_id: UUID) -> None:
        self._tx = tx
        self._tenant_id = tenant_id

    async def of_task(
        self, clickup_integration_id: UUID, task_id: str, list_id: str | None
    ) -> Sequence[Link]:
        values = {
            "tenant": self._tenant_id,
            "integration": clickup_integration_id,
            "task": task_id,
            "list": list_id,
        }
        return [_link(row) for row in await fetch(self._tx, _OF_TASK, values)]

    async def of_thread(self, slack_integration_id: UUID, channel: str, thread_ts: str) -> Link | None:
        values = {
            "tenant": self._tenant_id,
            "integration": slack_integration_id,
            "channel": channel,
            "ts": thread_ts,
        }
        rows = await fetch(self._tx, _OF_THREAD, values)
        return _link(rows[0]) if rows else None

    async def of_channel(self, slack_integration_id: UUID, channel: str) -> Sequence[Link]:
        values = {"tenant": self._tenant_id, "integration": slack_integration_id, "channel": channel}
        return [_link(row) for row in await self._tx.execute(_OF_CHANNEL, values)]

    async def has_unsettled_post(self, slack_integration_id: UUID, channel: str, ts: str) -> bool:
        values = {
            "tenant": self._tenant_id,
            "destination": slack_destination(slack_integration_id, channel),
            "posted_s": ts_key(ts)[0],
        }
        (row,) = await fetch(self._tx, _UNSETTLED, values)
        return row.is_unsettled

    async def show(self, link: Link, shown: ShownTask) -> None:
        await execute(
            self._tx,
            _SHOW,
            {
                "id": shown.id,
                "tenant": self._tenant_id,
                "link": link.id,
                "task": shown.task_id,
                "name": shown.name[:500],
                "channel": shown.channel,
                "state": "active" if shown.is_active else "deleted",
                "hash": shown.content_hash,
                "updated_ms": shown.updated_ms,
            },
        )

    async def set_problem(self, link_ids: Sequence[UUID], code: str | None, message: str = "") -> None:
        problem = None if code is None else json.dumps({"code": code, "message": message})
        await self._tx.execute(_PROBLEM, {"ids": list(link_ids), "problem": problem})

    async def rename_channel(self, slack_integration_id: UUID, channel: str, name: str) -> None:
        values = {"integration": slack_integration_id, "channel": channel, "name": name[:200]}
        await self._tx.execute(_RENAME, values)


def _link(row: Any) -> Link:
    return Link(
        id=row.id,
        clickup_integration_id=row.clickup_integration_id,
        list_id=row.clickup_list_id,
        slack_integration_id=row.slack_integration_id,
        channel=row.slack_channel_id,
        options=MappingOptions.model_validate(row.options),
        is_active=row.state == "active",
        linked_at=row.created_at,
        shown=_shown(row),
    )


def _shown(row: Any) -> ShownTask | None:
    if row.shown_id is None:
        return None
    return ShownTask(
        id=row.shown_id,
        task_id=row.clickup_task_id,
        name=row.clickup_task_name,
        channel=row.shown_channel,
        slack_ts=row.slack_ts,
        is_active=row.shown_state == "active",
        content_hash=row.content_hash,
        updated_ms=row.task_updated_ms,
    )


_LINK_COLUMNS = """p.id, p.clickup_integration_id, p.clickup_list_id, p.slack_integration_id,
    p.slack_channel_id, p.options, p.state, p.created_at"""
_SHOWN_COLUMNS = """t.id AS shown_id, t.clickup_task_id, t.clickup_task_name,
    t.slack_channel_id AS shown_channel, t.slack_ts, t.state AS shown_state, t.content_hash,
    t.task_updated_ms"""

# Found by the list and by the task, each by its index and once: joined in one go, a planner without
# statistics reads every message of the tenant.
_OF_TASK = f"""
    WITH shown AS MATERIALIZED (
        SELECT * FROM task_mappings WHERE tenant_id = %(tenant)s AND clickup_task_id = %(task)s
    ), linked AS MATERIALIZED (
        SELECT id FROM project_mappings
        WHERE tenant_id = %(tenant)s AND clickup_integration_id = %(integration)s
          AND clickup_list_id = %(list)s AND state = 'active'
        UNION
        SELECT project_mapping_id FROM shown
    )
    SELECT {_LINK_COLUMNS}, {_SHOWN_COLUMNS}
    FROM linked JOIN project_mappings p ON p.id = linked.id AND p.clickup_integration_id = %(integration)s
    LEFT JOIN shown t ON t.project_mapping_id = p.id
    ORDER BY p.created_at, p.id
"""  # noqa: S608 - constants of this module
_OF_THREAD = f"""
    SELECT {_LINK_COLUMNS}, {_SHOWN_COLUMNS}
    FROM task_mappings t JOIN project_mappings p ON p.id = t.project_mapping_id
    WHERE t.tenant_id = %(tenant)s AND t.slack_channel_id = %(channel)s AND t.slack_ts = %(ts)s
      AND p.slack_integration_id = %(integration)s
"""  # noqa: S608 - constants of this module
_OF_CHANNEL = text(f"""
    SELECT {_LINK_COLUMNS}, CAST(NULL AS uuid) AS shown_id
    FROM project_mappings p
    WHERE p.tenant_id = :tenant AND p.slack_integration_id = :integration AND p.slack_channel_id = :channel
      AND p.state = 'active'
""")  # noqa: S608 - constants of this module
# A message cannot be older than the effect that posted it, but for the difference of two clocks.
_UNSETTLED = """
    SELECT EXISTS (SELECT FROM outbox WHERE tenant_id = %(tenant)s AND destination = %(destination)s
                   AND kind = 'slack.post_task' AND (state = 'sending' OR (state = 'pending' AND unanswered))
                   AND created_at < to_timestamp(%(posted_s)s) + interval '1 minute') AS is_unsettled
"""
_SHOW = """
    INSERT INTO task_mappings (id, tenant_id, project_mapping_id, clickup_task_id, clickup_task_name,
                               slack_channel_id, state, content_hash, task_updated_ms)
    VALUES (%(id)s, %(tenant)s, %(link)s, %(task)s, %(name)s, %(channel)s, %(state)s, %(hash)s,
            %(updated_ms)s)
    ON CONFLICT (tenant_id, project_mapping_id, clickup_task_id) DO UPDATE SET
        clickup_task_name = excluded.clickup_task_name, state = excluded.state,
        content_hash = excluded.content_hash, task_updated_ms = excluded.task_updated_ms, updated_at = now()
"""
_PROBLEM = text("""
    UPDATE project_mappings
    SET problem = CAST(:problem AS jsonb) || jsonb_build_object('at', clock_timestamp())
    WHERE id = ANY(:ids)
""")
_RENAME = text("""
    UPDATE project_mappings SET slack_channel_name = :name
    WHERE slack_integration_id = :integration AND slack_channel_id = :channel
""")
