"""Sessions as rows. Every change raises the session's version by one."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_contracts.runs import RunSource
from oblivion_contracts.sessions import MESSAGES_KEPT, SessionSnapshot
from oblivion_platform.database.engine import driver_of
from oblivion_platform.database.statements import execute, fetch, first, scalar
from oblivion_platform.sessions.records import Appended, NewSessionRow, Said, SessionRow, SessionUnknown


async def create(tx: AsyncConnection, tenant_id: UUID, new: NewSessionRow) -> SessionRow:
    """Begin a session."""
    await execute(tx, _INSERT, _values(tenant_id, new))
    return await _known(tx, new.id)


async def open_for_thread(tx: AsyncConnection, tenant_id: UUID, new: NewSessionRow) -> SessionRow:
    """The session of `new.thread`: the one that is there (with an owner, if it had none), or `new`."""
    return _session(await first(tx, _OPEN, _values(tenant_id, new)))


async def read(tx: AsyncConnection, session_id: UUID) -> SessionRow | None:
    row = await first(tx, _READ, {"id": session_id})
    return None if row is None else _session(row)


async def listing(
    tx: AsyncConnection,
    *,
    user_id: UUID | None,
    before: tuple[datetime, UUID] | None = None,
    limit: int = 50,
) -> Sequence[SessionRow]:
    """Sessions, the newest change first; of one user, or of all for `user_id` None."""
    at, last = before or (None, None)
    values = {"user": user_id, "at": at, "last": last, "limit": limit}
    return [_session(row) for row in await fetch(tx, _LIST, values)]


async def append_message(tx: AsyncConnection, session_id: UUID, said: Said) -> Appended:
    """Store a message once.

    Raises:
        SessionUnknown: no such session of this tenant.
    """
    values = {
        "session": session_id,
        "role": said.role,
        "author": said.author[:200],
        "user": said.user_id,
        "body": said.text,
        "source": said.source.value,
        "ref": said.source_ref,
        "run": said.run_id,
        "asked_run": said.asked_run_id,
        "place": json.dumps(dict(said.place)),
    }
    row = await first(tx, _APPEND, values)
    if row is not None:
        return Appended(row.seq, row.version, is_new=True)
    known = await first(tx, _APPENDED, {"session": session_id, "ref": said.source_ref})
    if known is None:
        raise SessionUnknown
    return Appended(known.seq, known.version, is_new=False)


async def edit_message(tx: AsyncConnection, session_id: UUID, source_ref: str, body: str) -> Appended | None:
    """What was said is different now; None when it was never stored, or is the same."""
    values = {"session": session_id, "ref": source_ref, "body": body}
    row = await first(tx, _EDIT, values)
    return None if row is None else Appended(row.seq, row.version, is_new=False)


async def set_current(tx: AsyncConnection, session_id: UUID, agent_id: UUID, task: str) -> int | None:
    """Who answers in this session from now on; the new version, or None when nothing changed."""
    values = {"id": session_id, "agent": agent_id, "task": task}
    return await scalar(tx, _SET_CURRENT, values)


async def set_switches(
    tx: AsyncConnection,
    session_id: UUID,
    *,
    title: str | None = None,
    visible_in_slack: bool | None = None,
    preferences: Mapping[str, Any] | None = None,
    workflow: Mapping[str, Any] | None = None,
) -> int:
    """Change what is given; the new version. None leaves a value as it is.

    Raises:
        SessionUnknown: no such session of this tenant.
    """
    values = {
        "id": session_id,
        "title": title,
        "visible": visible_in_slack,
        "preferences": None if preferences is None else json.dumps(preferences),
        "workflow": None if workflow is None else json.dumps(workflow),
    }
    version = await scalar(tx, _SET_SWITCHES, values)
    if version is None:
        raise SessionUnknown
    return version


async def snapshot(
    tx: AsyncConnection, session_id: UUID, *, messages: int = MESSAGES_KEPT
) -> SessionSnapshot | None:
    """The session with its last messages, oldest first.

    Postgres writes the JSON that the contract reads: a hundred rows would cost ten times as much.
    """
    values = {"id": session_id, "messages": messages}
    row = await (await driver_of(tx).execute(_SNAPSHOT, values)).fetchone()
    return None if row is None else SessionSnapshot.model_validate_json(row[0])


def _values(tenant_id: UUID, new: NewSessionRow) -> dict[str, Any]:
    return {
        "id": new.id,
        "tenant": tenant_id,
        "user": new.user_id,
        "source": new.source.value,
        "thread": new.thread,
        "title": new.title[:200],
        "agent": new.agent_id,
        "task": new.task,
        "workflow": json.dumps(dict(new.workflow)),
        "preferences": json.dumps(dict(new.preferences)),
        "visible": new.visible_in_slack,
    }


async def _known(tx: AsyncConnection, session_id: UUID) -> SessionRow:
    session = await read(tx, session_id)
    if session is None:
        raise SessionUnknown
    return session


def _session(row: Any) -> SessionRow:
    values = row._asdict()
    values["source"] = RunSource(values["source"])
    return SessionRow(**values)


_INSERT = """
    INSERT INTO sessions (id, tenant_id, user_id, source, thread, title, agent_id, task, workflow,
        preferences, visible_in_slack)
    VALUES (%(id)s, %(tenant)s, %(user)s, %(source)s, %(thread)s, %(title)s, %(agent)s, %(task)s,
        CAST(%(workflow)s AS jsonb), CAST(%(preferences)s AS jsonb), %(visible)s)"""
_COLUMNS = """s.id, s.tenant_id, s.user_id, s.source, s.thread, s.title, s.agent_id, a.name AS agent, s.task,
    s.workflow, s.preferences, s.visible_in_slack, s.version, s.last_message_seq, s.created_at, s.updated_at,
    s.archived_at"""
_ITS_AGENT = "LEFT JOIN agents a ON a.tenant_id = s.tenant_id AND a.id = s.agent_id"
_FROM = f"FROM sessions s {_ITS_AGENT}"
_OPEN = f"""
    WITH opened AS ({_INSERT}
        ON CONFLICT (tenant_id, thread) WHERE thread IS NOT NULL DO UPDATE SET archived_at = NULL,
            user_id = coalesce(sessions.user_id, excluded.user_id)
        RETURNING *)
    SELECT {_COLUMNS} FROM opened s {_ITS_AGENT}
