# ruff: noqa: S608 - statements are put together of constants
"""What the ledger asks Postgres."""

from typing import LiteralString

from sqlalchemy import text

ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended('tool_calls:' || :run, 0))")
# `up`: the run and whoever handed the work on to it: their people speak in it. `family`: all that belongs to
# the same piece of work: what their tools returned may stand in what the run was told, as may what those of
# earlier runs returned whose answers are in the conversation.
_PARTS = """
    WITH RECURSIVE up AS (
        SELECT id, parent_run_id, user_id, session_id FROM runs WHERE id = %(run)s
        UNION ALL
        SELECT p.id, p.parent_run_id, p.user_id, p.session_id FROM runs p JOIN up ON p.id = up.parent_run_id
    ), family AS (
        SELECT id FROM up WHERE parent_run_id IS NULL
        UNION
        SELECT c.id FROM runs c JOIN family f ON c.parent_run_id = f.id
    ), heard AS (
        SELECT m.role, m.user_id, m.run_id FROM up CROSS JOIN LATERAL (
            SELECT role, user_id, run_id FROM session_messages
            WHERE session_messages.session_id = up.session_id ORDER BY seq DESC LIMIT %(messages)s) m
    ), voices AS (
        SELECT user_id FROM up UNION SELECT user_id FROM heard WHERE role <> 'agent'
    ), standing AS MATERIALIZED (
        SELECT r.fence, r.agent_id, r.allowed_tools,
            r.state IN ('assigned', 'running', 'waiting') AND r.holder IS NOT NULL AS is_held,
            ARRAY(SELECT DISTINCT coalesce(u.role, 'outsider') FROM voices v
                  LEFT JOIN users u ON u.id = v.user_id AND u.state = 'active') AS voices,
            EXISTS (SELECT FROM tool_calls c JOIN mcp_connections k ON k.id = c.connection_id
                    WHERE NOT k.is_trusted AND (c.run_id IN (SELECT id FROM family)
                        OR c.run_id IN (SELECT run_id FROM heard WHERE role = 'agent'))) AS heard_tools,
            (SELECT count(*) FROM tool_calls c WHERE c.run_id = r.id) AS calls_made
        FROM runs r WHERE r.id = %(run)s
    )"""
STANDING = text(
    f"{_PARTS} SELECT * FROM standing".replace("%(run)s", ":run").replace("%(messages)s", ":messages")
)
STANDING_ALONE: LiteralString = f"{_PARTS} SELECT * FROM standing"
_COLUMNS = """
    INSERT INTO tool_calls
        (id, tenant_id, connection_id, tool, caller, run_id, is_write, arguments, trust)
    SELECT %(id)s, %(tenant)s, %(connection)s, %(tool)s, %(caller)s, %(run)s, %(is_write)s,
        %(arguments)s::text[],"""
NOTE: LiteralString = f"{_COLUMNS} %(trust)s RETURNING id"
# What is not waited for reaches the disk with the call's end, at the latest.
SOON: LiteralString = "SELECT set_config('synchronous_commit', 'off', true)"
LOCK: LiteralString = f"{SOON}, pg_advisory_xact_lock(hashtextextended('tool_calls:' || %(run)s::text, 0))"
# Trust as `domain.trust.lowest` has it. What hands on fewer tools is for the steps.
NOTE_IN_RUN: LiteralString = f"""{_PARTS}, trusted AS (
        SELECT calls_made, CASE
            WHEN heard_tools OR voices = '{{}}' OR NOT voices <@ ARRAY['admin', 'user', 'guest']
                THEN 'outsider'
            WHEN 'guest' = ANY(voices) THEN 'guest'
            ELSE 'member' END AS trust
        FROM standing
        WHERE is_held AND fence = %(fence)s AND agent_id = %(agent)s AND allowed_tools IS NULL
    )
    {_COLUMNS} trust FROM trusted
    WHERE calls_made < %(most)s AND trust = ANY(%(passing)s::text[]) RETURNING trust
"""
APPROVED = text("""
    SELECT a.id FROM approvals a JOIN users u ON u.id = a.answered_by
    WHERE a.run_id = :run AND a.state = 'approved' AND a.question = :question AND a.detail = :detail
        AND u.state = 'active' AND u.role IN ('admin', 'user')
        AND NOT EXISTS (SELECT FROM tool_calls c WHERE c.approval_id = a.id)
    ORDER BY a.asked_at LIMIT 1
""")
BEGIN = text("""
    INSERT INTO tool_calls (id, tenant_id, connection_id, tool, caller, run_id, trust, is_write, arguments,
        approval_id)
    VALUES (:id, :tenant, :connection, :tool, :caller, :run, :trust, :is_write, CAST(:arguments AS text[]),
        :approval)
""")
