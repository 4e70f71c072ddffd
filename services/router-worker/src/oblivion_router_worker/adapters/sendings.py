"""A leased row of `outbox`, with its targets as they are now, as its sender takes it."""

from typing import Any

from oblivion_router_worker.domain.effects import DeleteComment, DeleteReply, Effect, body_from_payload
from oblivion_router_worker.ports.delivery import Sending


def sending_of(row: Any, lease_ends_at: float) -> Sending:
    """From a row of `AS_SENDING`.

    Raises:
        ValueError: of a kind or with fields that this version does not know.
    """
    body = body_from_payload(row.kind, row.payload)
    known = body.copy_id if isinstance(body, DeleteReply | DeleteComment) else None
    effect = Effect(
        id=row.id,
        tenant_id=row.tenant_id,
        integration_id=row.integration_id,
        destination=row.destination,
        body=body,
        priority=row.priority,
        event_id=row.event_id,
        task_mapping_id=row.task_mapping_id,
        mirror_event_id=row.mirror_event_id,
        run_id=row.run_id,
    )
    return Sending(
        effect=effect,
        attempt=row.attempts,
        unanswered=row.unanswered,
        created_at=float(row.created_at_s),
        age_s=float(row.age_s),
        lease_ends_at=lease_ends_at,
        channel=row.slack_channel_id,
        thread_ts=row.slack_ts,
        copy_id=known or row.copy_id,
        is_creation_dead=bool(row.is_creation_dead),
        has_problem=bool(row.has_problem),
        was_refused=bool(row.was_refused),
        place=row.place or {},
        traceparent=row.traceparent,
    )


AS_SENDING = """SELECT o.id, o.tenant_id, o.integration_id, o.destination, o.kind, o.payload, o.priority,
        o.event_id, o.task_mapping_id, o.mirror_event_id, o.run_id, o.attempts, o.unanswered, r.place,
        coalesce(r.traceparent, (SELECT e.traceparent FROM inbound_events e WHERE e.id = o.event_id))
            AS traceparent,
        extract(epoch FROM o.created_at) AS created_at_s,
        extract(epoch FROM clock_timestamp() - o.created_at) AS age_s,
        t.slack_channel_id, t.slack_ts, m.copy_id, p.problem IS NOT NULL AS has_problem,
        i.health ->> 'status' = 'token_refused' AS was_refused,
        CASE WHEN t.slack_ts IS NULL OR m.copy_id IS NULL THEN EXISTS (
            SELECT FROM outbox c WHERE c.tenant_id = o.tenant_id AND c.task_mapping_id = o.task_mapping_id
            AND c.state = 'dead'
            AND c.kind IN ('slack.post_task', 'slack.post_reply', 'clickup.create_comment')
            AND (c.mirror_event_id IS NULL OR c.mirror_event_id = o.mirror_event_id)
        ) END AS is_creation_dead
    FROM leased o
    JOIN integrations i ON i.id = o.integration_id
    LEFT JOIN task_mappings t ON t.id = o.task_mapping_id
    LEFT JOIN project_mappings p ON p.id = t.project_mapping_id
    LEFT JOIN mirror_events m ON m.id = o.mirror_event_id
    LEFT JOIN runs r ON r.id = o.run_id
"""
"""The end of a statement whose `leased` are rows of `outbox`."""