"""  # noqa: S608 - constants of this module
_READ = f"SELECT {_COLUMNS} {_FROM} WHERE s.id = %(id)s"
_LIST = f"""
    SELECT {_COLUMNS} {_FROM}
    WHERE (CAST(%(user)s AS uuid) IS NULL OR s.user_id = %(user)s) AND s.archived_at IS NULL
      AND (CAST(%(at)s AS timestamptz) IS NULL OR (s.updated_at, s.id) < (%(at)s, CAST(%(last)s AS uuid)))
    ORDER BY s.updated_at DESC, s.id DESC LIMIT %(limit)s
"""
_CHANGED = "version = version + 1, updated_at = clock_timestamp()"
_APPEND = f"""
    WITH grown AS (
        UPDATE sessions SET last_message_seq = last_message_seq + 1, archived_at = NULL, {_CHANGED}
        WHERE id = %(session)s AND NOT EXISTS (
            SELECT FROM session_messages
            WHERE session_id = %(session)s AND source_ref = CAST(%(ref)s AS text))
        RETURNING tenant_id, id, last_message_seq, version
    ), said AS (
        INSERT INTO session_messages (tenant_id, session_id, seq, role, author, user_id, body, source,
            source_ref, run_id, asked_run_id, place)
        SELECT tenant_id, id, last_message_seq, %(role)s, %(author)s, CAST(%(user)s AS uuid), %(body)s,
            %(source)s, CAST(%(ref)s AS text), CAST(%(run)s AS uuid), CAST(%(asked_run)s AS uuid),
            CAST(%(place)s AS jsonb)
        FROM grown
        -- Two who store the same at once: the second leaves a gap in the sequence, and no second message.
        ON CONFLICT (tenant_id, session_id, source_ref) WHERE source_ref IS NOT NULL DO NOTHING
        RETURNING seq
    )
    SELECT said.seq, grown.version FROM said, grown
"""  # noqa: S608 - constants of this module
_APPENDED = """
    SELECT m.seq, s.version FROM session_messages m JOIN sessions s ON s.id = m.session_id
    WHERE m.session_id = %(session)s AND m.source_ref = %(ref)s
"""
_EDIT = f"""
    WITH edited AS (
        UPDATE session_messages SET body = %(body)s
        WHERE session_id = %(session)s AND source_ref = %(ref)s AND body <> %(body)s
        RETURNING session_id, seq
    )
    UPDATE sessions SET {_CHANGED} FROM edited WHERE sessions.id = edited.session_id
    RETURNING edited.seq, sessions.version
"""  # noqa: S608 - constants of this module
_SET_CURRENT = f"""
    UPDATE sessions SET agent_id = %(agent)s, task = %(task)s, {_CHANGED}
    WHERE id = %(id)s AND (agent_id, task) IS DISTINCT FROM (CAST(%(agent)s AS uuid), CAST(%(task)s AS text))
    RETURNING version
"""  # noqa: S608 - constants of this module
_SET_SWITCHES = f"""
    UPDATE sessions SET title = coalesce(CAST(%(title)s AS text), title),
        visible_in_slack = coalesce(CAST(%(visible)s AS boolean), visible_in_slack),
        preferences = coalesce(CAST(%(preferences)s AS jsonb), preferences),
        workflow = coalesce(CAST(%(workflow)s AS jsonb), workflow), {_CHANGED}
    WHERE id = %(id)s RETURNING version
"""  # noqa: S608 - constants of this module
SNAPSHOT_OF = """
    SELECT json_build_object('id', s.id, 'version', s.version, 'user_id', s.user_id, 'source', s.source,
        'thread', s.thread, 'title', s.title, 'agent', a.name, 'task', s.task, 'workflow', s.workflow,
        'preferences', s.preferences, 'visible_in_slack', s.visible_in_slack, 'created_at', s.created_at,
        'updated_at', s.updated_at, 'messages', coalesce((
            SELECT json_agg(json_build_object('sequence', m.seq, 'role', m.role, 'author', m.author,
                'text', m.body, 'source', m.source, 'run_id', m.run_id, 'at', m.at) ORDER BY m.seq)
            FROM (SELECT * FROM session_messages WHERE session_id = s.id
                  ORDER BY seq DESC LIMIT %(messages)s) m
        ), '[]'::json))::text
    FROM sessions s LEFT JOIN agents a ON a.tenant_id = s.tenant_id AND a.id = s.agent_id WHERE s.id = """
"""JSON of a session and its last `%(messages)s` messages, as its contract reads it; the id goes behind it."""
_SNAPSHOT = f"{SNAPSHOT_OF} %(id)s"
