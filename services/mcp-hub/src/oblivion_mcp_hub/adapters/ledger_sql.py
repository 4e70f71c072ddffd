# ruff: noqa: S608 - statements are put together of constants
"""What the ledger asks Postgres."""

from typing import LiteralString

from sqlalchemy import text

from oblivion_platform.runs.context import context_of

ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended('tool_calls:' || :run, 0))")


def _standing_of(run: LiteralString) -> LiteralString:
    """What a run's row and its context say, as `standing`."""
    return f"""{context_of(run)}, standing AS MATERIALIZED (
        SELECT r.fence, r.agent_id, r.allowed_tools,
            r.state IN ('assigned', 'running', 'waiting') AND r.holder IS NOT NULL AS is_held,
            ARRAY(SELECT DISTINCT coalesce(u.role, 'outsider') FROM voices v
                  LEFT JOIN users u ON u.id = v.user_id AND u.state = 'active') AS voices,
            EXISTS (SELECT FROM results LEFT JOIN mcp_connections k ON k.id = results.connection_id
                    WHERE k.is_trusted IS NOT TRUE) AS heard_tools,
            (SELECT count(*) FROM tool_calls c WHERE c.run_id = r.id) AS calls_made
        FROM runs r WHERE r.id = {run}
    )"""


STANDING_ALONE: LiteralString = f"{_standing_of('%(run)s')} SELECT * FROM standing"
STANDING = text(STANDING_ALONE.replace("%(run)s", ":run").replace("%(messages)s", ":messages"))
# What is not waited for reaches the disk with the call's end, at the latest.
SOON: LiteralString = "set_config('synchronous_commit', 'off', true)"
NOTE: LiteralString = """
    INSERT INTO tool_calls
        (id, tenant_id, connection_id, tool, caller, run_id, is_write, arguments, trust)
    VALUES (%(id)s, %(tenant)s, %(connection)s, %(tool)s, %(caller)s, %(run)s, %(is_write)s,
        %(arguments)s::text[], %(trust)s)
    RETURNING id
"""
# The statement after it looks up few rows, and is planned once: perhaps while the tables are so small that
# they would be read as a whole, then and ever after; and as if for a hundred calls, which would be compiled.
_PLANNED_FOR_FEW_ROWS: LiteralString = ", ".join(
    f"set_config('{setting}', 'off', true)"
    for setting in ("jit", "enable_seqscan", "enable_hashjoin", "enable_mergejoin")
)
# Of a run that is being judged elsewhere nothing is written here, and nobody waits for it.
LOCK_RUNS: LiteralString = f"""
    {SOON}, {_PLANNED_FOR_FEW_ROWS}, set_config('lock_timeout', '200ms', true),
    set_config('oblivion.runs', (
        SELECT coalesce(string_agg(run, ' ') FILTER (
            WHERE pg_try_advisory_xact_lock(hashtextextended('tool_calls:' || run, 0))), '')
        FROM jsonb_to_recordset(%(calls)s) AS call (run text)
    ), true)
"""
# Trust as `domain.trust.lowest` has it. What hands on fewer tools is for the steps.
NOTE_IN_RUNS: LiteralString = f"""
    INSERT INTO tool_calls
        (id, tenant_id, connection_id, tool, caller, run_id, is_write, arguments, trust)
    SELECT call.id, %(tenant)s, call.connection, call.tool, call.caller, call.run, call.is_write,
        call.arguments, judged.trust
    FROM jsonb_to_recordset(%(calls)s) AS call (id uuid, connection uuid, tool text, caller text, run uuid,
        is_write boolean, arguments text[], fence bigint, agent uuid, most bigint, passing text[])
    CROSS JOIN LATERAL (
        {_standing_of("call.run")}
        SELECT CASE
            WHEN heard_tools OR voices = '{{}}' OR NOT voices <@ ARRAY['admin', 'user', 'guest']
                THEN 'outsider'
            WHEN 'guest' = ANY(voices) THEN 'guest'
            ELSE 'member' END AS trust
        FROM standing
        WHERE is_held AND fence = call.fence AND agent_id = call.agent AND allowed_tools IS NULL
            AND calls_made < call.most
    ) AS judged
    WHERE call.run::text = ANY(string_to_array(current_setting('oblivion.runs'), ' '))
        AND judged.trust = ANY(call.passing) RETURNING id
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
