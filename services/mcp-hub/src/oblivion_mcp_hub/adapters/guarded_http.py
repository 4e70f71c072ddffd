"""HTTP to tool servers that somebody else named: no private address, no endless answer.

A host is resolved once for each connection, and the connection goes to the very address that was judged, so
a name that resolves to something else a moment later changes nothing; each redirect is judged by itself.
Source: https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html
"""

import asyncio
import ipaddress
import socket
import ssl
import time
from collections.abc import AsyncIterator, Hashable, Iterable, Sequence
from functools import cache
from typing import Any, cast

import httpcore2
import httpx2
from mcp.shared.inbound import MCP_METHOD_HEADER

from oblivion_mcp_hub.adapters.names import Names, shared_names
from oblivion_mcp_hub.errors import AddressRefused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_PUBLIC_V6 = ipaddress.ip_network("2000::/3")
"""All that is given out; what lies outside of it has a meaning of its own, and mostly inside of a network."""
_V4 = 4
_OWN_HEADERS = {"Accept-Encoding": "identity"}
CONNECT_TIMEOUT_S = 10.0
STANDING_BYTES_PER_S = 4 * 1024
_KEEP_ALIVE = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 15),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4),
]
"""A peer that vanishes is found out also where nothing is to be said for hours."""


class AnswerTooLarge(httpx2.StreamError):
    """The rest of the answer is not read."""

    def __init__(self) -> None:
        super().__init__("the answer is too large")


class AddressGuard:
    """Which addresses may be reached: public ones, and those in networks that the operator named."""

    def __init__(
        self, allowed: Iterable[Network] = (), names: Names | None = None, whose: Hashable = None
    ) -> None:
        self._allowed = tuple(allowed)
        self._names = names or shared_names()
        self._whose = whose

    @classmethod
    def of_everything(cls) -> "AddressGuard":
        """For addresses that the operator's own settings name."""
        return cls([ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0")])

    def of(self, whose: Hashable) -> "AddressGuard":
        """The same for one tenant, whose names keep nobody else's waiting."""
        return AddressGuard(self._allowed, self._names, whose)

    async def is_inside(self, host: str, port: int) -> bool:
        """Whether all that a host leads to is in networks that the operator named.

        Raises: AddressRefused, OSError.
        """
        found = [ipaddress.ip_address(text) for text in await self.resolve(host, port)]
        return all(self._is_allowed(address) for address in found)

    def permits(self, address: Address) -> bool:
        meant = _meant(address)
        is_public = meant.version == _V4 or meant in _PUBLIC_V6
        return self._is_allowed(address) or (is_public and meant.is_global and not meant.is_multicast)

    def _is_allowed(self, address: Address) -> bool:
        both = (address, _meant(address))
        return any(each.version == net.version and each in net for net in self._allowed for each in both)

    async def resolve(self, host: str, port: int) -> list[str]:
        """The host's addresses that may be reached, in the order of preference.

        Raises:
            AddressRefused: it has none.
            OSError: it has no address at all.
        """
        addresses = await self._names.addresses(host, port, self._whose)
        permitted = [text for text in addresses if self.permits(ipaddress.ip_address(text))]
        if not permitted:
            raise AddressRefused(host)
        return permitted


def _meant(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one, where there is one."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo or (None, address))[1]


class _GuardedBackend(httpcore2.AsyncNetworkBackend):
    """Connects to addresses that were judged, never to a name."""

    def __init__(self, guard: AddressGuard) -> None:
        self._guard = guard
        self._inner = cast("httpcore2.AsyncNetworkBackend", httpcore2.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        try:
            addresses = await self._guard.resolve(host, port)
        except OSError as error:
            raise httpcore2.ConnectError(str(error)) from error
        return await self._first_that_answers(addresses, port, timeout, local_address, socket_options)

    async def _first_that_answers(
        self,
        addresses: Sequence[str],
        port: int,
        timeout: float | None,
        local_address: str | None,
        socket_options: Iterable[Any] | None,
    ) -> httpcore2.AsyncNetworkStream:
        for address in addresses[:-1]:
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return await self._inner.connect_tcp(addresses[-1], port, timeout, local_address, socket_options)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class _Capped(httpx2.AsyncByteStream):
    """A body of which no more than so many bytes are read, and so many more with each second."""

    def __init__(self, inner: httpx2.AsyncByteStream, most_bytes: int, more_bytes_per_s: int) -> None:
        self._inner = inner
        self._most_bytes = most_bytes
        self._more_bytes_per_s = more_bytes_per_s

    async def __aiter__(self) -> AsyncIterator[bytes]:
        began, read = time.monotonic(), 0
        async for part in self._inner:
            read += len(part)
            more = self._more_bytes_per_s * (time.monotonic() - began) if self._more_bytes_per_s else 0
            if read > self._most_bytes + more:
                raise AnswerTooLarge
            yield part

    async def aclose(self) -> None:
        await self._inner.aclose()


class GuardedTransport(httpx2.AsyncHTTPTransport):
    """Through no proxy: what a proxy resolves nobody has judged."""

    def __init__(self, guard: AddressGuard, most_bytes: int) -> None:
        super().__init__(verify=certificates(), trust_env=False)
        self._most_bytes = most_bytes
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=certificates(),
            max_connections=100,
            max_keepalive_connections=20,
            keepalive_expiry=30.0,
            network_backend=_GuardedBackend(guard),
            socket_options=_KEEP_ALIVE,
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().handle_async_request(request)
        # Unpacked, a small answer could be of any size.
        is_packed = response.headers.get("content-encoding", "identity") != "identity"
        body = response.stream
        assert isinstance(body, httpx2.AsyncByteStream)  # noqa: S101 - an asynchronous transport's
        return httpx2.Response(
            response.status_code,
            headers=response.headers,
            stream=_Capped(
                body,
                0 if is_packed else self._most_bytes,
                STANDING_BYTES_PER_S if _is_standing(request) else 0,
            ),
            extensions=response.extensions,
        )


def _is_standing(request: httpx2.Request) -> bool:
    """A stream on which a server says something whenever there is something to say."""
    return request.method == "GET" or request.headers.get(MCP_METHOD_HEADER) == "subscriptions/listen"


@cache
def certificates() -> ssl.SSLContext:
    """Read once: it takes longer than a request."""
    return httpx2.create_ssl_context(trust_env=False)


def guarded_client(
    guard: AddressGuard, *, headers: dict[str, str], timeout_s: float | None, most_bytes: int
) -> httpx2.AsyncClient:
    """A client that follows no redirect by itself; `timeout_s`: of silence, None: any."""
    return httpx2.AsyncClient(
        transport=GuardedTransport(guard, most_bytes),
        headers={**_OWN_HEADERS, **headers},
        timeout=httpx2.Timeout(CONNECT_TIMEOUT_S, read=timeout_s),
        follow_redirects=False,
        trust_env=False,
    )
