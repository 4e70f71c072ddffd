"""Mappings: which ClickUp list is joined to which Slack channel, and how they follow each other."""

import json
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_contracts.administration import MappingView, NewMapping
from oblivion_contracts.mappings import MappingOptions
from oblivion_platform.operations.audit import Actor, note
from oblivion_platform.operations.errors import NothingFound


async def link(tx: AsyncConnection, tenant_id: UUID, actor: Actor, new: NewMapping) -> tuple[UUID, bool]:
    """Join a list to a channel, or give a mapping that exists new options; tells whether it is new.

    Raises:
        NothingFound: an integration is none of the tenant's.
    """
    pair = {"clickup": new.clickup_integration_id, "slack": new.slack_integration_id}
    if (await tx.execute(_INTEGRATIONS, pair)).scalar_one() != len(pair):
        raise NothingFound("integration")
    values: dict[str, Any] = {
        **new.model_dump(exclude={"options"}),
        "id": uuid4(),
        "tenant_id": tenant_id,
        "options": json.dumps(new.options.model_dump(mode="json")),
    }
    row = (await tx.execute(_UPSERT, values)).one()
    action = "mapping.linked" if row.is_new else "mapping.changed"
    place = {"list": new.clickup_list_id, "channel": new.slack_channel_id}
    await note(tx, tenant_id, actor, action, row.id, **place)
    return row.id, row.is_new


async def list_mappings(
    tx: AsyncConnection, *, limit: int, before: tuple[datetime, UUID] | None = None
) -> list[MappingView]:
    """The active ones, newest first."""
    at, last = before or (None, None)
    rows = await tx.execute(_LIST, {"limit": limit, "at": at, "last": last})
    return [_view(row) for row in rows.mappings()]


async def read_mapping(tx: AsyncConnection, mapping_id: UUID) -> MappingView:
    """Raises: NothingFound."""
    row = (await tx.execute(_READ, {"id": mapping_id})).mappings().one_or_none()
    if row is None:
        raise NothingFound("mapping")
    return _view(row)


async def change_mapping(
    tx: AsyncConnection, tenant_id: UUID, actor: Actor, mapping_id: UUID, options: MappingOptions
) -> MappingView:
    """Raises: NothingFound: there is none, or it was unlinked."""
    values = {"id": mapping_id, "options": json.dumps(options.model_dump(mode="json"))}
    if (await tx.execute(_CHANGE, values)).rowcount == 0:
        raise NothingFound("mapping")
    await note(tx, tenant_id, actor, "mapping.changed", mapping_id)
    return await read_mapping(tx, mapping_id)


async def unlink(tx: AsyncConnection, tenant_id: UUID, actor: Actor, mapping_id: UUID) -> None:
    """End a mapping. Messages stay where they are and are no longer followed.

    Raises:
        NothingFound: there is none, or it was unlinked before.
    """
    ended = (await tx.execute(_UNLINK, {"id": mapping_id})).one_or_none()
    if ended is None:
        raise NothingFound("mapping")
    place = {"list": ended.clickup_list_id, "channel": ended.slack_channel_id}
    await note(tx, tenant_id, actor, "mapping.unlinked", mapping_id, **place)


async def note_outsider(tx: AsyncConnection, mapping_id: UUID) -> None:
    """Say that nothing can be posted yet; it goes when the app is invited, or a message arrives."""
    problem = {"code": "not_in_channel", "message": _NOT_IN_CHANNEL}
    await tx.execute(_PROBLEM, {"id": mapping_id, "problem": json.dumps(problem)})


def _view(row: Any) -> MappingView:
    return MappingView.model_validate(dict(row))


_NOT_IN_CHANNEL = (
    "Oblivion is not in the channel, so nothing can be posted there; type /invite @Oblivion in it"
)
_COLUMNS = """id, clickup_integration_id, clickup_list_id, clickup_list_name, slack_integration_id,
    slack_channel_id, slack_channel_name, options, state, problem, created_at, updated_at,
    (SELECT count(*) FROM task_mappings t
     WHERE t.project_mapping_id = project_mappings.id AND t.state = 'active') AS tasks_shown,
    (SELECT max(t.updated_at) FROM task_mappings t
     WHERE t.project_mapping_id = project_mappings.id) AS last_event_at"""
_INTEGRATIONS = text("""
    SELECT count(*) FROM integrations
    WHERE (id = :clickup AND source = 'clickup') OR (id = :slack AND source = 'slack')
""")
_UPSERT = text("""
    INSERT INTO project_mappings (id, tenant_id, clickup_integration_id, clickup_list_id, clickup_list_name,
        slack_integration_id, slack_channel_id, slack_channel_name, options)
    VALUES (:id, :tenant_id, :clickup_integration_id, :clickup_list_id, :clickup_list_name,
        :slack_integration_id, :slack_channel_id, :slack_channel_name, CAST(:options AS jsonb))
    ON CONFLICT (tenant_id, clickup_integration_id, clickup_list_id, slack_integration_id, slack_channel_id)
        WHERE state = 'active'
    DO UPDATE SET options = excluded.options, clickup_list_name = excluded.clickup_list_name,
        slack_channel_name = excluded.slack_channel_name, problem = NULL, updated_at = now()
    RETURNING id, (xmax = 0) AS is_new
""")
_LIST = text(f"""
    SELECT {_COLUMNS} FROM project_mappings WHERE state = 'active'
        AND (CAST(:at AS timestamptz) IS NULL
             OR (created_at, id) < (CAST(:at AS timestamptz), CAST(:last AS uuid)))
    ORDER BY created_at DESC, id DESC LIMIT :limit
""")  # noqa: S608 - a constant
_READ = text(f"SELECT {_COLUMNS} FROM project_mappings WHERE id = :id")  # noqa: S608 - a constant
_CHANGE = text("""
    UPDATE project_mappings SET options = CAST(:options AS jsonb), updated_at = now()
    WHERE id = :id AND state = 'active'
""")
_PROBLEM = text("""
    UPDATE project_mappings
    SET problem = CAST(:problem AS jsonb) || jsonb_build_object('at', clock_timestamp()) WHERE id = :id
""")
_UNLINK = text("""
    UPDATE project_mappings SET state = 'unlinked', updated_at = now() WHERE id = :id AND state = 'active'
    RETURNING clickup_list_id, slack_channel_id
""")
