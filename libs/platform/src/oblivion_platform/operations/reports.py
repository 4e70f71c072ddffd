"""What can only be looked at: the audit log, stored tokens without their values, figures, tenants."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_contracts.administration import AuditLine, CredentialView, Overview, StatPoint, TenantView
from oblivion_platform.operations.dead_letters import DEAD

AUDIT_WITHIN_S = 5.0


@dataclass(frozen=True)
class AuditFilter:
    """Which lines to list; what is not given lists all."""

    actor: str | None = None
    action: str | None = None
    words: tuple[str, ...] = ()
    """All of them stand in a line, in any case; names of the people and agents that it is about count."""
    limit: int = 50
    before: tuple[datetime, UUID] | None = None
    """Where the page before ended."""


async def list_audit(tx: AsyncConnection, wanted: AuditFilter) -> list[AuditLine]:
    """Newest first.

    Raises:
        DependencyUnavailable: so many lines were read in vain that time is up.
    """
    at, last = wanted.before or (None, None)
    values = {
        "actor": wanted.actor,
        "action": wanted.action,
        "words": list(wanted.words),
        "limit": wanted.limit,
        "at": at,
        "last": last,
    }
    await tx.execute(_AUDIT_WITHIN)
    rows = await tx.execute(_AUDIT, values)
    return [AuditLine.model_validate(dict(row)) for row in rows.mappings()]


async def list_credentials(tx: AsyncConnection) -> list[CredentialView]:
    """Every stored token that is live, without its value."""
    rows = await tx.execute(_CREDENTIALS)
    return [CredentialView.model_validate(dict(row)) for row in rows.mappings()]


async def list_stats(tx: AsyncConnection, *, metric: str | None, minutes: int) -> list[StatPoint]:
    """Figures of the last so many minutes, oldest first.

    What the rows of events and runs say is counted here, from the last minute that was counted on; said
    again, it changes nothing.
    """
    await tx.execute(_COUNT)
    rows = await tx.execute(_STATS, {"metric": metric, "minutes": minutes})
    return [StatPoint.model_validate(dict(row)) for row in rows.mappings()]


async def read_overview(tx: AsyncConnection) -> Overview:
    """What lives now, and the last 24 hours."""
    row = (await tx.execute(_OVERVIEW)).mappings().one()
    return Overview.model_validate(dict(row))


async def list_tenants(shared: AsyncConnection) -> list[TenantView]:
    rows = await shared.execute(_TENANTS)
    return [TenantView.model_validate(dict(row)) for row in rows.mappings()]


# Names are looked for first: joined to the log, each of its lines would be laid beside each name.
_AUDIT = text("""
    WITH known AS (
        SELECT id::text, name FROM users UNION ALL SELECT 'user:' || id, name FROM users
        UNION ALL SELECT id::text, name FROM agents
    ), named AS MATERIALIZED (
        SELECT word, id FROM unnest(CAST(:words AS text[])) AS word
            JOIN known ON strpos(lower(name), lower(word)) > 0
    )
    SELECT id, at, actor, action, subject, detail FROM audit_log
    WHERE (CAST(:actor AS text) IS NULL OR actor = :actor)
        AND (CAST(:action AS text) IS NULL OR action = :action)
        AND NOT EXISTS (
            SELECT FROM unnest(CAST(:words AS text[])) AS word
            WHERE strpos(lower(concat_ws(' ', actor, action, subject, detail)), lower(word)) = 0
                AND (word, actor) NOT IN (SELECT word, id FROM named)
                AND (word, subject) NOT IN (SELECT word, id FROM named))
        AND (CAST(:at AS timestamptz) IS NULL
             OR (at, id) < (CAST(:at AS timestamptz), CAST(:last AS uuid)))
    ORDER BY at DESC, id DESC LIMIT :limit
