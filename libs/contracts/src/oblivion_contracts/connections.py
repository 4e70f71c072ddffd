"""Connections to tool servers, as the MCP hub's REST API shows them and takes them."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, SecretStr

from oblivion_contracts.model import Contract

CONNECTION_NAME_PATTERN = r"^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$"
ANY_MCP_SERVER = "mcp"
STDIO_SERVER = "stdio"

ConnectionName = Annotated[str, Field(pattern=CONNECTION_NAME_PATTERN)]
"""What the names of its tools begin with: `{name}__{tool}`; unique in its tenant."""
ProviderName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,30}$")]
ServerUrl = Annotated[str, Field(pattern=r"^https?://[^\s/?#@]+[^\s#@]*$", max_length=2_000)]
"""Without user or password in it: those are credentials."""
Secret = Annotated[SecretStr, Field(min_length=1, max_length=16_384)]
ConnectionSettings = Annotated[dict[str, Any], Field(max_length=50)]
AuthKind = Literal["secret", "oauth", "signed_identity"]
"""By a stored key or token (or none), by a sign-in of a person, or by a token that the hub signs."""


Scope = Annotated[str, Field(pattern=r"^[\x21\x23-\x5b\x5d-\x7e]{1,200}$")]


class OAuthClient(Contract):
    """An app that an admin registered at the vendor, or at a server's authorisation server."""

    client_id: Annotated[str, Field(min_length=1, max_length=2_000, pattern=r"^[\x20-\x7e]+$")]
    client_secret: Secret | None = None
    """Stored encrypted, and never shown again; an app that is a public client has none."""
    scopes: Annotated[list[Scope], Field(max_length=100)] = []
    """What to ask for, in place of what the tools need."""
    uses_pkce: bool = True
    """Off only where the vendor refuses it, as Slack does for apps that it was not turned on for."""


class NewConnection(Contract):
    """`POST /connections`."""

    provider: ProviderName = ANY_MCP_SERVER
    """A built-in provider, `mcp` for any MCP server by its URL, or `stdio` for one of the operator's list."""
    name: ConnectionName | None = None
    """Default: the provider's name, without underscores."""
    url: ServerUrl | None = None
    """Of the MCP server; of a built-in provider, in place of the vendor's own address."""
    settings: ConnectionSettings = {}
    """What the provider asks for beside its secret."""
    secret: Secret | None = None
    """API key or token; stored encrypted, and never shown again."""
    auth: AuthKind | None = None
    """How it proves itself; default: by OAuth where a client is given, else by its secret."""
    client: OAuthClient | None = None
    """For OAuth; an MCP server whose authorisation server lets apps register themselves needs none."""
    is_trusted: bool = False
    """What it returns counts as said by a member, and what it says of its tools is believed."""


class ConnectionChange(Contract):
    """`PATCH /connections/{id}`: what is left out stays."""

    url: ServerUrl | None = None
    settings: ConnectionSettings | None = None
    secret: Secret | None = None
    client: OAuthClient | None = None
    """Another app: somebody has to sign in again."""
    is_trusted: bool | None = None
    state: Literal["active", "disabled"] | None = None


class ConnectionHealth(Contract):
    """What the last test, or the last failure, said."""

    ok: bool
    detail: str
    """One sentence; when it is not ok, with what to do."""
    account: str | None = None
    rights: list[str] = []
    rate_limit_left: int | None = None
    at: datetime


class SignIn(Contract):
    """How a connection by OAuth stands."""

    state: Literal["needed", "done", "again"]
    """`again`: it was signed in, and is not any more."""
    detail: str
    at: datetime | None = None
    ends_at: datetime | None = None
    """When it ends unless somebody signs in before; null where it is renewed by itself."""
    scopes: list[str] = []
    """What was granted, where the server told."""


class Authorization(Contract):
    """`POST /connections/{id}/authorize`: a sign-in that waits for a browser."""

    id: UUID
    url: str
    """To be opened in the browser of whoever signs in; good once."""
    expires_at: datetime


class AuthorizationProgress(Contract):
    """`GET /connections/{id}/authorize/{authorization}`."""

    state: Literal["waiting", "returned", "connected", "failed", "expired"]
    detail: str


class ConnectionView(Contract):
    """A connection without its secret."""

    id: UUID
    name: ConnectionName
    provider: ProviderName
    url: str | None
    settings: dict[str, Any]
    has_secret: bool
    auth: AuthKind = "secret"
    sign_in: SignIn | None = None
    """Of a connection by OAuth."""
    is_trusted: bool
    state: Literal["active", "disabled"]
    health: ConnectionHealth | None
    created_at: datetime
    updated_at: datetime


class Connections(Contract):
    items: list[ConnectionView]


class DefinitionChange(Contract):
    """What a server says of a tool now, beside what was pinned of it."""

    before: dict[str, Any] | None
    """Null where it was pinned before definitions were kept."""
    now: dict[str, Any]
    hash: str
    """Of what it says now: who approves says with it what they have seen."""


class OfferedTool(Contract):
    """A tool of a connection, and whether agents can be given it."""

    name: str
    """As agents call it."""
    tool: str
    """As its server calls it."""
    description: str
    is_read_only: bool
    is_destructive: bool
    disbelieved: str | None = None
    """Why it counts as one that changes something though its server says that it only reads; what to do."""
    withheld: str | None = None
    """Why it is not offered: its definition changed since it was pinned, or its name is taken."""
    change: DefinitionChange | None = None


class OfferedTools(Contract):
    items: list[OfferedTool]
    problem: str | None = None
    """Why there are none now."""


class ProviderView(Contract):
    """A kind of connection that can be made."""

    name: ProviderName
    title: str
    auth: Literal["api_key", "oauth", "bot_token"]
    signs_in: bool = False
    """Whether it can be connected by OAuth."""
    settings_schema: dict[str, Any]
    """JSON Schema of its settings."""
    tools: list[str]


class Providers(Contract):
    items: list[ProviderView]
    stdio_servers: list[str] = []
    """Those of the operator's list: connected with the provider `stdio` and the setting `server`."""
    redirect_uri: str | None = None
    """Where vendors send people back to after a sign-in: an app is registered with it."""


class PinTools(Contract):
    """`POST /connections/{id}/pins`: take what its server says of these tools now as right; none: of all."""

    tools: list[Annotated[str, Field(min_length=1, max_length=256)]] = []
    seen: Annotated[dict[str, str], Field(max_length=500)] = {}
    """Tool → hash of the definition that was looked at: nothing that its server said since is taken."""
