"""Rows around runs that only the router-worker needs: rules, decisions, labels, who works in a thread."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_platform import runs
from oblivion_platform.database.statements import execute, fetch
from oblivion_platform.routing import Decision as RouteDecision
from oblivion_platform.runs import Run
from oblivion_router_worker.domain.records import Integration
from oblivion_router_worker.ports.running import Label, Listed, RouteRules, Ruled


class PostgresRunDesk:
    """Implements `ports.running.RunDesk` in the transaction `tx`."""

    def __init__(self, tx: AsyncConnection, tenant_id: UUID) -> None:
        self._tx = tx
        self._tenant_id = tenant_id

    async def live_in(self, thread: str, *, lock: bool = False) -> Run | None:
        while rows := await fetch(self._tx, _LIVE_IN, {"tenant": self._tenant_id, "thread": thread}):
            run = await runs.read(self._tx, rows[0].id, lock=lock)
            if run is None or not run.state.is_final:
                return run
            # It ended while we waited for its lock: perhaps the next one is at work.
        return None

    async def asked_by(self, thread: str, question_ts: str) -> Run | None:
        values = {"tenant": self._tenant_id, "thread": thread, "ts": question_ts}
        rows = await fetch(self._tx, _ASKED_BY, values)
        return await runs.read(self._tx, rows[0].id, lock=True) if rows else None

    async def run_of_question(self, integration_id: UUID, channel: str, ts: str) -> UUID | None:
        place = json.dumps({"integration_id": str(integration_id), "channel": channel, "question_ts": ts})
        rows = await fetch(self._tx, _OF_QUESTION, {"tenant": self._tenant_id, "place": place})
        return rows[0].id if rows else None

    async def session_of(self, thread: str) -> UUID | None:
        rows = await fetch(self._tx, _SESSION_OF, {"tenant": self._tenant_id, "thread": thread})
        return rows[0].id if rows else None

    async def linked_lists(self, slack_integration_id: UUID) -> Sequence[tuple[str, str]]:
        values = {"tenant": self._tenant_id, "slack": slack_integration_id}
        rows = await fetch(self._tx, _LINKED_LISTS, values)
        return [(f"{row.clickup_integration_id}|{row.clickup_list_id}", row.name) for row in rows]

    async def slack_integration(self) -> UUID | None:
        rows = await fetch(self._tx, _SLACKS, {"tenant": self._tenant_id})
        return rows[0].id if rows else None

    async def clickup_integrations(self) -> Sequence[Integration]:
        rows = await fetch(self._tx, _CLICKUPS, {"tenant": self._tenant_id})
        return [
            Integration(row.id, row.tenant_id, row.source, row.external_id, row.config or {}) for row in rows
        ]

    async def link_list(
        self, clickup_id: UUID, list_id: str, list_name: str, slack_id: UUID, channel: str
    ) -> None:
        values = {
            "id": uuid4(),
            "tenant": self._tenant_id,
            "clickup": clickup_id,
            "list": list_id,
            "name": list_name[:200],
            "slack": slack_id,
            "channel": channel,
        }
        await execute(self._tx, _LINK_LIST, values)

    async def rules(self, session_id: UUID, integration_id: str | None, channel: str | None) -> RouteRules:
        place = f"slack:{integration_id}:{channel}" if channel else ""
        values = {
            "tenant": self._tenant_id,
            "place": place,
            "channel": channel,
            "slack": integration_id,
            "session": session_id,
        }
        found = {
            (row.kind, row.scope): Ruled(row.agent_id, row.task)
            for row in await fetch(self._tx, _RULES, values)
        }
        in_thread = found.get(("thread", ""))
        return RouteRules(
            override=found.get(("override", place)) or found.get(("override", "")),
            channel_default=found.get(("default", place))
            or found.get(("default", "mapping"))
            or found.get(("default", "")),
            in_thread=in_thread.agent_id if in_thread else None,
        )

    async def note_decision(
        self, run_id: UUID, agent_id: UUID | None, decision: RouteDecision, us: int
    ) -> None:
        candidates = [{"agent": each.agent, "score": each.score} for each in decision.candidates]
        values = {
            "id": uuid4(),
            "tenant": self._tenant_id,
            "run": run_id,
            "stage": decision.stage.value,
            "agent": agent_id,
            "task": decision.task,
            "score": decision.score,
            "reason": decision.reason[:500],
            "candidates": json.dumps(candidates),
            "us": us,
        }
        await execute(self._tx, _NOTE_DECISION, values)

    async def note_label(self, label: Label) -> None:
        values = {
            "id": uuid4(),
            "tenant": self._tenant_id,
            "run": label.run_id,
            "kind": label.kind,
            "agent": label.agent_id,
            "user": label.user_id,
            "by": label.labelled_by,
        }
        await execute(self._tx, _NOTE_LABEL, values)

    async def change_prompt(self, run_id: UUID, prompt: str) -> None:
        await execute(self._tx, _CHANGE_PROMPT, {"run": run_id, "prompt": prompt})

    async def want_agent(self, run_id: UUID, agent: str) -> None:
        await execute(self._tx, _WANT_AGENT, {"run": run_id, "agent": agent})

    async def keep_in_place(self, run_id: UUID, values: Mapping[str, Any]) -> None:
        await execute(self._tx, _KEEP_IN_PLACE, {"run": run_id, "place": json.dumps(values)})

    async def spent_today_usd(self, agent_id: UUID) -> float:
        (row,) = await fetch(self._tx, _SPENT, {"tenant": self._tenant_id, "agent": agent_id})
        return float(row.spent)

    async def listed(self, user_id: UUID | None, *, live_only: bool, limit: int = 10) -> Sequence[Listed]:
        values = {"tenant": self._tenant_id, "user": user_id, "live": live_only, "limit": limit}
        rows = await fetch(self._tx, _LISTED, values)
        return [Listed(row.id, row.state, row.agent, row.prompt, row.channel, row.created_at) for row in rows]


_LIVE = "state IN ('queued', 'routed', 'assigned', 'running', 'waiting')"
_LIVE_IN = f"""
    SELECT id FROM runs WHERE tenant_id = %(tenant)s AND thread = %(thread)s AND {_LIVE}
    ORDER BY state = 'queued', created_at, id LIMIT 1
