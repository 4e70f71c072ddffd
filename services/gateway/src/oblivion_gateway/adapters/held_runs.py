"""Implements `HeldRuns`: each step one transaction of the tenant, its hints published after the commit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_contracts.agent_socket import (
    ApprovalAnswered,
    ApprovalRequest,
    TaskCompleted,
    TaskDelegate,
    TaskFailed,
)
from oblivion_contracts.runs import DelegateTask, RunEventKind, RunFailure, RunPriority, RunSource
from oblivion_contracts.sessions import MESSAGES_KEPT, SessionMessage, SessionSnapshot
from oblivion_gateway.domain.delegation import narrowed_tools
from oblivion_gateway.socket_errors import SessionNotYours, TooManyHops, TooManyOfRun
from oblivion_gateway.socket_ports import Child, Ended, Report, Standing
from oblivion_platform import runs, sessions
from oblivion_platform.agents import mute_loud_agent
from oblivion_platform.database.engine import Database
from oblivion_platform.database.statements import Asked, fetch
from oblivion_platform.runs import (
    Approval,
    Change,
    FencedOff,
    Holder,
    NewRun,
    Run,
    RunOver,
    RunSignals,
    RunUnknown,
)
from oblivion_platform.runs.views import COLUMNS, run_of
from oblivion_platform.sessions import Said, SessionCache
from oblivion_platform.sessions.store import SNAPSHOT_OF

CHILDREN_MAX = 50
QUESTIONS_MAX = 100
"""Of one run, over its whole life."""


class PostgresHeldRuns:
    """Runs that sockets of gateway `gateway` hold."""

    def __init__(
        self,
        database: Database,
        signals: RunSignals,
        session_copies: SessionCache,
        *,
        gateway: str,
        lease_s: float,
    ) -> None:
        self._database = database
        self._signals = signals
        self._session_copies = session_copies
        self._gateway = gateway
        self._lease_s = lease_s

    async def acknowledge(self, tenant_id: UUID, run_id: UUID, fence: int) -> None:
        tx = self._database.alone(tenant_id)
        change = await runs.acknowledge(tx, run_id, fence, lease_s=self._lease_s)
        await self._signals.changed(tenant_id, change)

    async def renew(self, tenant_id: UUID, fences: Mapping[UUID, int]) -> set[UUID]:
        return await runs.renew(self._database.alone(tenant_id), fences, lease_s=self._lease_s)

    async def report(self, tenant_id: UUID, run_id: UUID, fence: int, report: Report) -> None:
        change = await _report(self._database.alone(tenant_id), run_id, fence, report)
        await self._signals.changed(tenant_id, change)

    async def say(self, tenant_id: UUID, run_id: UUID, fence: int, words: str) -> None:
        change = await runs.say(self._database.alone(tenant_id), run_id, fence, words)
        await self._signals.changed(tenant_id, change)

    async def checkpoint(self, tenant_id: UUID, run_id: UUID, fence: int, data: bytes) -> None:
        await runs.checkpoint(self._database.alone(tenant_id), run_id, fence, data)

    async def complete(self, tenant_id: UUID, message: TaskCompleted, agent: str, report: Report) -> Ended:
        after = _AfterEnd()
        async with self._database.tenant(tenant_id, plan_once=True) as tx:
            change = await runs.complete(tx, message.run_id, message.fence, message.answer, report.usage)
            if change is not None:
                after = await _after_end(tx, change, message.seen_sequence)
                await self._keep_answer(tx, tenant_id, after.run, agent, message.answer)
            ended = await _ended(tx, message.run_id)
        await self._tell_of_end(tenant_id, after)
        return ended

    async def fail(self, tenant_id: UUID, message: TaskFailed, report: Report) -> Ended:
        failure = RunFailure(code=message.code, message=message.message)
        after = _AfterEnd()
        async with self._database.tenant(tenant_id, plan_once=True) as tx:
            change = await runs.fail(tx, message.run_id, message.fence, failure, report.usage)
            if change is not None:
                after = await _after_end(tx, change, message.seen_sequence)
            ended = await _ended(tx, message.run_id)
        await self._tell_of_end(tenant_id, after)
        return ended

    async def hand_back(self, tenant_id: UUID, run_id: UUID, fence: int) -> Ended:
        change = await runs.hand_back(self._database.alone(tenant_id), run_id, fence)
        await self._signals.changed(tenant_id, change)
        return Ended([run_id] if change is not None else [])

    async def resume(self, tenant_id: UUID, run_id: UUID, fence: int, agent_id: UUID, sid: str) -> bool:
        async with self._database.tenant(tenant_id) as tx:
            run = await runs.read(tx, run_id)
            if run is None or run.agent_id != agent_id:
                return False
            holder = Holder(sid, self._gateway)
            change = await runs.resume(tx, run_id, fence, holder, lease_s=self._lease_s)
        await self._signals.changed(tenant_id, change)
        return change is not None

    async def read(self, tenant_id: UUID, run_id: UUID) -> Run | None:
        return await runs.read(self._database.alone(tenant_id), run_id)

    async def read_checkpoint(self, tenant_id: UUID, run_id: UUID) -> bytes | None:
        return await runs.read_checkpoint(self._database.alone(tenant_id), run_id)

    async def standings(self, tenant_id: UUID, run_ids: Sequence[UUID]) -> Sequence[Standing]:
        asked = self._database.alone(tenant_id)
        values = {"runs": list(run_ids), "messages": MESSAGES_KEPT}
        return [await _standing(asked, row) for row in await fetch(asked, _STANDINGS, values)]

    async def messages_since(
        self, tenant_id: UUID, session_id: UUID, sequence: int
    ) -> Sequence[SessionMessage]:
        async with self._database.tenant(tenant_id) as tx:
            rows = await tx.execute(_SAID_SINCE, {"session": session_id, "seq": sequence})
            return [_message(row) for row in rows]

    async def sequence_at(self, tenant_id: UUID, session_id: UUID, at: datetime) -> int:
        async with self._database.tenant(tenant_id) as tx:
            return (await tx.execute(_SEQUENCE_AT, {"session": session_id, "at": at})).scalar_one()

    async def assigned_here(self, tenant_ids: Sequence[UUID]) -> Sequence[tuple[UUID, UUID]]:
        async with self._database.relay() as tx:
            rows = await tx.execute(_ASSIGNED_HERE, {"gateway": self._gateway, "tenants": list(tenant_ids)})
            return [(row.tenant_id, row.id) for row in rows]

    async def waiting_for(self, tenant_id: UUID, agent_id: UUID, at_most: int) -> Sequence[UUID]:
        async with self._database.tenant(tenant_id) as tx:
            return (await tx.execute(_WAITING, {"agent": agent_id, "limit": at_most})).scalars().all()

    async def ask(self, tenant_id: UUID, request: ApprovalRequest) -> tuple[UUID, ApprovalAnswered | None]:
        async with self._database.tenant(tenant_id) as tx:
            await _refuse_many_questions(tx, request)
            approval, change = await runs.ask(
                tx, request.run_id, request.fence, request.key, request.question, request.detail
            )
        await self._signals.changed(tenant_id, change)
        answer = _answered(approval, request.fence) if approval.is_answered else None
        return approval.id, answer

    async def delegate(self, tenant_id: UUID, request: TaskDelegate, max_hops: int) -> tuple[UUID, int]:
        child_id = uuid5(request.run_id, request.key)
        async with self._database.tenant(tenant_id) as tx:
            parent = await _held_parent(tx, request)
            if await runs.read(tx, child_id) is not None:
                return child_id, RunPriority.DELEGATION
            if parent.hops >= max_hops:
                raise TooManyHops(max_hops)
            if (await tx.execute(_CHILD_COUNT, {"run": parent.id})).scalar_one() >= CHILDREN_MAX:
                raise TooManyOfRun("pieces of work handed on", CHILDREN_MAX)
            session_id = await _session_for(tx, parent, request.delegation)
            new = _child_of(parent, request.delegation, child_id, session_id)
            created = await runs.create(tx, tenant_id, new)
            data = {"run_id": str(child_id), "agent": request.delegation.agent, "prompt": new.prompt[:500]}
            change = await runs.delegated(tx, parent.id, request.fence, data)
        await self._signals.changed(tenant_id, created)
        await self._signals.changed(tenant_id, change)
        return child_id, RunPriority.DELEGATION

    async def mute(
        self, tenant_id: UUID, agent_id: UUID, run_id: UUID, until: datetime, reason: str, words: str
    ) -> bool:
        data = {"code": "agent_muted", "text": words, "until": until.isoformat()}
        async with self._database.tenant(tenant_id) as tx:
            if not await mute_loud_agent(tx, agent_id, until, reason):
                return False
            change = await runs.note(tx, run_id, RunEventKind.NOTICE, data)
        await self._signals.changed(tenant_id, change)
        return True

    async def note_seen(self, agents: Mapping[UUID, Sequence[UUID]]) -> None:
        for tenant_id, agent_ids in agents.items():
            async with self._database.tenant(tenant_id) as tx:
                await tx.execute(_SEEN, {"agents": list(agent_ids)})

    async def _keep_answer(
        self, tx: AsyncConnection, tenant_id: UUID, run: Run | None, agent: str, answer: str
    ) -> None:
        if run is None or run.source is RunSource.DELEGATION:
            return  # What one agent told another was not said to anybody.
        said = Said("agent", answer, run.source, agent, source_ref=f"run:{run.id}", run_id=run.id)
        appended = await sessions.append_message(tx, run.session_id, said)
        await self._session_copies.outdate(tenant_id, run.session_id, appended.version)

    async def _tell_of_end(self, tenant_id: UUID, after: "_AfterEnd") -> None:
        for change in after.changes:
            await self._signals.changed(tenant_id, change)
        parent = after.parent
        if parent is not None:
            await self._signals.tell_agent(
                tenant_id, parent.id, parent.gateway, parent.fence, "context.updated"
            )


@dataclass(frozen=True, slots=True)
class _AfterEnd:
    """What the end of a run led to; nothing, when it had ended before."""

    changes: Sequence[Change] = ()
    run: Run | None = None
    parent: Run | None = None


async def _report(tx: Asked, run_id: UUID, fence: int, report: Report) -> Change:
    return await runs.progress(
        tx, run_id, fence, percent=report.percent, words=report.words, usage=report.usage
    )


async def _after_end(tx: AsyncConnection, change: Change, seen_sequence: int) -> _AfterEnd:
    run = await runs.read(tx, change.run_id)
    if run is None:
        return _AfterEnd([change])
    queued = await runs.queue_unread(tx, run, seen_sequence)
    parent = await runs.read(tx, run.parent_run_id) if run.parent_run_id else None
    return _AfterEnd([change, *queued], run, parent)


async def _ended(tx: AsyncConnection, run_id: UUID) -> Ended:
    """The run's own job, the next of its thread, and one that waits for the agent to have room."""
    rows = await fetch(tx, _POSSIBLE_NOW, {"run": run_id})
    return Ended([run_id, *(row.id for row in rows)])


