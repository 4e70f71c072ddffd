"""What happens between a list and its channel, and a sample: a task that is made to see it arrive."""

import json
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_contracts.administration import EventSummary, MappingView
from oblivion_contracts.jobs import EventPriority
from oblivion_contracts.mapping_activity import MappingActivity, MappingSample, MappingTrouble
from oblivion_contracts.mappings import TaskSelection
from oblivion_platform.operations.audit import Actor, note
from oblivion_platform.operations.dead_letters import missing_of
from oblivion_platform.operations.errors import CannotBeDone, NothingFound
from oblivion_platform.operations.mappings import read_mapping

SHOWN_MAX = 10
SAMPLE_KIND = "clickup.create_task"
"""As the router-worker sends it."""
_SAYS = (
    "Made on Oblivion's page to see whether this list's tasks appear in their Slack channel. Delete it when "
    "you have seen it there."
)


async def send_sample(tx: AsyncConnection, tenant_id: UUID, actor: Actor, mapping_id: UUID) -> MappingSample:
    """Have a task made in the list, as everything leaves; ClickUp then tells us of it as of any other.

    Raises:
        NothingFound: there is no such mapping, or it was unlinked.
        CannotBeDone: the sample before is still on its way.
    """
    mapping = await read_mapping(tx, mapping_id)
    if mapping.state != "active":
        raise NothingFound("mapping")
    await tx.execute(_ONE_AT_A_TIME, {"key": _key(mapping_id)})
    known = await read_sample(tx, mapping_id)
    if known is not None and known.state == "waiting":
        raise CannotBeDone("sample_under_way", "The sample before has not left for ClickUp yet.")
    await tx.execute(_SEND, _effect(tenant_id, mapping))
    await note(tx, tenant_id, actor, "mapping.sampled", mapping_id)
    sent = await read_sample(tx, mapping_id)
    if sent is None:
        raise NothingFound("sample")
    return sent


async def read_sample(tx: AsyncConnection, mapping_id: UUID) -> MappingSample | None:
    """The newest of the last 7 days, and how far it has come."""
    values = {"mapping": mapping_id, "key": _key(mapping_id), "kind": SAMPLE_KIND}
    row = (await tx.execute(_SAMPLE, values)).mappings().one_or_none()
    return None if row is None else MappingSample.model_validate(dict(row))


async def read_activity(tx: AsyncConnection, mapping_id: UUID) -> MappingActivity:
    """Raises: NothingFound."""
    await read_mapping(tx, mapping_id)
    values = {"mapping": mapping_id, "key": _key(mapping_id), "most": SHOWN_MAX}
    events = (await tx.execute(_EVENTS, values)).mappings()
    troubles = (await tx.execute(_TROUBLES, values)).mappings()
    return MappingActivity(
        events=[EventSummary.model_validate(dict(row)) for row in events],
        troubles=[_trouble(dict(row)) for row in troubles],
        sample=await read_sample(tx, mapping_id),
    )


def _trouble(row: dict[str, Any]) -> MappingTrouble:
    return MappingTrouble.model_validate({**row, "what": missing_of(row["what"])})


def _effect(tenant_id: UUID, mapping: MappingView) -> dict[str, Any]:
    """The row of a CreateTask; its marker is how the router-worker finds it again if the answer is lost."""
    effect_id = uuid4()
    # Of a list of which only tagged tasks are shown, a sample without the tag would show nothing.
    tag = f" {mapping.options.task_tag}" if mapping.options.tasks is TaskSelection.TAGGED else ""
    marker = f"sample {effect_id}"
    body = {
        "list_id": mapping.clickup_list_id,
        "name": f"Sample from Oblivion{tag}",
        "description": f"{_SAYS}\n\n{marker}",
        "marker": marker,
    }
    return {
        "id": effect_id,
        "tenant": tenant_id,
        "integration": mapping.clickup_integration_id,
        "destination": f"clickup:{mapping.clickup_integration_id}:list:{mapping.clickup_list_id}",
        "kind": SAMPLE_KIND,
        "payload": json.dumps(body),
        "key": _key(mapping.id),
        "priority": EventPriority.CREATION,
    }


def _key(mapping_id: UUID) -> str:
    return f"sample:{mapping_id}"


_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")
_SEND = text("""
    INSERT INTO outbox (id, tenant_id, integration_id, destination, kind, payload, coalesce_key, priority)
    VALUES (:id, :tenant, :integration, :destination, :kind, CAST(:payload AS jsonb), :key, :priority)
""")
_SAMPLE = text("""
    SELECT o.id, o.created_at AS asked_at, o.result ->> 'made' AS task_id,
        CASE WHEN o.state IN ('pending', 'sending') THEN 'waiting' WHEN o.state <> 'sent' THEN 'failed'
            WHEN t.slack_ts IS NULL THEN 'made' ELSE 'shown' END AS state,
        CASE WHEN o.state <> 'sent' THEN o.failures -> -1 ->> 'message' END AS problem,
        CASE WHEN clickup.config ->> 'sandbox' IS NULL
            THEN 'https://app.clickup.com/t/' || (o.result ->> 'made') END AS task_url,
        rtrim(slack.config ->> 'workspace_url', '/') || '/archives/' || t.slack_channel_id
            || '/p' || replace(t.slack_ts, '.', '') AS message_url
    FROM outbox o
        JOIN project_mappings p ON p.id = :mapping
        JOIN integrations clickup ON clickup.id = p.clickup_integration_id
        JOIN integrations slack ON slack.id = p.slack_integration_id
        LEFT JOIN task_mappings t
            ON t.project_mapping_id = p.id AND t.clickup_task_id = o.result ->> 'made'
    WHERE o.created_at > now() - interval '7 days' AND o.kind = :kind AND o.coalesce_key = :key
    ORDER BY o.created_at DESC, o.id LIMIT 1
""")
_EVENTS = text("""
    WITH subjects AS MATERIALIZED (
        SELECT 'task:' || clickup_task_id AS subject FROM task_mappings WHERE project_mapping_id = :mapping
        UNION SELECT 'thread:' || slack_channel_id || ':' || slack_ts FROM task_mappings
        WHERE project_mapping_id = :mapping AND slack_ts IS NOT NULL
    )
    SELECT id, received_at, source, event_type, subject, state, outcome, attempts, transport
    FROM inbound_events
    WHERE received_at > now() - interval '7 days' AND subject IN (SELECT subject FROM subjects)
    ORDER BY received_at DESC, id DESC LIMIT :most
""")
_TROUBLES = text("""
    SELECT o.id AS effect_id, coalesce(CAST(o.failures -> -1 ->> 'at' AS timestamptz), o.created_at) AS at,
        o.kind AS what, coalesce(t.clickup_task_name, 'the sample') AS task, o.attempts, o.state,
        coalesce(o.failures -> -1 ->> 'code', 'unknown') AS code, o.failures -> -1 ->> 'message' AS message
    FROM outbox o LEFT JOIN task_mappings t ON t.id = o.task_mapping_id
    WHERE o.created_at > now() - interval '7 days' AND o.failures <> '[]'
        AND (t.project_mapping_id = :mapping OR o.coalesce_key = :key)
    ORDER BY at DESC, effect_id LIMIT :most
""")