"""  # noqa: S608 - constants of this module
_ASKED_BY = f"""
    SELECT id FROM runs WHERE tenant_id = %(tenant)s AND thread = %(thread)s AND {_LIVE}
      AND place ->> 'question_ts' = %(ts)s
    ORDER BY created_at LIMIT 1
"""  # noqa: S608 - constants of this module
_OF_QUESTION = f"""
    SELECT id FROM runs WHERE tenant_id = %(tenant)s AND {_LIVE} AND place @> CAST(%(place)s AS jsonb)
    ORDER BY created_at LIMIT 1
"""  # noqa: S608 - constants of this module
_SESSION_OF = "SELECT id FROM sessions WHERE tenant_id = %(tenant)s AND thread = %(thread)s"
_LINKED_LISTS = """
    SELECT DISTINCT clickup_integration_id, clickup_list_id,
        coalesce(nullif(clickup_list_name, ''), clickup_list_id) AS name
    FROM project_mappings
    WHERE tenant_id = %(tenant)s AND slack_integration_id = %(slack)s AND state = 'active' ORDER BY name
"""
_SLACKS = """
    SELECT id FROM integrations WHERE tenant_id = %(tenant)s AND source = 'slack' AND state = 'active'
    ORDER BY created_at LIMIT 1
"""
_CLICKUPS = """
    SELECT id, tenant_id, source, external_id, config FROM integrations
    WHERE tenant_id = %(tenant)s AND source = 'clickup' AND state = 'active' ORDER BY created_at