async def _refuse_many_questions(tx: AsyncConnection, request: ApprovalRequest) -> None:
    """A question that is known may be asked again."""
    row = (await tx.execute(_QUESTION_COUNT, {"run": request.run_id, "key": request.key})).one()
    if not row.known and row.asked >= QUESTIONS_MAX:
        raise TooManyOfRun("questions", QUESTIONS_MAX)


async def _held_parent(tx: AsyncConnection, request: TaskDelegate) -> Run:
    parent = await runs.read(tx, request.run_id, lock=True)
    if parent is None:
        raise RunUnknown
    if parent.fence != request.fence:
        raise FencedOff
    if parent.state.is_final:
        raise RunOver(parent.state.value)
    return parent


async def _session_for(tx: AsyncConnection, parent: Run, work: DelegateTask) -> UUID:
    if work.session_id is None or work.session_id == parent.session_id:
        return parent.session_id
    session = await sessions.read(tx, work.session_id)
    if session is None or session.user_id is None or session.user_id != parent.user_id:
        raise SessionNotYours
    return session.id


def _child_of(parent: Run, work: DelegateTask, child_id: UUID, session_id: UUID) -> NewRun:
    return NewRun(
        id=child_id,
        session_id=session_id,
        source=RunSource.DELEGATION,
        thread=f"delegation:{child_id}",
        prompt=work.prompt,
        user_id=parent.user_id,
        requested_by=parent.requested_by,
        wanted_agent=work.agent,
        wanted_task=work.task,
        category=work.category,
        priority=RunPriority.DELEGATION,
        context=work.context,
        carried_state=work.state,
        skills=work.skills,
        allowed_tools=narrowed_tools(parent.allowed_tools, work.allowed_tools),
        parent_run_id=parent.id,
        hops=parent.hops + 1,
        traceparent=parent.traceparent,
    )


