"""What the use cases need of the world."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, get_args
from uuid import UUID

from mcp_types import (
    CallToolResult,
    CompleteResult,
    GetPromptResult,
    InputRequiredResult,
    LoggingLevel,
    Prompt,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    Tool,
)

from oblivion_contracts.connections import ConnectionHealth
from oblivion_mcp_hub.domain.callers import Caller
from oblivion_mcp_hub.domain.trust import Standing
from oblivion_platform.connections import Connection

ListKind = Literal["tools", "resources", "prompts"]
LIST_KINDS: tuple[ListKind, ...] = get_args(ListKind)


class Progress(Protocol):
    """How far a call is, of how much, in words."""

    async def __call__(self, progress: float, total: float | None, message: str | None) -> None: ...


class Log(Protocol):
    """What a server says of itself while it works."""

    async def __call__(self, level: LoggingLevel, data: Any, logger: str | None) -> None: ...


@dataclass(frozen=True, slots=True)
class Exchange:
    """What goes along with a caller's request to a server, and what the caller hears before its end."""

    progress: Progress | None = None
    log: Log | None = None
    log_level: LoggingLevel | None = None
    """The least severe that they want to hear; None: nothing."""
    can_be_asked: Mapping[str, Any] | None = None
    """The capabilities that the caller declared with this very request; None: there are no further rounds."""
    input_responses: Mapping[str, Any] | None = None
    request_state: str | None = None
    """What it asked for before, and what it gave along to be shown again."""

    @property
    def is_later_round(self) -> bool:
        return self.input_responses is not None or self.request_state is not None


NOTHING_ELSE = Exchange()


@dataclass(frozen=True, slots=True)
class Account:
    """What a tool server says of the credential that it was shown."""

    detail: str
    account: str | None = None
    rights: tuple[str, ...] = ()
    rate_limit_left: int | None = None


class ToolServer(Protocol):
    """One connection's server, kept open.

    Every method raises ServerAway (ServerBrokeOff once it was asked), ServerMisbehaved, ServerRefused,
    AddressRefused, or a failure in the server's own words.
    """

    async def list_tools(self) -> Sequence[Tool]: ...

    async def call(
        self, tool: str, arguments: dict[str, Any], exchange: Exchange, /
    ) -> CallToolResult | InputRequiredResult: ...

    async def list_resources(self) -> Sequence[Resource]: ...

    async def list_templates(self) -> Sequence[ResourceTemplate]: ...

    async def read_resource(
        self, uri: str, exchange: Exchange, /
    ) -> ReadResourceResult | InputRequiredResult: ...

    async def list_prompts(self) -> Sequence[Prompt]: ...

    async def get_prompt(
        self, name: str, arguments: dict[str, str], exchange: Exchange, /
    ) -> GetPromptResult | InputRequiredResult: ...

    async def complete(self, question: Mapping[str, Any], /) -> CompleteResult:
        """`question`: as the protocol has it, with the server's own names."""
        ...

    async def check(self) -> Account: ...


class ToolServers(Protocol):
    """The servers of all connections."""

    def of(self, connection: Connection) -> ToolServer:
        """Opened at its first use; another one after each change of the connection."""
        ...

    def keep_only(self, tenant_id: UUID, connection_ids: Collection[UUID]) -> None:
        """Close those of a tenant's connections that are gone."""
        ...


class Registry(Protocol):
    """The connections of a tenant."""

    async def active(self, tenant_id: UUID) -> Sequence[Connection]:
        """Raises: DependencyUnavailable."""
        ...

    async def pinned(
        self, tenant_id: UUID, connection_id: UUID, hashes: Mapping[str, str], tools: Sequence[Tool]
    ) -> Mapping[str, str]:
        """Pin what was never seen; tool → hash of everything that is pinned."""
        ...

    async def note_health(self, connection: Connection, health: ConnectionHealth) -> None:
        """Where it turns, and `connection` is what it was when it was read. Raises: OblivionFailure."""
        ...

    def drop(self, tenant_id: UUID) -> None:
        """A connection changed: what was read before is read again."""
        ...

    def drop_all(self) -> None: ...


@dataclass(frozen=True, slots=True)
class NewCall:
    """A use of a connection's credential that is about to be made."""

    caller: Caller
    connection_id: UUID
    name: str
    """As the caller knows the tool."""
    upstream: str
    """As its server does."""
    is_write: bool
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a call."""

    is_success: bool
    elapsed_s: float
    code: str | None = None


Judge = Callable[[Standing], bool]
"""Whether the call needs an approval; raises CallRefused when it may not be made at all."""


class Ledger(Protocol):
    """Who may do what now, and every use of a credential."""

    async def standing(self, caller: Caller) -> Standing:
        """Raises: RunNotHeld, NotAllowed, DependencyUnavailable."""
        ...

    async def begin(self, call: NewCall, judge: Judge) -> UUID:
        """Judge by what holds at this moment, count it, and write it down; returns the call's id.

        Raises:
            CallRefused: by `judge`, or the approval that it needs is not there.
            TooManyCalls, RunNotHeld, NotAllowed, DependencyUnavailable
        """
        ...

    def end(self, tenant_id: UUID, call_id: UUID, ended: Ended) -> None:
        """Written soon, and nobody waits for it; what is missing is a call that nobody saw the end of."""
        ...


Use = Literal["tools/list", "resources/list", "resources/templates/list", "prompts/list"]


class Uses(Protocol):
    """Uses of a credential that are no call: on record once an hour for each connection, use and asker."""

    def note(self, connection: Connection, use: Use, by: str) -> None:
        """Written soon, or once it can be; nobody waits for it. Nothing for a connection without one."""
        ...


class Notices(Protocol):
    """What people are told in a run's thread."""

    async def tools_missing(self, tenant_id: UUID, run_id: UUID, missing: Mapping[str, str]) -> None:
        """One line for each connection, with the reason; best effort, and never twice."""
        ...


class ProtocolSessions(Protocol):
    """Session ids of clients that speak the protocol of the session era; good on any replica."""

    async def open(self, caller: Caller) -> str | None:
        """A new id; None when it cannot be kept, and the client goes on without."""
        ...

    async def belongs_to(self, session_id: str, caller: Caller) -> bool:
        """Whether it is live and was opened by this caller; believed where that cannot be told."""
        ...

    async def close(self, session_id: str, caller: Caller) -> None: ...

    async def log_level(self, session_id: str, caller: Caller) -> LoggingLevel | None:
        """The least severe of what this session wants to hear; None: it did not say."""
        ...

    async def set_log_level(self, session_id: str, caller: Caller, level: LoggingLevel) -> None: ...
