"""What of a tenant waits, is worked on and was done, told by its rows: queues hold ids of all tenants."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_contracts.queues import QueueView


async def read_queues(tx: AsyncConnection) -> list[QueueView]:
    """Events, runs and effects, in the order in which work goes through them."""
    return [QueueView.model_validate(dict(row)) for row in (await tx.execute(_QUEUES)).mappings()]


# Done within an hour, and come within the day before: the indexes of the lists serve it, and need no others.
_QUEUES = text("""
    WITH at AS (SELECT now() - interval '1 hour' AS hour, now() - interval '25 hours' AS day)
    SELECT 'webhook-processing' AS name,
        (SELECT count(*) FROM inbound_events WHERE state = 'received') AS depth, 0 AS active,
        (SELECT min(received_at) FROM inbound_events WHERE state = 'received') AS oldest,
        count(*) FILTER (WHERE state IN ('done', 'ignored')) AS done_last_hour,
        count(*) FILTER (WHERE state = 'dead') AS given_up_last_hour,
        avg(extract(epoch FROM processed_at - received_at))
            FILTER (WHERE state IN ('done', 'ignored'))::float8 AS took_s
    FROM inbound_events, at WHERE received_at > at.day AND processed_at > at.hour
    UNION ALL
    SELECT 'ai-agent-tasks', live.depth, live.active, live.oldest,
        count(*) FILTER (WHERE state = 'succeeded'), count(*) FILTER (WHERE state = 'failed'),
        avg(extract(epoch FROM finished_at - created_at)) FILTER (WHERE state = 'succeeded')::float8
    FROM (
        SELECT count(*) FILTER (WHERE is_waiting) AS depth, count(*) FILTER (WHERE NOT is_waiting) AS active,
            min(created_at) FILTER (WHERE is_waiting) AS oldest
        FROM (SELECT created_at, state IN ('queued', 'routed') OR waiting_for = 'agent' IS TRUE AS is_waiting
              FROM runs WHERE state IN ('queued', 'routed', 'assigned', 'running', 'waiting')) run
    ) live CROSS JOIN at LEFT JOIN runs ON runs.created_at > at.day AND runs.finished_at > at.hour
    GROUP BY live.depth, live.active, live.oldest
    UNION ALL
    SELECT 'outbox', live.depth, live.active, live.oldest,
        count(*) FILTER (WHERE state = 'sent'), count(*) FILTER (WHERE state = 'dead'),
        avg(extract(epoch FROM sent_at - outbox.created_at)) FILTER (WHERE state = 'sent')::float8
    FROM (
        SELECT count(*) FILTER (WHERE state = 'pending') AS depth,
            count(*) FILTER (WHERE state = 'sending') AS active,
            min(created_at) FILTER (WHERE state = 'pending') AS oldest
        FROM outbox WHERE state IN ('pending', 'sending')
    ) live CROSS JOIN at LEFT JOIN outbox
        ON outbox.created_at > at.day
        AND (outbox.sent_at > at.hour OR (outbox.state = 'dead' AND outbox.created_at > at.hour))
    GROUP BY live.depth, live.active, live.oldest
""")