async def _standing(asked: Asked, row: Any) -> Standing:
    run = run_of(row)
    answered = await fetch(asked, _ANSWERED, {"run": row.id}) if row.has_answers else ()
    children = await fetch(asked, _CHILDREN, {"run": row.id}) if row.has_children else ()
    return Standing(
        run,
        row.last_message_seq,
        None if row.session is None else SessionSnapshot.model_validate_json(row.session),
        [
            ApprovalAnswered(
                run_id=row.id,
                fence=max(1, run.fence),
                approval_id=a.id,
                approved=a.state == "approved",
                comment=a.comment,
                answered_by=a.answered_by_name,
            )
            for a in answered
        ],
        [Child(c.id, c.agent or "", c.result, c.failure, c.finished_at) for c in children],
    )


def _answered(approval: Approval, fence: int) -> ApprovalAnswered:
    return ApprovalAnswered(
        run_id=approval.run_id,
        fence=fence,
        approval_id=approval.id,
        approved=approval.state == "approved",
        comment=approval.comment,
        answered_by=approval.answered_by_name,
    )


def _message(row: Row[Any]) -> SessionMessage:
    return SessionMessage(
        sequence=row.seq,
        role=row.role,
        author=row.author,
        text=row.body,
        source=row.source,
        run_id=row.run_id,
        is_question=row.asked_run_id is not None,
        at=row.at,
    )