"""
_LINK_LIST = """
    INSERT INTO project_mappings (id, tenant_id, clickup_integration_id, clickup_list_id, clickup_list_name,
        slack_integration_id, slack_channel_id)
    VALUES (%(id)s, %(tenant)s, %(clickup)s, %(list)s, %(name)s, %(slack)s, %(channel)s)
    ON CONFLICT (tenant_id, clickup_integration_id, clickup_list_id, slack_integration_id, slack_channel_id)
        WHERE state = 'active' DO NOTHING
"""
_RULES = """
    SELECT kind, scope, agent_id, task FROM route_rules
    WHERE tenant_id = %(tenant)s AND scope IN ('', %(place)s)
      AND (expires_at IS NULL OR expires_at > clock_timestamp())
    UNION ALL
    SELECT 'default', 'mapping', a.id, NULL FROM project_mappings p
    JOIN agents a ON a.tenant_id = p.tenant_id AND a.name = p.options -> 'agents' ->> 'default_agent'
    WHERE p.tenant_id = %(tenant)s AND p.slack_integration_id = CAST(%(slack)s AS uuid)
      AND p.slack_channel_id = %(channel)s AND p.state = 'active'
    UNION ALL
    SELECT 'thread', '', agent_id, NULL FROM sessions WHERE id = %(session)s AND agent_id IS NOT NULL
"""
_NOTE_DECISION = """
    INSERT INTO route_decisions (id, tenant_id, run_id, stage, agent_id, task, score, reason, candidates,
                                 elapsed_us)
    VALUES (%(id)s, %(tenant)s, %(run)s, %(stage)s, %(agent)s, %(task)s, %(score)s, %(reason)s,
            CAST(%(candidates)s AS jsonb), %(us)s)
"""
# A thumb up is no thumb down any more: a person's other one turns into it.
_NOTE_LABEL = """
    WITH turned AS (
        UPDATE route_labels SET kind = %(kind)s, agent_id = %(agent)s, at = clock_timestamp()
        WHERE tenant_id = %(tenant)s AND run_id = %(run)s AND labelled_by = %(by)s
          AND kind = CASE %(kind)s WHEN 'good' THEN 'bad' WHEN 'bad' THEN 'good' END
          AND NOT EXISTS (SELECT FROM route_labels same WHERE same.tenant_id = %(tenant)s
                          AND same.run_id = %(run)s AND same.labelled_by = %(by)s AND same.kind = %(kind)s)
        RETURNING id
    )
    INSERT INTO route_labels (id, tenant_id, run_id, kind, agent_id, user_id, labelled_by)
    SELECT %(id)s, %(tenant)s, %(run)s, %(kind)s, %(agent)s, %(user)s, %(by)s
    WHERE NOT EXISTS (SELECT FROM turned)
    ON CONFLICT (tenant_id, run_id, labelled_by, kind) DO UPDATE
    SET agent_id = excluded.agent_id, at = clock_timestamp()
"""
_CHANGE_PROMPT = "UPDATE runs SET prompt = %(prompt)s WHERE id = %(run)s"
_WANT_AGENT = """
    UPDATE runs SET wanted = wanted || jsonb_build_object('agent', %(agent)s::text),
        wake_at = clock_timestamp()
    WHERE id = %(run)s AND state = 'queued'
"""
_KEEP_IN_PLACE = "UPDATE runs SET place = place || CAST(%(place)s AS jsonb) WHERE id = %(run)s"
_SPENT = """
    SELECT coalesce(sum(cost_usd), 0) AS spent FROM runs
    WHERE tenant_id = %(tenant)s AND agent_id = %(agent)s
      AND created_at >= date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
"""
_LISTED = f"""
    SELECT r.id, r.state, a.name AS agent, r.prompt, r.place ->> 'channel' AS channel, r.created_at
    FROM runs r LEFT JOIN agents a ON a.id = r.agent_id
    WHERE r.tenant_id = %(tenant)s AND (CAST(%(user)s AS uuid) IS NULL OR r.user_id = %(user)s)
      AND (NOT %(live)s OR r.{_LIVE})
    ORDER BY r.created_at DESC LIMIT %(limit)s
"""  # noqa: S608 - constants of this module
