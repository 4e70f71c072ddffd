"""What an agent says of the runs that it holds. Acknowledged once it is stored."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from oblivion_contracts.agent_socket import (
    AgentMuted,
    RunMessage,
    TaskAck,
    TaskCheckpoint,
    TaskCompleted,
    TaskFailed,
    TaskHeartbeat,
    TaskMessage,
    TaskProgress,
)
from oblivion_gateway.domain.agent_connections import AgentConnection
from oblivion_gateway.socket_errors import AgentGone, Muted
from oblivion_gateway.socket_ports import AgentBook, AgentSockets, Ended, HeldRuns, MessageLimits, Report
from oblivion_gateway.usecases.bring_forward import BringForward
from oblivion_gateway.usecases.heartbeats import Heartbeats
from oblivion_gateway.usecases.keep_presence import KeepPresence
from oblivion_gateway.usecases.progress import Progress, merged
from oblivion_platform.errors import TransientFailure
from oblivion_platform.runs import FencedOff, Run, RunOver, RunUnknown

MUTED_REASON = "more than {limit} messages a minute"


class HoldRuns:
    """Everything here is about a run that the sender holds, or is refused."""

    def __init__(
        self,
        runs: HeldRuns,
        agents: AgentBook,
        limits: MessageLimits,
        bring_forward: BringForward,
        presence: KeepPresence,
    ) -> None:
        self._runs = runs
        self._agents = agents
        self._limits = limits
        self._bring_forward = bring_forward
        self._presence = presence
        self._heartbeats = Heartbeats(runs)
        self.progress = Progress(runs)

    async def acknowledge(self, connection: AgentConnection, message: TaskAck) -> None:
        await self.check_holder(connection, message)
        await self._runs.acknowledge(connection.tenant_id, message.run_id, message.fence)
        held = connection.held.get(message.run_id)
        if held is not None:
            held.acknowledged = True

    async def beat(self, connection: AgentConnection, message: TaskHeartbeat) -> None:
        await self.check_holder(connection, message)
        try:
            await self._heartbeats.beat(connection.tenant_id, message.run_id, message.fence)
        except FencedOff:
            self._forget(connection, message.run_id, message.fence)
            raise

    async def report(self, connection: AgentConnection, message: TaskProgress) -> None:
        await self.check_holder(connection, message)
        self.progress.offer(connection.tenant_id, message)

    async def keep(self, connection: AgentConnection, message: TaskCheckpoint) -> None:
        await self.check_holder(connection, message)
        await self._runs.checkpoint(connection.tenant_id, message.run_id, message.fence, bytes(message.data))

    async def say(self, connection: AgentConnection, message: TaskMessage, sockets: AgentSockets) -> None:
        await self.check_holder(connection, message)
        await self.take_allowance(connection, message, sockets)
        await self._runs.say(connection.tenant_id, message.run_id, message.fence, message.text)

    async def complete(self, connection: AgentConnection, message: TaskCompleted) -> None:
        rest = await self._last_report(connection, message)
        report = merged(rest, Report(usage=message.usage))
        try:
            ended = await self._runs.complete(connection.tenant_id, message, connection.name, report)
        except TransientFailure:
            self.progress.put_back(connection.tenant_id, message.run_id, message.fence, rest)
            raise
        self._end(connection, message, ended)

    async def fail(self, connection: AgentConnection, message: TaskFailed) -> None:
        rest = await self._last_report(connection, message)
        report = merged(rest, Report(usage=message.usage))
        try:
            ended = await self._runs.fail(connection.tenant_id, message, report)
        except TransientFailure:
            self.progress.put_back(connection.tenant_id, message.run_id, message.fence, rest)
            raise
        self._end(connection, message, ended)

    async def hand_back(self, connection: AgentConnection, run_id: UUID, fence: int) -> None:
        """Let go of a run that the agent will not finish; another replica gets it at once.

        Nothing happens when the run is not its.
        """
        try:
            await self.check_run(connection, run_id, fence)
        except (FencedOff, RunOver, RunUnknown):
            return
        self._forget(connection, run_id, fence)
        ended = await self._runs.hand_back(connection.tenant_id, run_id, fence)
        self._bring_forward.soon(connection.tenant_id, ended.jobs)

    async def check_holder(self, connection: AgentConnection, message: RunMessage) -> None:
        """Make sure that the message's run is the sender's.

        Raises:
            RunUnknown, RunOver, FencedOff: as `check_run`; an answer may come again after the end.
        """
        may_be_over = isinstance(message, TaskCompleted | TaskFailed)
        await self.check_run(connection, message.run_id, message.fence, may_be_over=may_be_over)

    async def check_run(
        self, connection: AgentConnection, run_id: UUID, fence: int, *, may_be_over: bool = False
    ) -> Run | None:
        """Make sure that the run is the sender's; returns the row if it had to be read.

        What this process gave to the socket is known here; for anything else the row is asked, since another
        gateway may have had the agent before.

        Raises:
            RunUnknown: no run of this agent.
            RunOver: it has ended under this fence.
            FencedOff: it is held by another replica.
        """
        if connection.holds(run_id, fence):
            return None
        run = await self._runs.read(connection.tenant_id, run_id)
        if run is None or run.agent_id != connection.agent_id:
            raise RunUnknown
        if run.fence != fence:
            raise FencedOff
        if run.state.is_final and not may_be_over:
            raise RunOver(run.state.value)
        if not run.state.is_final and run.holder != connection.sid:
            raise FencedOff
        return run

    async def asker_of(self, connection: AgentConnection, run_id: UUID, fence: int) -> UUID | None:
        """For whom the sender works on its run.

        Raises:
            what `check_run` raises
        """
        run = await self.check_run(connection, run_id, fence)
        return connection.held[run_id].user_id if run is None else run.user_id

    async def _last_report(self, connection: AgentConnection, message: RunMessage) -> Report:
        await self.check_holder(connection, message)
        return self.progress.rest(message.run_id)

    def _end(self, connection: AgentConnection, message: RunMessage, ended: Ended) -> None:
        self._forget(connection, message.run_id, message.fence)
        self._bring_forward.soon(connection.tenant_id, ended.jobs)

    def _forget(self, connection: AgentConnection, run_id: UUID, fence: int) -> None:
        if connection.holds(run_id, fence):
            del connection.held[run_id]
            self._presence.changed(connection)

    async def take_allowance(
        self, connection: AgentConnection, message: RunMessage, sockets: AgentSockets
    ) -> None:
        """Count one of what people see: messages, questions, work handed on.

        Raises:
            AgentGone
            Muted: there were too many in this minute; from now on, everybody knows until when.
        """
        agent = await self._agents.find(connection.tenant_id, connection.agent_id)
        if agent is None or not agent.is_active:
            raise AgentGone
        now = datetime.now(UTC)
        if agent.muted_until is not None and agent.muted_until > now:
            raise Muted(agent.muted_until, (agent.muted_until - now).total_seconds())
        limit = agent.definition.limits.messages_per_minute
        wait_s = await self._limits.take(connection.tenant_id, connection.agent_id, limit)
        if wait_s > 0:
            until, reason = now + timedelta(seconds=wait_s), MUTED_REASON.format(limit=limit)
            await self._mute(connection, message, until, reason, sockets)
            raise Muted(until, wait_s)

    async def _mute(
        self,
        connection: AgentConnection,
        message: RunMessage,
        until: datetime,
        reason: str,
        sockets: AgentSockets,
    ) -> None:
        tenant_id, agent_id = connection.tenant_id, connection.agent_id
        words = f"{connection.name} is muted until {until:%H:%M:%S} UTC: {reason}."
        # What is in memory may be older than the mute; the row decides who tells of it.
        if await self._runs.mute(tenant_id, agent_id, message.run_id, until, reason, words):
            await sockets.tell_all(tenant_id, agent_id, "agent.muted", AgentMuted(until=until, reason=reason))
