"""What signing in needs of the world, and what tool servers are shown."""

from dataclasses import dataclass, field
from typing import Protocol

from oblivion_mcp_hub.domain.oauth import Client, Plan, Tokens


class Credential(Protocol):
    """What one connection proves itself with."""

    async def value(self) -> str | None:
        """What to show now; None where nothing is.

        Raises: SignInMissing, DependencyUnavailable, DecryptionFailed.
        """
        ...

    async def instead_of(self, refused: str) -> str | None:
        """Another one, after the server did not take this; None when there is none to be had.

        Raises: SignInMissing, DependencyUnavailable, DecryptionFailed.
        """
        ...


@dataclass(frozen=True, slots=True)
class Discovered:
    """The authorisation server of an MCP server, by its own and the server's word."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    resource: str
    scope: str | None
    says_issuer: bool
    registration_endpoint: str | None
    takes_documents: bool
    """Client ID Metadata Documents."""
    token_auths: tuple[str, ...] = field(default=("client_secret_basic",))


class AuthorizationServers(Protocol):
    """Authorisation servers, over HTTP.

    Every method raises AuthorizationServerAway, AddressRefused.
    """

    async def discover(self, url: str, /) -> Discovered:
        """Raises: SignInRefused: the server names none, or one that cannot be used."""
        ...

    async def register(self, found: Discovered, redirect_uri: str, /) -> Client:
        """Raises: SignInRefused: it does not let apps register themselves, or not us."""
        ...

    async def redeem(self, plan: Plan, client: Client, code: str, verifier: str, /) -> Tokens:
        """Raises: GrantRefused."""
        ...

    async def renew(self, plan: Plan, client: Client, tokens: Tokens, /) -> Tokens:
        """Raises: GrantRefused."""
        ...


class VendorAccounts(Protocol):
    """What a vendor has to be asked once its tokens are there."""

    async def settings_of(
        self, provider: str, settings: dict[str, object], tokens: Tokens, /
    ) -> dict[str, object]:
        """What the provider needs to know beside: Jira's cloud id.

        Raises: SignInRefused, AuthorizationServerAway.
        """
        ...
