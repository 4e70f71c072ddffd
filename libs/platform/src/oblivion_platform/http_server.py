"""uvicorn inside a loop that is already running: for services that do more than answer HTTP.

async with serving(app, host="127.0.0.1", port=0) as port:
    ...
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator, Generator

import uvicorn
from starlette.types import ASGIApp

from oblivion_platform.logging import get_logger
from oblivion_platform.tasks import end
from oblivion_platform.tracing import traced

POLL_S = 0.005
KEEP_ALIVE_S = 75
BACKLOG = 2048
WEBSOCKET_PING_S = 20.0
FORCED_AFTER_S = 5.0
"""After its time to drain."""

_log = get_logger(__name__)


class _Server(uvicorn.Server):
    """Leaves the signals to `oblivion_platform.service`, which drains everything in order."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


@contextlib.asynccontextmanager
async def serving(
    app: ASGIApp,
    *,
    host: str,
    port: int,
    drain_timeout_s: float = 10.0,
    websocket_pings: bool = True,
) -> AsyncGenerator[int]:
    """Answer requests until the block ends, then finish those that run; gives the port, be 0 asked for.

    `websocket_pings`: False where what is spoken over WebSockets has pings of its own.

    Raises:
        OSError: the port is taken.
    """
    with _listen(host, port) as listener:
        config = uvicorn.Config(
            traced(app),
            log_config=None,
            access_log=False,
            lifespan="on",
            timeout_graceful_shutdown=max(1, round(drain_timeout_s)),
            timeout_keep_alive=KEEP_ALIVE_S,
            server_header=False,
            ws_ping_interval=WEBSOCKET_PING_S if websocket_pings else None,
            # A compressor costs up to 300 kB for each connection, and messages are short.
            ws_per_message_deflate=False,
        )
        server = _Server(config)
        running = asyncio.create_task(server.serve(sockets=[listener]), name="http server")
        try:
            await _until_started(server, running)
            yield int(listener.getsockname()[1])
        finally:
            server.should_exit = True
            await _ended(running, drain_timeout_s + FORCED_AFTER_S)


async def _ended(running: asyncio.Task[None], within_s: float) -> None:
    """The server drains within bounds of its own; whatever holds it up beyond them holds up nobody else."""
    try:
        _, late = await asyncio.wait({running}, timeout=within_s)
    except asyncio.CancelledError:
        running.cancel()
        raise
    if late:
        _log.warning("http server cut off", after_s=within_s)
        await end(running)
    if not running.cancelled():
        running.result()


def _listen(host: str, port: int) -> socket.socket:
    """Named as TCP, or asyncio's own loop leaves Nagle's algorithm on and answers wait 40 ms."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    unnamed = socket.create_server((host, port), family=family, backlog=BACKLOG)
    return socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, fileno=unnamed.detach())


async def _until_started(server: uvicorn.Server, running: asyncio.Task[None]) -> None:
    while not server.started:
        if running.done():
            await running
            raise RuntimeError("the HTTP application did not start; its log says why")
        await asyncio.sleep(POLL_S)
