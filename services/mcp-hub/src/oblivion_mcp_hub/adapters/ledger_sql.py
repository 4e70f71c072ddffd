# ruff: noqa: S608 - statements are put together of constants
"""What the ledger asks Postgres."""

from typing import LiteralString

from sqlalchemy import text

from oblivion_platform.runs.context import context_of

ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended('tool_calls:' || :run, 0))")
_PARTS = f"""{context_of("%(run)s")}, standing AS MATERIALIZED (
        SELECT r.fence, r.agent_id, r.allowed_tools,
            r.state IN ('assigned', 'running', 'waiting') AND r.holder IS NOT NULL AS is_held,
            ARRAY(SELECT DISTINCT coalesce(u.role, 'outsider') FROM voices v
                  LEFT JOIN users u ON u.id = v.user_id AND u.state = 'active') AS voices,
            EXISTS (SELECT FROM results LEFT JOIN mcp_connections k ON k.id = results.connection_id
                    WHERE k.is_trusted IS NOT TRUE) AS heard_tools,
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
