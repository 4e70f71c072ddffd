"""Workflows: named prompts, run by hand or by the clock."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_contracts.workflows import WorkflowDefinition, WorkflowView
from oblivion_platform.operations.errors import AlreadyThere, CannotBeDone, NothingFound


def next_run_at(definition: WorkflowDefinition, after: datetime) -> datetime | None:
    """When the clock runs it next; None when it is run by hand, or disabled.

    Raises:
        CannotBeDone: the schedule or time zone cannot be read, or never comes.
    """
    if definition.schedule is None or not definition.enabled:
        return None
    try:
        zone = ZoneInfo(definition.timezone)
        return next(CronSim(definition.schedule, after.astimezone(zone))).astimezone(UTC)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise CannotBeDone(
            "timezone_unknown",
            f"timezone: {definition.timezone!r} is none that is known, such as Europe/Rome.",
        ) from None
    except (CronSimError, StopIteration) as error:
        why = str(error).lower() or "it never comes"
        raise CannotBeDone(
            "schedule_unreadable",
            f"schedule: {definition.schedule!r} is not a cron expression of five fields, such as "
            f"0 9 * * 1-5 ({why}).",
        ) from None


async def create_workflow(
    tx: AsyncConnection, tenant_id: UUID, definition: WorkflowDefinition, *, created_by: UUID | None
) -> WorkflowView:
    """Raises: AlreadyThere: the name is taken; CannotBeDone: see `next_run_at`."""
    values: dict[str, Any] = {
        "id": uuid4(),
        "tenant": tenant_id,
        "by": created_by,
        **_values(definition),
    }
    row = (await tx.execute(_INSERT, values)).mappings().one_or_none()
    if row is None:
        raise _taken()
    return _view(row)


async def change_workflow(
    tx: AsyncConnection, workflow_id: UUID, definition: WorkflowDefinition
) -> WorkflowView:
    """Raises: NothingFound, AlreadyThere, CannotBeDone."""
    values = {"id": workflow_id, **_values(definition)}
    if (await tx.execute(_NAME_TAKEN, values)).scalar_one():
        raise _taken()
    row = (await tx.execute(_UPDATE, values)).mappings().one_or_none()
    if row is None:
        raise NothingFound("workflow")
    return _view(row)


async def read_workflow(tx: AsyncConnection, workflow_id: UUID) -> WorkflowView:
    """Raises: NothingFound."""
    row = (await tx.execute(_READ, {"id": workflow_id})).mappings().one_or_none()
    if row is None:
        raise NothingFound("workflow")
    return _view(row)


async def list_workflows(
    tx: AsyncConnection, *, limit: int, before: tuple[datetime, UUID] | None = None
) -> list[WorkflowView]:
    """Newest first."""
    at, last = before or (None, None)
    rows = await tx.execute(_LIST, {"limit": limit, "at": at, "last": last})
    return [_view(row) for row in rows.mappings()]


async def delete_workflow(tx: AsyncConnection, workflow_id: UUID) -> None:
    """Raises: NothingFound."""
    if (await tx.execute(_DELETE, {"id": workflow_id})).rowcount == 0:
        raise NothingFound("workflow")


async def note_workflow_run(tx: AsyncConnection, workflow_id: UUID, run_id: UUID) -> None:
    await tx.execute(_NOTE_RUN, {"id": workflow_id, "run": run_id})


def _values(definition: WorkflowDefinition) -> dict[str, Any]:
    return {
        "name": definition.name,
        "definition": json.dumps(definition.model_dump(mode="json")),
        "state": "active" if definition.enabled else "disabled",
        "next": next_run_at(definition, datetime.now(UTC)),
    }


def _taken() -> AlreadyThere:
    return AlreadyThere("workflow_name_taken", "Another workflow has this name. Choose another.")


def _view(row: Any) -> WorkflowView:
    definition: dict[str, Any] = row["definition"]
    times = ("id", "last_run_id", "last_run_at", "next_run_at", "created_at")
    return WorkflowView.model_validate({**definition, **{name: row[name] for name in times}})


_COLUMNS = "id, definition, last_run_id, last_run_at, next_run_at, created_at"
_INSERT = text(f"""
    INSERT INTO workflows (id, tenant_id, name, definition, state, next_run_at, created_by)
    VALUES (:id, :tenant, :name, CAST(:definition AS jsonb), :state, :next, :by)
    ON CONFLICT (tenant_id, name) WHERE state <> 'deleted' DO NOTHING RETURNING {_COLUMNS}
""")  # noqa: S608 - a constant
_NAME_TAKEN = text("""
    SELECT EXISTS (SELECT FROM workflows WHERE name = :name AND id <> :id AND state <> 'deleted')
""")
_UPDATE = text(f"""
    UPDATE workflows SET name = :name, definition = CAST(:definition AS jsonb), state = :state,
        next_run_at = :next, updated_at = now()
    WHERE id = :id AND state <> 'deleted' RETURNING {_COLUMNS}
""")  # noqa: S608 - a constant
_READ = text(f"SELECT {_COLUMNS} FROM workflows WHERE id = :id AND state <> 'deleted'")  # noqa: S608
_LIST = text(f"""
    SELECT {_COLUMNS} FROM workflows WHERE state <> 'deleted'
        AND (CAST(:at AS timestamptz) IS NULL
             OR (created_at, id) < (CAST(:at AS timestamptz), CAST(:last AS uuid)))
    ORDER BY created_at DESC, id DESC LIMIT :limit
""")  # noqa: S608 - a constant
_DELETE = text("""
    UPDATE workflows SET state = 'deleted', next_run_at = NULL, updated_at = now()
    WHERE id = :id AND state <> 'deleted'
""")
_NOTE_RUN = text("UPDATE workflows SET last_run_id = :run, last_run_at = now() WHERE id = :id")
