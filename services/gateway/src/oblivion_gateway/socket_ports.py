"""What the use cases behind the agents' sockets need of the world."""

from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from oblivion_contracts.agent_socket import (
    ApprovalAnswered,
    ApprovalRequest,
    TaskCompleted,
    TaskDelegate,
    TaskFailed,
)
from oblivion_contracts.model import Contract
from oblivion_contracts.runs import Usage
from oblivion_contracts.sessions import HistoryHit, HistorySearch, SessionMessage, SessionSnapshot
from oblivion_gateway.domain.agent_connections import AgentIdentity
from oblivion_platform.agents import AgentRecord
from oblivion_platform.presence import Replica
from oblivion_platform.runs import Run


class TokenVerifier(Protocol):
    """Checks what an agent shows in its handshake."""

    async def verify_agent(self, token: str) -> AgentIdentity:
        """Raises: AuthenticationFailed, DependencyUnavailable."""
        ...


class RunTokens(Protocol):
    """Makes what a run shows to the MCP hub."""

    async def issue_run_token(
        self, tenant_id: UUID, agent_id: UUID, run_id: UUID, fence: int, until: datetime
    ) -> str:
        """Raises: DependencyUnavailable."""
        ...


class AgentSockets(Protocol):
    """The sockets of this process."""

    async def tell(self, sid: str, event: str, message: Contract) -> None:
        """Send to one socket of this process; nothing happens if it is gone."""
        ...

    async def tell_all(self, tenant_id: UUID, agent_id: UUID, event: str, message: Contract) -> None:
        """Send to every replica of an agent, on every gateway, as far as Redis carries it."""
        ...

    async def cut(self, sid: str) -> None:
        """End a connection of this process."""
        ...


class AgentBook(Protocol):
    """Who the agents are."""

    async def find(self, tenant_id: UUID, agent_id: UUID) -> AgentRecord | None:
        """Raises: DependencyUnavailable."""
        ...


class AgentNames(AgentBook, Protocol):
    """Who the agents are, and how they are called."""

    async def is_called(self, tenant_id: UUID, name_or_alias: str) -> bool:
        """Whether an active agent is called so.

        Raises:
            DependencyUnavailable
        """
        ...


@dataclass(slots=True)
class Report:
    """Progress that is to be stored; of several, the newest words and the sum of what was used."""

    percent: int | None = None
    words: str = ""
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """What became possible when a run ended: jobs that are to run now."""

    jobs: Sequence[UUID]


@dataclass(frozen=True, slots=True)
class Child:
    """A delegated run that is over."""

    run_id: UUID
    agent: str
    answer: str | None
    failure: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """A run's row, and what its holder may have to be told."""

    run: Run
    last_message_seq: int
    session: SessionSnapshot | None = None
    """Of a run that its holder is to be given."""
    answered: Sequence[ApprovalAnswered] = field(default_factory=list[ApprovalAnswered])
    children: Sequence[Child] = field(default_factory=list[Child])


