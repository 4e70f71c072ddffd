"""What a gateway remembers of a connected agent. Lost with the process: the rows have what matters."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

from oblivion_contracts.agent_socket import AgentHello


@dataclass(frozen=True, slots=True)
class AgentIdentity:
    """Whom a token speaks for."""

    tenant_id: UUID
    agent_id: UUID
    expires_at: float
    """Unix time, s."""


@dataclass(slots=True)
class TokenBucket:
    """At most `burst` at once and `per_s` on average."""

    per_s: float
    burst: float
    level: float
    filled_at: float

    @classmethod
    def full(cls, per_s: float, burst: float, now: float) -> "TokenBucket":
        return cls(per_s, burst, burst, now)

    def take(self, now: float) -> float:
        """Take one and return 0; or take none and return the seconds until there is one."""
        level = min(self.burst, self.level + (now - self.filled_at) * self.per_s)
        self.filled_at = now
        if level >= 1:
            self.level = level - 1
            return 0.0
        self.level = level
        return (1 - level) / self.per_s


@dataclass(slots=True)
class HeldRun:
    """A run that was given to a socket, and what the socket has been told of it."""

    run_id: UUID
    fence: int
    session_id: UUID
    told_seq: int
    """Messages of the session up to this one."""
    user_id: UUID | None = None
    """For whom the work is done."""
    told_prompt: int = 0
    """Hash of the question as it was told."""
    traceparent: str | None = None
    """What the agent says of the run belongs to this trace."""
    acknowledged: bool = False
    counted: set[str] = field(default_factory=set[str])
    """Keys of questions and of work handed on that were counted against the agent's limit."""
    told_approvals: set[UUID] = field(default_factory=set[UUID])
    told_children: set[UUID] = field(default_factory=set[UUID])


@dataclass(slots=True)
class AgentConnection:
    """One socket of an agent."""

    sid: str
    identity: AgentIdentity
    name: str
    bucket: TokenBucket
    since: float
    limit: int = 100
    """Runs at once on one replica, as the agent's definition says."""
    hello: AgentHello | None = None
    draining: bool = False
    held: dict[UUID, HeldRun] = field(default_factory=dict[UUID, HeldRun])

    @property
    def tenant_id(self) -> UUID:
        return self.identity.tenant_id

    @property
    def agent_id(self) -> UUID:
        return self.identity.agent_id

    @property
    def room(self) -> int:
        """Runs that it takes at once."""
        return self.limit if self.hello is None else min(self.limit, self.hello.concurrency)

    def holds(self, run_id: UUID, fence: int) -> bool:
        held = self.held.get(run_id)
        return held is not None and held.fence == fence


class AgentConnections:
    """The sockets of this process."""

    def __init__(self) -> None:
        self._by_sid: dict[str, AgentConnection] = {}
        self._count: Counter[tuple[UUID, UUID]] = Counter()

    def __len__(self) -> int:
        return len(self._by_sid)

    def __iter__(self) -> Iterator[AgentConnection]:
        return iter(list(self._by_sid.values()))

    def add(self, connection: AgentConnection) -> None:
        self._by_sid[connection.sid] = connection
        self._count[connection.tenant_id, connection.agent_id] += 1

    def get(self, sid: str) -> AgentConnection | None:
        return self._by_sid.get(sid)

    def remove(self, sid: str) -> AgentConnection | None:
        connection = self._by_sid.pop(sid, None)
        if connection is not None:
            key = (connection.tenant_id, connection.agent_id)
            self._count[key] -= 1
            if not self._count[key]:
                del self._count[key]
        return connection

    def count_of(self, tenant_id: UUID, agent_id: UUID) -> int:
        return self._count[tenant_id, agent_id]

    def of_agent(self, tenant_id: UUID, agent_id: UUID) -> list[AgentConnection]:
        return [c for c in self if c.agent_id == agent_id and c.tenant_id == tenant_id]
