"""Sessions over REST: begun, read, continued. What is said becomes a run in the same transaction."""

from typing import Any
from uuid import UUID

from oblivion_contracts.administration import (
    SessionChange,
    SessionMessages,
    SessionPage,
    SessionSummary,
)
from oblivion_contracts.runs import RunSource
from oblivion_contracts.sessions import MessageAccepted, NewMessage, NewSession, SessionSnapshot
from oblivion_gateway.domain.callers import Caller
from oblivion_gateway.domain.cursors import decode_moment, next_cursor
from oblivion_gateway.ports import Aftermath
from oblivion_gateway.usecases.requests import Unit
from oblivion_platform import agents, runs, sessions
from oblivion_platform.runs import NewRun, RunJob
from oblivion_platform.sessions import NewSessionRow, Reader, Said, SessionRow, Sessions, SessionUnknown
from oblivion_platform.telemetry import current_traceparent


class Converse:
    """A person's conversations; admins may read and continue those of others."""

    def __init__(self, reading: Sessions, aftermath: Aftermath) -> None:
        self._reading = reading
        self._aftermath = aftermath

    async def listing(self, unit: Unit, cursor: str | None, limit: int) -> SessionPage:
        owner = None if unit.caller.is_admin else unit.caller.id
        found = await sessions.listing(unit.tx, user_id=owner, before=decode_moment(cursor), limit=limit)
        return SessionPage(
            items=[_summary(session) for session in found],
            next_cursor=next_cursor(found, limit, lambda one: (one.updated_at.isoformat(), one.id)),
        )

    async def begin(self, unit: Unit, new: NewSession) -> SessionSnapshot:
        """Raises: AgentNotFound."""
        agent = None if new.agent is None else await agents.find_agent(unit.tx, new.agent)
        session = await sessions.create(
            unit.tx,
            unit.caller.tenant_id,
            NewSessionRow(
                source=RunSource(new.source),
                user_id=unit.caller.id,
                title=new.title,
                agent_id=None if agent is None else agent.id,
                preferences=new.preferences,
            ),
        )
        return await self._snapshot(unit, session.id)

    async def show(self, caller: Caller, session_id: UUID) -> SessionSnapshot:
        """From its copy in Redis where there is one.

        Raises:
            SessionUnknown
        """
        return await self._reading.read(caller.tenant_id, session_id, _reader(caller))

    async def messages(self, caller: Caller, session_id: UUID, after: int) -> SessionMessages:
        """The last hundred, from the one after `after` on.

        Raises:
            SessionUnknown
        """
        found = await self.show(caller, session_id)
        return SessionMessages(items=[one for one in found.messages if one.sequence > after])

    async def change(self, unit: Unit, session_id: UUID, wish: SessionChange) -> SessionSnapshot:
        """Raises: SessionUnknown."""
        await self._visible(unit, session_id)
        version = await sessions.set_switches(unit.tx, session_id, **wish.model_dump())
        await self._aftermath.session_changed(unit.caller.tenant_id, session_id, version)
        return await self._snapshot(unit, session_id)

    async def say(self, unit: Unit, session_id: UUID, new: NewMessage) -> MessageAccepted:
        """Store the message and the run that answers it; with Redis away, a sweep brings the run forward.

        Raises:
            SessionUnknown, AgentNotFound
        """
        caller, tx = unit.caller, unit.tx
        session = await self._visible(unit, session_id)
        wanted = None if new.agent is None else (await agents.find_agent(tx, new.agent)).name
        if new.visible_in_slack is not None:
            await sessions.set_switches(tx, session_id, visible_in_slack=new.visible_in_slack)
        is_shown = session.visible_in_slack if new.visible_in_slack is None else new.visible_in_slack
        run = NewRun(
            session_id=session_id,
            source=RunSource(new.source),
            thread=session.queue,
            prompt=new.text,
            user_id=caller.id,
            requested_by=caller.name,
            wanted_agent=wanted,
            place=_place(session) if is_shown else {runs.HIDDEN: True},
            traceparent=current_traceparent(),
        )
        said = Said(
            role="user",
            text=new.text,
            source=run.source,
            author=caller.name,
            user_id=caller.id,
            run_id=run.id,
        )
        appended = await sessions.append_message(tx, session_id, said)
        change = await runs.create(tx, caller.tenant_id, run)
        # Before the commit: then no crash in between leaves an old copy in use.
        await self._aftermath.session_changed(caller.tenant_id, session_id, appended.version)
        unit.after_commit += [
            lambda: self._aftermath.bring_forward(caller.tenant_id, RunJob.of(run)),
            lambda: self._aftermath.run_changed(caller.tenant_id, change),
        ]
        return MessageAccepted(session_id=session_id, run_id=run.id, sequence=appended.sequence)

    async def _visible(self, unit: Unit, session_id: UUID) -> SessionRow:
        session = await sessions.read(unit.tx, session_id)
        if session is None or not _reader(unit.caller).may_see(session.user_id):
            raise SessionUnknown
        return session

    async def _snapshot(self, unit: Unit, session_id: UUID) -> SessionSnapshot:
        found = await sessions.snapshot(unit.tx, session_id)
        if found is None:
            raise SessionUnknown
        return found


def _reader(caller: Caller) -> Reader:
    return Reader(caller.id, caller.role.value)  # pyright: ignore[reportArgumentType] - people only


def _place(session: SessionRow) -> dict[str, Any]:
    """Where in Slack a session of a Slack thread is shown."""
    source, _, rest = (session.thread or "").partition(":")
    parts = rest.split(":")
    if source != "slack" or len(parts) != 3:
        return {}
    integration_id, channel, thread_ts = parts
    return {"integration_id": integration_id, "channel": channel, "thread_ts": thread_ts}


def _summary(session: SessionRow) -> SessionSummary:
    return SessionSummary(
        id=session.id,
        version=session.version,
        source=session.source,
        thread=session.thread,
        title=session.title,
        agent=session.agent,
        task=session.task,
        visible_in_slack=session.visible_in_slack,
        created_at=session.created_at,
        updated_at=session.updated_at,
    )
