"""What a run's row holds for its agent → messages to the one socket that has the run.

A hint through Redis makes us look at once; a sweep looks at everything our sockets hold, so that a hint which
never came costs a few seconds. An assignment that is not acknowledged is sent again until its lease is over.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from uuid import UUID

from oblivion_contracts.agent_socket import ContextUpdated, TaskCancelled
from oblivion_contracts.runs import RunSource, RunState
from oblivion_contracts.sessions import SessionMessage
from oblivion_contracts.signals import TellAgent
from oblivion_gateway.domain.agent_connections import AgentConnection, AgentConnections, HeldRun
from oblivion_gateway.socket_ports import AgentSockets, Child, HeldRuns, Standing
from oblivion_gateway.usecases.assignments import Assignments
from oblivion_gateway.usecases.bring_forward import BringForward
from oblivion_gateway.usecases.keep_presence import KeepPresence
from oblivion_platform.logging import get_logger
from oblivion_platform.runs import Run
from oblivion_platform.telemetry import tracing

RUNS_AT_ONCE = 200

_log = get_logger(__name__)


class TellAgents:
    """One per process."""

    def __init__(
        self,
        connections: AgentConnections,
        sockets: AgentSockets,
        runs: HeldRuns,
        assignments: Assignments,
        bring_forward: BringForward,
        presence: KeepPresence,
        *,
        gateway: str,
    ) -> None:
        self._connections = connections
        self._sockets = sockets
        self._runs = runs
        self._assignments = assignments
        self._bring_forward = bring_forward
        self._presence = presence
        self._gateway = gateway

    async def heard(self, hint: TellAgent) -> None:
        """Look at the run that the hint names.

        Raises:
            DependencyUnavailable: the sweep will look again.
        """
        await self.look(hint.tenant_id, [hint.run_id])

    async def look(self, tenant_id: UUID, run_ids: Iterable[UUID]) -> dict[UUID, Run]:
        """Tell our sockets what they have not been told of these runs; returns the runs as they stand.

        Raises:
            DependencyUnavailable: some were not looked at.
        """
        wanted, seen = list(run_ids), dict[UUID, Run]()
        for begin in range(0, len(wanted), RUNS_AT_ONCE):
            for standing in await self._runs.standings(tenant_id, wanted[begin : begin + RUNS_AT_ONCE]):
                seen[standing.run.id] = standing.run
                await self._tell(standing)
        return seen

    async def sweep(self, *, thoroughly: bool) -> None:
        """Look at assignments that nobody acknowledged; `thoroughly`: at everything that our sockets hold.

        Raises:
            DependencyUnavailable: some were not looked at.
        """
        wanted: dict[UUID, set[UUID]] = defaultdict(set)
        for connection in self._connections:
            for held in connection.held.values():
                if thoroughly or not held.acknowledged:
                    wanted[connection.tenant_id].add(held.run_id)
        tenants = {connection.tenant_id for connection in self._connections}
        for tenant_id, run_id in await self._runs.assigned_here(list(tenants)):
            wanted[tenant_id].add(run_id)
        for tenant_id, run_ids in wanted.items():
            await self._take_back(await self.look(tenant_id, run_ids))

    async def _tell(self, standing: Standing) -> None:
        run = standing.run
        connection = self._connections.get(run.holder) if run.holder else None
        if connection is None:
            await self._nobody_has(run)
        elif run.state.is_final:
            await self._stop(connection, run)
        elif run.is_unheard:
            await self._assign(connection, standing)
        else:
            await self._update(connection, standing)

    async def _nobody_has(self, run: Run) -> None:
        """The assignment met a socket that had just gone: another replica gets it at once."""
        if run.gateway == self._gateway and run.state is RunState.ASSIGNED:
            ended = await self._runs.hand_back(run.tenant_id, run.id, run.fence)
            self._bring_forward.soon(run.tenant_id, ended.jobs)

    async def _assign(self, connection: AgentConnection, standing: Standing) -> None:
        run = standing.run
        session = standing.session
        if run.lease_is_over or connection.hello is None or session is None:
            return
        with tracing(run.traceparent, "task.assigned") as inside:
            # What the agent does stands below its assignment.
            traced = replace(run, traceparent=inside)
            message = await self._assignments.assemble(traced, session)
            if message is None:
                _log.warning("assignment could not be put together", run_id=str(run.id))
                return
            if not connection.holds(run.id, run.fence):
                connection.held[run.id] = _given(traced, standing)
                self._presence.changed(connection)
            await self._sockets.tell(connection.sid, "task.assigned", message)

    async def _stop(self, connection: AgentConnection, run: Run) -> None:
        held = connection.held.pop(run.id, None)
        if held is None:
            return
        self._presence.changed(connection)
        if run.state is RunState.CANCELLED:
            reason = f"cancelled by {run.cancel_requested_by or 'somebody'}"
        else:
            reason = "it is over" if run.failure is None else run.failure.message
        await self._cancel(connection, held, reason)

    async def _update(self, connection: AgentConnection, standing: Standing) -> None:
        held = await self._held(connection, standing)
        await self._tell_answers(connection, held, standing)
        messages = await self._news(held, standing)
        edited = hash(standing.run.prompt) != held.told_prompt
        if messages or edited:
            prompt = standing.run.prompt if edited else None
            update = ContextUpdated(run_id=held.run_id, fence=held.fence, messages=messages, prompt=prompt)
            await self._sockets.tell(connection.sid, "context.updated", update)
        held.told_seq = max(held.told_seq, standing.last_message_seq)
        held.told_prompt = hash(standing.run.prompt)

    async def _held(self, connection: AgentConnection, standing: Standing) -> HeldRun:
        """What we know that the socket was told; of a run that it brought along, what was there at first."""
        run = standing.run
        if connection.holds(run.id, run.fence):
            return connection.held[run.id]
        since = run.assigned_at or run.created_at
        told_seq = await self._runs.sequence_at(run.tenant_id, run.session_id, since)
        held = replace(_given(run, standing), told_seq=told_seq, acknowledged=True)
        connection.held[run.id] = held
        self._presence.changed(connection)
        return held

    async def _tell_answers(self, connection: AgentConnection, held: HeldRun, standing: Standing) -> None:
        for answer in standing.answered:
            if answer.approval_id not in held.told_approvals:
                held.told_approvals.add(answer.approval_id)
                await self._sockets.tell(connection.sid, "approval.answered", answer)

    async def _news(self, held: HeldRun, standing: Standing) -> list[SessionMessage]:
        """What people said meanwhile, but for what became a run of its own; and how delegated work ended."""
        news: list[SessionMessage] = []
        if standing.last_message_seq > held.told_seq:
            said = await self._runs.messages_since(standing.run.tenant_id, held.session_id, held.told_seq)
            news += [message for message in said if message.run_id in (None, held.run_id)]
        for child in standing.children:
            if child.run_id not in held.told_children:
                held.told_children.add(child.run_id)
                news.append(_message_of(child, standing.last_message_seq))
        return news

    async def _take_back(self, seen: Mapping[UUID, Run]) -> None:
        """Runs that a socket believes to hold, and that were given to somebody else."""
        for connection in self._connections:
            for held in list(connection.held.values()):
                run = seen.get(held.run_id)
                if run is None or (run.fence == held.fence and run.holder == connection.sid):
                    continue
                connection.held.pop(held.run_id, None)
                self._presence.changed(connection)
                await self._cancel(connection, held, "the run was given to another replica")

    async def _cancel(self, connection: AgentConnection, held: HeldRun, reason: str) -> None:
        message = TaskCancelled(run_id=held.run_id, fence=held.fence, reason=reason)
        await self._sockets.tell(connection.sid, "task.cancelled", message)


def _given(run: Run, standing: Standing) -> HeldRun:
    return HeldRun(
        run.id,
        run.fence,
        run.session_id,
        standing.last_message_seq,
        run.user_id,
        hash(run.prompt),
        run.traceparent,
    )


def _message_of(child: Child, sequence: int) -> SessionMessage:
    return SessionMessage(
        sequence=max(1, sequence),
        role="system" if child.answer is None else "agent",
        author=child.agent,
        text=child.answer if child.answer is not None else child.failure or "It did not succeed.",
        source=RunSource.DELEGATION,
        run_id=child.run_id,
        at=child.at,
    )