class HeldRuns(Protocol):
    """Steps of the runs that agents hold: each a transaction, told to whom it concerns once it is committed.

    All raise FencedOff, RunOver or RunUnknown when the run is not the sender's, and DependencyUnavailable
    when nothing was done.
    """

    async def acknowledge(self, tenant_id: UUID, run_id: UUID, fence: int) -> None: ...

    async def renew(self, tenant_id: UUID, fences: Mapping[UUID, int]) -> set[UUID]:
        """Extend leases; returns the runs that are still their holder's."""
        ...

    async def report(self, tenant_id: UUID, run_id: UUID, fence: int, report: Report) -> None: ...

    async def say(self, tenant_id: UUID, run_id: UUID, fence: int, words: str) -> None: ...

    async def checkpoint(self, tenant_id: UUID, run_id: UUID, fence: int, data: bytes) -> None: ...

    async def complete(
        self, tenant_id: UUID, message: TaskCompleted, agent: str, report: Report
    ) -> Ended: ...

    async def fail(self, tenant_id: UUID, message: TaskFailed, report: Report) -> Ended: ...

    async def hand_back(self, tenant_id: UUID, run_id: UUID, fence: int) -> Ended: ...

    async def resume(self, tenant_id: UUID, run_id: UUID, fence: int, agent_id: UUID, sid: str) -> bool:
        """Give a run back to its holder's new socket; False when it is somebody else's by now."""
        ...

    async def read(self, tenant_id: UUID, run_id: UUID) -> Run | None: ...

    async def read_checkpoint(self, tenant_id: UUID, run_id: UUID) -> bytes | None: ...

    async def standings(self, tenant_id: UUID, run_ids: Sequence[UUID]) -> Sequence[Standing]: ...

    async def messages_since(
        self, tenant_id: UUID, session_id: UUID, sequence: int
    ) -> Sequence[SessionMessage]: ...

    async def sequence_at(self, tenant_id: UUID, session_id: UUID, at: datetime) -> int:
        """The session's last message by then."""
        ...

    async def assigned_here(self, tenant_ids: Sequence[UUID]) -> Sequence[tuple[UUID, UUID]]:
        """Tenant and run of the assignments to this gateway that were not acknowledged."""
        ...

    async def waiting_for(self, tenant_id: UUID, agent_id: UUID, at_most: int) -> Sequence[UUID]:
        """Runs that wait for a replica of this agent, the most urgent first."""
        ...

    async def ask(
        self, tenant_id: UUID, request: ApprovalRequest
    ) -> tuple[UUID, ApprovalAnswered | None]: ...

    async def delegate(self, tenant_id: UUID, request: TaskDelegate, max_hops: int) -> tuple[UUID, int]:
        """The new run and its priority; the same again for the same key."""
        ...

    async def mute(
        self, tenant_id: UUID, agent_id: UUID, run_id: UUID, until: datetime, reason: str, words: str
    ) -> bool:
        """Refuse the agent's messages until then, and say `words` in its run; False: it was muted already."""
        ...

    async def note_seen(self, agents: Mapping[UUID, Sequence[UUID]]) -> None:
        """Tenant → agents that are connected."""
        ...


class RunJobs(Protocol):
    """The queue that brings runs forward."""

    async def hasten(self, tenant_id: UUID, run_id: UUID, priority: int) -> bool:
        """Have the run looked after now; False when its job was just being handled.

        Raises:
            DependencyUnavailable: Redis is away; a sweep will do it.
        """
        ...


class MessageLimits(Protocol):
    """How often an agent may speak."""

    async def take(self, tenant_id: UUID, agent_id: UUID, per_minute: int) -> float:
        """0, or the seconds after which it may speak again."""
        ...


class PresenceBoard(Protocol):
    """Where the router looks for sockets."""

    async def write(self, replicas: Mapping[tuple[UUID, UUID], Sequence[Replica]]) -> None: ...

    async def withdraw(self, tenant_id: UUID, agent_id: UUID, sids: Sequence[str]) -> None: ...

    async def arrive(self, tenant_id: UUID, agent_id: UUID, instance: str, sid: str) -> bool:
        """The instance's newest socket; whether it is its first. Raises: DependencyUnavailable."""
        ...

    async def depart(self, tenant_id: UUID, agent_id: UUID, instance: str, sid: str) -> bool:
        """Whether no newer socket of the instance has come. Raises: DependencyUnavailable."""
        ...

    async def mark(self, gateway: str, *, for_s: float) -> bool:
        """Say for so long that this gateway is there; False when Redis knew nothing of it."""
        ...

    async def unmark(self, gateway: str) -> None: ...


class HistoryIndex(Protocol):
    """Earlier runs, by what they were about."""

    async def search(
        self, tenant_id: UUID, search: HistorySearch, readers: Collection[UUID] | None
    ) -> list[HistoryHit]:
        """What was shared, and what `readers` asked themselves; everything for None.

        Raises:
            DependencyUnavailable
        """
        ...


class HistoryReadings(Protocol):
    """What runs were given of earlier ones. All raise DependencyUnavailable: then nobody is given it."""

    async def by_members(self, tenant_id: UUID, found: Sequence[UUID]) -> Set[UUID]:
        """Those of `found` that hold words of members alone, and results of trusted connections alone."""
        ...

    async def of_run(self, tenant_id: UUID, run_id: UUID, found: Sequence[UUID]) -> None:
        """Note whose words are in what the run is about to be given of `found`."""
        ...

    async def of_agent(self, tenant_id: UUID, agent_id: UUID, found: Sequence[UUID]) -> None:
        """The same for every run that the agent works on."""
        ...
