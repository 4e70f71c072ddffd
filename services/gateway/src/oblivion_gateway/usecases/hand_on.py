"""What a run needs of others: another agent's work, a person's answer, what was done before."""

import json

from oblivion_contracts.agent_socket import Acknowledgement, ApprovalRequest, SearchHistory, TaskDelegate
from oblivion_contracts.sessions import HistorySearch
from oblivion_gateway.domain.agent_connections import AgentConnection
from oblivion_gateway.socket_errors import AgentGone, AgentUnknown, MessageTooLarge
from oblivion_gateway.socket_ports import AgentNames, AgentSockets, HeldRuns
from oblivion_gateway.usecases.bring_forward import BringForward
from oblivion_gateway.usecases.hold_runs import HoldRuns
from oblivion_gateway.usecases.read_history import ReadHistory

FREE_FORM_BYTES_MAX = 65_536
"""Of `context` and `state`, as JSON."""


def refuse_bulk(message: TaskDelegate) -> None:
    """Raises: MessageTooLarge."""
    work = message.delegation
    if len(json.dumps([work.context, work.state]).encode()) > FREE_FORM_BYTES_MAX:
        raise MessageTooLarge("task.delegate", FREE_FORM_BYTES_MAX)


class HandOn:
    """Repeating any of these changes nothing."""

    def __init__(
        self,
        hold: HoldRuns,
        runs: HeldRuns,
        agents: AgentNames,
        history: ReadHistory,
        bring_forward: BringForward,
    ) -> None:
        self._hold = hold
        self._runs = runs
        self._agents = agents
        self._history = history
        self._bring_forward = bring_forward

    async def delegate(
        self, connection: AgentConnection, message: TaskDelegate, sockets: AgentSockets
    ) -> Acknowledgement:
        """Raises: MessageTooLarge, AgentUnknown, TooManyHops, TooManyOfRun, SessionNotYours, Muted;
        `check_holder`'s.
        """
        await self._hold.check_holder(connection, message)
        refuse_bulk(message)
        agent = await self._agents.find(connection.tenant_id, connection.agent_id)
        if agent is None:
            raise AgentGone
        wanted = message.delegation.agent
        if wanted is not None and not await self._agents.is_called(connection.tenant_id, wanted):
            raise AgentUnknown
        await self._count(connection, message, sockets)
        hops = agent.definition.limits.max_hops
        run_id, priority = await self._runs.delegate(connection.tenant_id, message, hops)
        self._bring_forward.soon(connection.tenant_id, [run_id], priority)
        return Acknowledgement(ok=True, delegated_run_id=run_id)

    async def ask(
        self, connection: AgentConnection, message: ApprovalRequest, sockets: AgentSockets
    ) -> Acknowledgement:
        """Raises: Muted, TooManyOfRun; what `check_holder` raises."""
        await self._hold.check_holder(connection, message)
        await self._count(connection, message, sockets)
        approval_id, answer = await self._runs.ask(connection.tenant_id, message)
        held = connection.held.get(message.run_id)
        if answer is not None and held is not None:
            held.told_approvals.add(approval_id)
        return Acknowledgement(ok=True, approval_id=approval_id, approval=answer)

    async def _count(
        self, connection: AgentConnection, message: ApprovalRequest | TaskDelegate, sockets: AgentSockets
    ) -> None:
        """What is said again, under its key, counts once on a connection."""
        held = connection.held.get(message.run_id)
        if held is not None and message.key in held.counted:
            return
        await self._hold.take_allowance(connection, message, sockets)
        if held is not None:
            held.counted.add(message.key)

    async def search(self, connection: AgentConnection, message: SearchHistory) -> Acknowledgement:
        """Find what was shared, and what the person asked before for whom the run is.

        Raises:
            what `check_run` raises
            DependencyUnavailable: the index does not answer, or what it found cannot be noted.
            HistoryNotSetUp: there is none.
        """
        search = HistorySearch.model_validate(message.model_dump(exclude={"run"}))
        held = message.run
        if held is None:
            hits = await self._history.for_agent(connection.tenant_id, search, connection.agent_id)
        else:
            asker = await self._hold.asker_of(connection, held.run_id, held.fence)
            hits = await self._history.for_run(connection.tenant_id, search, held.run_id, asker)
        return Acknowledgement(ok=True, hits=list(hits))
