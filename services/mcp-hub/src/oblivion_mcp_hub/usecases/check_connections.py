"""Which connections cannot work, or must not be: said before anything is stored, with what to change."""

from collections.abc import Collection, Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

from oblivion_contracts.connections import (
    ANY_MCP_SERVER,
    STDIO_SERVER,
    AuthKind,
    ConnectionChange,
    NewConnection,
)
from oblivion_mcp_hub.domain.caching import cached_for_s, without_cache
from oblivion_mcp_hub.domain.oauth_vendors import VENDORS
from oblivion_mcp_hub.domain.schemas import Schema
from oblivion_mcp_hub.errors import AddressRefused, ConnectionInvalid
from oblivion_mcp_hub.providers import Provider
from oblivion_platform import connections
from oblivion_platform.connections import Connection

_HEADER_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")
_OF_OURS = {"host", "content-length", "mcp-session-id", "mcp-protocol-version", "transfer-encoding"}


class Addresses(Protocol):
    """Which hosts may be reached."""

    async def resolve(self, host: str, port: int) -> list[str]:
        """Raises: AddressRefused, OSError."""
        ...


class ConnectionChecks:
    """What the operator's settings and the providers allow."""

    def __init__(
        self, providers: Mapping[str, Provider], addresses: Addresses, stdio_servers: Collection[str]
    ) -> None:
        self._providers = providers
        self._addresses = addresses
        self._stdio_servers = sorted(stdio_servers)

    async def new(self, new: NewConnection) -> None:
        """Raises: ConnectionInvalid, AddressRefused."""
        self._check_name(new)
        _check_auth(new)
        self._check_settings(new.provider, new.settings, connections.auth_of(new))
        await self._check_url(new.provider, new.url)

    async def change(self, known: Connection, wish: ConnectionChange) -> None:
        """Raises: ConnectionInvalid, AddressRefused."""
        if wish.settings is not None:
            self._check_settings(known.provider, wish.settings, known.auth)
        await self._check_url(known.provider, wish.url, is_new=False)
        _refuse_to_move_secret(known, wish)
        _refuse_what_it_has_not(known, wish)

    def _check_name(self, new: NewConnection) -> None:
        if new.provider not in {ANY_MCP_SERVER, STDIO_SERVER, *self._providers}:
            known = ", ".join([ANY_MCP_SERVER, STDIO_SERVER, *self._providers])
            raise ConnectionInvalid(f"There is no provider {new.provider}. There are: {known}.")
        if new.provider in self._providers:
            return
        if new.name is None:
            raise ConnectionInvalid("An MCP server needs a name: its tools' names begin with it.")
        if new.name in {connections.default_name(name) for name in self._providers}:
            raise ConnectionInvalid(f"{new.name} is the name of a built-in provider. Give another one.")

    def _check_settings(self, provider: str, given: dict[str, Any], auth: AuthKind) -> None:
        try:
            cached_for_s(given)
        except ValueError as error:
            raise ConnectionInvalid(str(error)) from None
        settings = without_cache(given)
        if provider == ANY_MCP_SERVER:
            _check_header(settings, auth)
            return
        if provider == STDIO_SERVER:
            self._check_stdio(settings)
            return
        schema = dict(self._providers[provider].settings_schema)
        if auth == "oauth":
            schema.pop("required", None)  # The sign-in tells what a key does not.
        faults = Schema(schema).faults(settings)
        if faults is not None:
            raise ConnectionInvalid(f"These settings do not fit: {faults}")

    def _check_stdio(self, settings: dict[str, Any]) -> None:
        """What is started, and how, is the operator's to say: a tenant names it."""
        if settings.keys() != {"server"} or settings["server"] not in self._stdio_servers:
            known = ", ".join(self._stdio_servers) or "none"
            raise ConnectionInvalid(
                "The settings of a stdio server are {server: NAME}, one of the operator's list; "
                f"there are: {known}."
            )

    async def _check_url(self, provider: str, url: str | None, *, is_new: bool = True) -> None:
        if provider != ANY_MCP_SERVER:
            if url is not None:
                raise ConnectionInvalid("That server's address is the operator's to set.")
            return
        if url is None:
            if is_new:
                raise ConnectionInvalid("An MCP server needs its URL.")
            return
        parts = urlsplit(url)
        host = parts.hostname or ""
        try:
            await self._addresses.resolve(host, parts.port or (443 if parts.scheme == "https" else 80))
        except AddressRefused:
            raise
        except (OSError, ValueError, UnicodeError):
            raise ConnectionInvalid(f"{host} has no address. Is it written correctly?") from None


def named_as_its_server(new: NewConnection) -> NewConnection:
    """A stdio server's connection has its name, unless another one is given."""
    server = new.settings.get("server")
    if new.provider != STDIO_SERVER or new.name is not None or not isinstance(server, str):
        return new
    return new.model_copy(update={"name": server})


def _check_auth(new: NewConnection) -> None:
    auth = connections.auth_of(new)
    if new.provider == STDIO_SERVER and (auth != "secret" or new.secret is not None):
        raise ConnectionInvalid("A stdio server is given its secrets by the operator, and nobody signs in.")
    if auth == "oauth" and new.provider not in {ANY_MCP_SERVER, *VENDORS}:
        raise ConnectionInvalid(f"Nobody signs in at {new.provider}: it takes a key.")
    if auth == "signed_identity" and new.provider != ANY_MCP_SERVER:
        raise ConnectionInvalid("Only an MCP server of your own can check who you are by our signature.")
    if auth != "oauth" and new.client is not None:
        raise ConnectionInvalid("A client is for connections by OAuth.")
    if auth != "secret" and new.secret is not None:
        raise ConnectionInvalid(f"By {auth.replace('_', ' ')}, a connection has no secret of its own.")


def _refuse_what_it_has_not(known: Connection, wish: ConnectionChange) -> None:
    if wish.client is not None and known.auth != "oauth":
        raise ConnectionInvalid("A client is for connections by OAuth.")
    if wish.secret is not None and (known.auth != "secret" or known.provider == STDIO_SERVER):
        raise ConnectionInvalid("This connection has no secret. To prove itself by one, connect it anew.")


def _refuse_to_move_secret(known: Connection, wish: ConnectionChange) -> None:
    """A stored secret is shown to nobody but the server that it was given for; sign-ins end with the move."""
    if known.auth != "secret" or wish.url is None or wish.secret is not None or not known.has_secret:
        return
    if urlsplit(wish.url)[:2] != urlsplit(known.url or "")[:2]:
        raise ConnectionInvalid(
            "At another address its secret is needed again. Give both at once: "
            f"oblivion connections set {known.name} --url URL --secret"
        )


def _check_header(settings: dict[str, Any], auth: AuthKind) -> None:
    header = settings.get("header", "Authorization")
    if auth != "secret" and settings:
        raise ConnectionInvalid("Only a secret can go in a header of its own.")
    if settings.keys() - {"header"} or not isinstance(header, str) or not header:
        raise ConnectionInvalid("The settings of an MCP server are {header: NAME} or nothing.")
    if not _HEADER_CHARACTERS.issuperset(header) or header.lower() in _OF_OURS:
        raise ConnectionInvalid("That is no header that a secret can be sent in.")