""")
_AUDIT_WITHIN = text(f"SET LOCAL statement_timeout = {int(AUDIT_WITHIN_S * 1000)}")
_CREDENTIALS = text("""
    SELECT c.id, c.integration_id, c.connection_id, c.kind, c.state, c.expires_at, c.last_used_at,
        c.created_at, coalesce(i.source, m.provider, '') AS source,
        coalesce(nullif(i.name, ''), i.external_id, m.name, '') AS name
    FROM credentials c LEFT JOIN integrations i ON i.id = c.integration_id
        LEFT JOIN mcp_connections m ON m.id = c.connection_id
    WHERE c.state = 'live' ORDER BY c.created_at, c.id
""")
_STATS = text("""
    SELECT minute, metric, label, count, sum, max FROM stats_minutely
    WHERE minute > now() - make_interval(mins => :minutes)
        AND (CAST(:metric AS text) IS NULL OR metric = :metric)
    ORDER BY minute, metric, label LIMIT 20000
""")
# Whoever commits a row a little late still falls into the two minutes that are counted again.
_COUNT = text("""
    WITH since AS (
        SELECT coalesce(max(minute), now() - interval '7 days') - interval '2 minutes' AS at
        FROM stats_minutely
        WHERE metric IN ('events.received', 'events.handled', 'runs.asked', 'runs.finished', 'effects.sent')
    )
    INSERT INTO stats_minutely (tenant_id, minute, metric, label, count, sum, max)
    SELECT oblivion_tenant(), minute, metric, label, count(*), coalesce(sum(value), 0),
        coalesce(max(value), 0)
    FROM (
        SELECT date_trunc('minute', received_at) AS minute, 'events.received' AS metric, source AS label,
            CAST(0 AS double precision) AS value
        FROM inbound_events, since WHERE received_at >= date_trunc('minute', since.at)
        UNION ALL
        SELECT date_trunc('minute', created_at), 'runs.asked', source, 0
        FROM runs, since WHERE created_at >= date_trunc('minute', since.at)
        UNION ALL
        SELECT date_trunc('minute', finished_at), 'runs.finished', state,
            extract(epoch FROM finished_at - created_at)
        FROM runs, since WHERE finished_at >= date_trunc('minute', since.at)
        UNION ALL
        SELECT date_trunc('minute', processed_at), 'events.handled', source,
            extract(epoch FROM processed_at - received_at)
        FROM inbound_events, since
        WHERE processed_at >= date_trunc('minute', since.at) AND received_at > since.at - interval '1 day'
        UNION ALL
        SELECT date_trunc('minute', sent_at), 'effects.sent', split_part(kind, '.', 1),
            extract(epoch FROM sent_at - created_at)
        FROM outbox, since
        WHERE sent_at >= date_trunc('minute', since.at) AND created_at > since.at - interval '1 day'
    ) counted
    GROUP BY minute, metric, label ORDER BY minute, metric, label
    ON CONFLICT (tenant_id, minute, metric, label)
    DO UPDATE SET count = excluded.count, sum = excluded.sum, max = excluded.max
""")
_OVERVIEW = text(f"""
    SELECT
        (SELECT coalesce(jsonb_object_agg(state, number), '{{}}') FROM (
            SELECT state, count(*) AS number FROM inbound_events
            WHERE state = 'received' OR received_at > now() - interval '24 hours'
            GROUP BY state) e) AS events,
        (SELECT min(received_at) FROM inbound_events WHERE state = 'received') AS oldest_waiting,
        (SELECT coalesce(jsonb_object_agg(state, number), '{{}}') FROM (
            SELECT state, count(*) AS number FROM runs
            WHERE created_at > now() - interval '24 hours' OR finished_at IS NULL GROUP BY state) r) AS runs,
        (SELECT count(*) FROM approvals WHERE state = 'pending') AS approvals,
        (SELECT count(*) FROM ({DEAD}) dead) AS dead_letters,
        (SELECT coalesce(sum(cost_usd), 0) FROM runs
            WHERE created_at > now() - interval '24 hours') AS cost_usd
""")  # noqa: S608 - a constant
_TENANTS = text("SELECT id, slug, name, state, created_at FROM tenants ORDER BY slug")
