"""Integrations: a Slack app in one team, or a ClickUp workspace."""

import json
from dataclasses import dataclass, field
from typing import Any, Literal, cast
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_cli.errors import AnsweredElsewhere, NotFound, UsageWrong
from oblivion_cli.usecases.tenants import list_tenants
from oblivion_platform.database.engine import Database

Source = Literal["slack", "clickup"]

_UPSERT = text("""
    INSERT INTO integrations (id, tenant_id, source, external_id, app_id, name, config, answers)
    VALUES (:id, :tenant_id, :source, :external_id, :app_id, :name, CAST(:config AS jsonb),
            coalesce(CAST(:answers AS boolean), true))
    ON CONFLICT (tenant_id, source, external_id) DO UPDATE
    SET app_id = excluded.app_id, name = excluded.name, state = 'active', updated_at = now(),
        config = integrations.config || excluded.config,
        answers = coalesce(CAST(:answers AS boolean), integrations.answers)
    RETURNING id
""")
_SELECT = text("""
    SELECT id, source, external_id, app_id, name, state, config, health, answers FROM integrations
    WHERE CAST(:source AS text) IS NULL OR source = :source ORDER BY source, created_at
""")
_ANSWERS = text("""
    SELECT FROM integrations
    WHERE source = 'slack' AND state = 'active' AND answers AND app_id = :app AND external_id = :team
""")
_MERGE_CONFIG = text("""
    UPDATE integrations SET config = config || CAST(:config AS jsonb), updated_at = now() WHERE id = :id
""")
_DISABLE_OTHERS = text("""
    UPDATE integrations SET state = 'disabled', updated_at = now()
    WHERE source = :source AND id <> :id AND state = 'active' AND (config ->> 'sandbox') = 'true'
""")


@dataclass(frozen=True)
class Integration:
    """A row of `integrations`."""

    id: UUID
    source: Source
    external_id: str
    app_id: str | None
    name: str
    state: str = "active"
    config: dict[str, Any] = field(default_factory=dict[str, Any])
    health: dict[str, Any] = field(default_factory=dict[str, Any])
    answers: bool | None = None
    """People who speak to the app there are answered by this tenant's agents.

    To save, None: as it was, and yes for a new one.
    """


async def list_integrations(tx: AsyncConnection, source: Source | None = None) -> list[Integration]:
    rows = await tx.execute(_SELECT, {"source": source})
    return [Integration(**row) for row in rows.mappings()]


async def the_integration(tx: AsyncConnection, source: Source) -> Integration:
    """The active integration of a source.

    Raises:
        NotFound: none is connected.
        UsageWrong: several are.
    """
    active = [found for found in await list_integrations(tx, source) if found.state == "active"]
    if not active:
        raise NotFound(f"{label(source)} is not connected.", f"Connect it with `oblivion {source} connect`.")
    if len(active) > 1:
        names = ", ".join(f"{found.name} ({found.external_id})" for found in active)
        raise UsageWrong(f"Several {label(source)} integrations are active: {names}.", "Disable all but one.")
    return active[0]


async def save_integration(tx: AsyncConnection, tenant_id: UUID, new: Integration) -> UUID:
    """Insert it, or bring the known one of the same team up to date; returns its id.

    Raises:
        AnsweredElsewhere: another tenant answers for this app in this team.
    """
    values = {
        "id": new.id,
        "tenant_id": tenant_id,
        "source": new.source,
        "external_id": new.external_id,
        "app_id": new.app_id,
        "name": new.name,
        "config": json.dumps(new.config),
        "answers": new.answers,
    }
    try:
        return (await tx.execute(_UPSERT, values)).scalar_one()
    except IntegrityError as error:
        if "integrations_one_answers" not in str(error.orig):
            raise
        raise AnsweredElsewhere(new.name) from None


async def merge_config(tx: AsyncConnection, integration_id: UUID, **config: Any) -> None:
    await tx.execute(_MERGE_CONFIG, {"id": integration_id, "config": json.dumps(config)})


async def disable_stand_ins(tx: AsyncConnection, source: Source, keep: UUID) -> None:
    """Stand-ins of the sandbox give way to `keep`, which may be a real workspace or a newer sandbox."""
    await tx.execute(_DISABLE_OTHERS, {"source": source, "id": keep})


@dataclass(frozen=True)
class Answering:
    """The tenant whose agents hear the people who speak to an app in a team."""

    slug: str
    is_suspended: bool


async def who_answers(database: Database, integration: Integration) -> Answering | None:
    """Looked for tenant by tenant, each under its own row-level security; None: nobody."""
    values = {"app": integration.app_id, "team": integration.external_id}
    for tenant in await list_tenants(database):
        async with database.tenant(cast("UUID", tenant["id"])) as tx:
            if (await tx.execute(_ANSWERS, values)).first() is not None:
                return Answering(str(tenant["slug"]), tenant["state"] == "suspended")
    return None


def label(source: Source) -> str:
    return {"slack": "Slack", "clickup": "ClickUp"}[source]


def new_id() -> UUID:
    return uuid4()
