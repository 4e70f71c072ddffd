"""Stands between the operator and the API server: counts its writes, kills it after one, cuts its watches."""

import asyncio
import re
import ssl
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_HOP = frozenset({"host", "connection", "transfer-encoding", "content-length", "content-encoding"})
_VERSION = re.compile(rb'"resourceVersion":\s*"(\d+)"')


@dataclass
class ApiProxy:
    """One per test."""

    upstream: str
    tls: ssl.SSLContext
    url: str = ""
    writes: list[str] = field(default_factory=list[str])
    """Method and path of each write that changed something."""
    seen: set[bytes] = field(default_factory=set[bytes])
    """Every resourceVersion that was answered so far: a write that answers one of them changed nothing."""
    kill_after: int | None = None
    kill: Callable[[], object] | None = None
    is_cut: bool = False
    refused: Counter[str] = field(default_factory=Counter[str])
    """How often each watch was asked for while they were cut."""
    watched: set[str] = field(default_factory=set[str])
    """Paths that were watched so far."""
    watches: set[asyncio.Task[object]] = field(default_factory=set[asyncio.Task[object]])

    def cut_watches(self) -> None:
        """End all watches, and let no new one through."""
        self.is_cut = True
        self.refused.clear()
        for task in self.watches:
            task.cancel()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        is_watch = "watch" in request.query
        if is_watch and self.is_cut:
            self.refused[request.path] += 1
            return web.Response(status=503)
        if is_watch:
            task: asyncio.Task[object] | None = asyncio.current_task()
            assert task is not None
            self.watched.add(request.path)
            self.watches.add(task)
            task.add_done_callback(self.watches.discard)
        headers = {key: value for key, value in request.headers.items() if key.lower() not in _HOP}
        headers["Accept-Encoding"] = "identity"
        async with self._session.request(
            request.method,
            f"{self.upstream}{request.raw_path}",
            headers=headers,
            data=await request.read() or None,
            ssl=self.tls,
            timeout=aiohttp.ClientTimeout(total=None if is_watch else 60),
            auto_decompress=False,
        ) as answer:
            if is_watch:
                return await self._stream(request, answer)
            body = await answer.read()
            self._count(request, answer, body)
            return web.Response(status=answer.status, headers=_kept(answer), body=body)

    async def _stream(self, request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
        reply = web.StreamResponse(status=answer.status, headers=_kept(answer))
        await reply.prepare(request)
        async for chunk in answer.content.iter_any():
            await reply.write(chunk)
        await reply.write_eof()
        return reply

    def _count(self, request: web.Request, answer: aiohttp.ClientResponse, body: bytes) -> None:
        # The Lease is written all the time and says nothing of the Agents.
        if answer.status >= 300 or "/leases" in request.path:
            return
        versions = set(_VERSION.findall(body))
        changed = not versions <= self.seen
        self.seen |= versions
        if request.method not in WRITES or not changed:
            return
        self.writes.append(f"{request.method} {request.path}")
        if self.kill is not None and len(self.writes) == self.kill_after:
            self.kill()

    @asynccontextmanager
    async def serving(self) -> AsyncGenerator["ApiProxy"]:
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as self._session:
            app = web.Application(client_max_size=8 * 1024 * 1024)
            app.router.add_route("*", "/{path:.*}", self.handle)
            runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.5)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            assert site._server is not None
            port = site._server.sockets[0].getsockname()[1]  # pyright: ignore[reportAttributeAccessIssue]
            self.url = f"http://127.0.0.1:{port}"
            try:
                yield self
            finally:
                await runner.cleanup()


def _kept(answer: aiohttp.ClientResponse) -> dict[str, str]:
    dropped = _HOP - {"content-encoding"}
    return {key: value for key, value in answer.headers.items() if key.lower() not in dropped}
