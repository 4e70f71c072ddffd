"""Whose words are in a run's context: the parts of a statement, for those who judge by it.

The gateway asks it of an earlier run, when another one reads it, and the MCP hub of a run at each of its
calls. Both begin with the same parts, so that what counts is written once.
"""

from typing import LiteralString

MESSAGES_HEARD = 100
"""Of a session, the newest: those that an agent is given."""


def context_of(run: LiteralString, *, said_until: LiteralString | None = None) -> LiteralString:
    """`WITH RECURSIVE …`, with `voices (user_id)`, `results (connection_id)` and `up` to select from.

    To be executed with `messages`: how many of a session count, `MESSAGES_HEARD` as a rule.

    `voices`: of everybody who may have said something in it; NULL: somebody whom nobody knows.
    `results`: of whose tools it may know what they returned.
    `up`: the run, and whoever handed the work on to it; none when there is no such run.
    """
    until = "" if said_until is None else f"AND at <= {said_until}"
    # `family`: all that belongs to the same piece of work. `answered`: beside them, earlier runs whose
    # answers are in the conversation, and those that helped them. `readings`: what any of them found.
    # OFFSET 0 and arrays keep Postgres, which cannot know how few they are, from reading whole tables.
    return f"""
    WITH RECURSIVE up AS (
        SELECT id, parent_run_id FROM runs WHERE id = {run}
        UNION ALL
        SELECT p.id, p.parent_run_id FROM runs p JOIN up ON p.id = up.parent_run_id
    ), family AS (
        SELECT r.id, r.user_id, r.session_id FROM runs r JOIN up ON r.id = up.id
        WHERE up.parent_run_id IS NULL
        UNION
        SELECT c.id, c.user_id, c.session_id FROM family f CROSS JOIN LATERAL (
            SELECT id, user_id, session_id FROM runs WHERE parent_run_id = f.id OFFSET 0) c
    ), heard AS (
        SELECT m.role, m.user_id, m.run_id
        FROM (SELECT DISTINCT session_id FROM family) s CROSS JOIN LATERAL (
            SELECT role, user_id, run_id FROM session_messages
            WHERE session_messages.session_id = s.session_id {until} ORDER BY seq DESC LIMIT %(messages)s) m
    ), answered AS (
        SELECT unnest(ARRAY(
            SELECT id FROM family UNION SELECT run_id FROM heard WHERE role = 'agent' AND run_id IS NOT NULL
        )) AS id
        UNION
        SELECT c.id FROM answered a CROSS JOIN LATERAL (
            SELECT id FROM runs WHERE parent_run_id = a.id OFFSET 0) c
    ), readings AS (
        SELECT speakers, connections FROM history_readings WHERE run_id = ANY(ARRAY(SELECT id FROM answered))
    ), voices AS (
        SELECT user_id FROM family
        UNION ALL SELECT user_id FROM heard WHERE role <> 'agent'
        UNION ALL SELECT unnest(speakers) FROM readings
    ), results AS (
        SELECT connection_id FROM tool_calls WHERE run_id = ANY(ARRAY(SELECT id FROM answered))
        UNION ALL SELECT unnest(connections) FROM readings
    )"""  # noqa: S608 - constants
