"""Requests to tool servers by the shortest way: what callers wait for goes by this client, not by the SDK's.

As in `guarded_http`: only addresses that were judged, no redirect, no proxy, no endless answer.
"""

import ipaddress
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from urllib.parse import urlsplit

import aiohttp
import httpx2
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.helpers import is_ip_address

from oblivion_mcp_hub.adapters.guarded_http import AddressGuard, AnswerTooLarge, certificates
from oblivion_mcp_hub.adapters.oauth_credentials import ShownCredential
from oblivion_mcp_hub.errors import AddressRefused

CONNECT_TIMEOUT_S = 10.0
KEEP_ALIVE_S = 30.0
CONNECTIONS_MAX = 100
_OWN_HEADERS = {"Accept-Encoding": "identity", "User-Agent": "oblivion-mcp-hub"}
_REFUSED = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}


class Answer:
    """What came back, not read yet."""

    def __init__(self, response: aiohttp.ClientResponse, most_bytes: int) -> None:
        self._response = response
        self._most_bytes = most_bytes
        self.status = response.status
        self.kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()

    async def read(self) -> bytes:
        """Raises: AnswerTooLarge."""
        return b"".join([part async for part in self._parts()])

    def events(self) -> AsyncIterator[httpx2.ServerSentEvent]:
        """Raises (while it is read): AnswerTooLarge, httpx2.SSEError."""
        response = httpx2.Response(
            self.status,
            headers={"content-type": self.kind},
            stream=_Parts(self._parts()),
            request=httpx2.Request("GET", str(self._response.url)),
        )
        return aiter(httpx2.EventSource(response, max_event_size=self._most_bytes))

    async def _parts(self) -> AsyncGenerator[bytes]:
        # Unpacked, a small answer could be of any size.
        is_packed = self._response.headers.get("content-encoding", "identity") != "identity"
        left = 0 if is_packed else self._most_bytes
        async for part in self._response.content.iter_any():
            left -= len(part)
            if left < 0:
                raise AnswerTooLarge
            yield part


class _Parts(httpx2.AsyncByteStream):
    """A body as httpx2 has it."""

    def __init__(self, parts: AsyncGenerator[bytes]) -> None:
        self._parts = parts

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._parts:
            yield part

    async def aclose(self) -> None:
        await self._parts.aclose()


class _GuardedResolver(AbstractResolver):
    """Names lead to addresses that were judged, and to no others."""

    def __init__(self, guard: AddressGuard) -> None:
        self._guard = guard

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002 - whichever it has
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in await self._guard.resolve(host, port)
        ]

    async def close(self) -> None:
        return


class ShortWay:
    """One server's connections, kept alive. Made in a running loop."""

    def __init__(
        self, guard: AddressGuard, credential: ShownCredential, *, timeout_s: float, most_bytes: int
    ) -> None:
        self._guard = guard
        self._credential = credential
        self._most_bytes = most_bytes
        self._judged_url = ""
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=_GuardedResolver(guard),
                use_dns_cache=False,
                ssl=certificates(),
                limit=CONNECTIONS_MAX,
                keepalive_timeout=KEEP_ALIVE_S,
            ),
            timeout=aiohttp.ClientTimeout(
                total=None,
                connect=timeout_s,  # Also for one of the connections that there are.
                sock_connect=CONNECT_TIMEOUT_S,
                sock_read=timeout_s,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        )

    @asynccontextmanager
    async def send(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None
    ) -> AsyncGenerator[Answer]:
        """Raises: aiohttp.ClientError, OSError, AddressRefused, ServerRefused."""
        if url != self._judged_url:
            self._refuse_number(urlsplit(url).hostname or "")
            self._judged_url = url
        shown = await self._credential.header()
        response = await self._asked(method, url, {**headers, **shown}, content)
        try:
            if response.status in _REFUSED:
                another = await self._credential.header_instead(shown, response.status)
                response.close()
                response = await self._asked(method, url, {**headers, **another}, content)
                if response.status in _REFUSED:
                    raise self._credential.refused(response.status)
            yield Answer(response, self._most_bytes)
        finally:
            # What was read to its end goes on being used; what was not is closed.
            response.release() if response.content.at_eof() else response.close()

    async def close(self) -> None:
        await self._http.close()

    async def _asked(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None
    ) -> aiohttp.ClientResponse:
        asking = self._http.request(
            method, url, headers={**_OWN_HEADERS, **headers}, data=content, allow_redirects=False
        )
        try:
            return await asking
        except aiohttp.ConnectionTimeoutError:
            raise
        except TimeoutError as error:
            raise aiohttp.ServerTimeoutError from error

    def _refuse_number(self, host: str) -> None:
        """A number is no name, so nobody resolves it. Raises: AddressRefused."""
        if not is_ip_address(host):
            return
        try:
            is_permitted = self._guard.permits(ipaddress.ip_address(host))
        except ValueError:
            is_permitted = False  # Half a number: 127.1
        if not is_permitted:
            raise AddressRefused(host)