_CHILD_COUNT = text("SELECT count(*) FROM runs WHERE parent_run_id = :run")
_QUESTION_COUNT = text("""
    SELECT count(*) AS asked, count(*) FILTER (WHERE key = :key) AS known FROM approvals WHERE run_id = :run
""")
_STANDINGS = f"""
    SELECT {COLUMNS},
        (SELECT s.last_message_seq FROM sessions s WHERE s.id = session_id) AS last_message_seq,
        EXISTS (SELECT FROM approvals a WHERE a.run_id = runs.id AND a.state <> 'pending') AS has_answers,
        EXISTS (SELECT FROM runs c WHERE c.parent_run_id = runs.id
                AND c.state IN ('succeeded', 'failed', 'cancelled')) AS has_children,
        CASE WHEN state = 'assigned' AND acknowledged_at IS NULL
             THEN ({SNAPSHOT_OF} runs.session_id) END AS session
    FROM runs WHERE id = ANY(%(runs)s)
"""  # noqa: S608 - constants of ours
_ANSWERED = """
    SELECT id, state, comment, answered_by_name FROM approvals WHERE run_id = %(run)s AND state <> 'pending'
"""
_CHILDREN = """
    SELECT c.id, a.name AS agent, c.result, c.finished_at,
        CASE c.state WHEN 'cancelled' THEN 'It was cancelled.' ELSE c.failure ->> 'message' END AS failure
    FROM runs c LEFT JOIN agents a ON a.tenant_id = c.tenant_id AND a.id = c.agent_id
    WHERE c.parent_run_id = %(run)s AND c.state IN ('succeeded', 'failed', 'cancelled')
"""
_SAID_SINCE = text("""
    SELECT seq, role, author, body, source, run_id, asked_run_id, at FROM session_messages
    WHERE session_id = :session AND seq > :seq AND role = 'user' ORDER BY seq LIMIT 100
""")
_SEQUENCE_AT = text("""
    SELECT coalesce(max(seq), 0) FROM session_messages WHERE session_id = :session AND at <= :at
""")
_ASSIGNED_HERE = text("""
    SELECT tenant_id, id FROM runs WHERE gateway = :gateway AND state = 'assigned'
      AND tenant_id = ANY(:tenants) LIMIT 1000
""")
_WAITING = text("""
    SELECT id FROM runs WHERE agent_id = :agent AND finished_at IS NULL
      AND (state = 'routed' OR state = 'waiting' AND waiting_for = 'agent')
    ORDER BY priority, created_at LIMIT :limit
""")
_POSSIBLE_NOW = """
    WITH ended AS (SELECT tenant_id, agent_id, thread FROM runs WHERE id = %(run)s)
    (SELECT r.id FROM runs r, ended WHERE r.tenant_id = ended.tenant_id AND r.thread = ended.thread
        AND r.state = 'queued' ORDER BY r.created_at, r.id LIMIT 1)
    UNION
    (SELECT r.id FROM runs r, ended WHERE r.tenant_id = ended.tenant_id AND r.agent_id = ended.agent_id
        AND r.finished_at IS NULL AND r.state = 'waiting' AND r.waiting_for = 'agent'
        ORDER BY r.priority, r.created_at LIMIT 1)
"""
_SEEN = text("UPDATE agents SET last_seen_at = now() WHERE id = ANY(:agents)")
