"""The sandbox's HTTP server: uvicorn inside a running loop, able to reset a connection on command."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from oblivion_sandbox.misbehave import ABORT_EXTENSION

TICK_S = 1.0
POLL_S = 0.005
DRAIN_S = 3


class CuttableProtocol(HttpToolsProtocol):
    """HTTP that lets the application cut its connection, as a failing network would."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        cast("dict[str, Any]", self.scope)["extensions"] = {ABORT_EXTENSION: self.transport.abort}


class _Server(uvicorn.Server):
    """Serves until told to stop, and leaves signals to the caller."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._told_to_stop = asyncio.Event()

    async def run_on(self, listener: socket.socket) -> None:
        await self._serve([listener])

    def stop(self) -> None:
        self.should_exit = True
        self._told_to_stop.set()

    async def main_loop(self) -> None:
        """Wait to be told, where uvicorn's own loop looks ten times a second."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TICK_S):
                    await self._told_to_stop.wait()


@contextlib.asynccontextmanager
async def serving(app: ASGIApp, host: str, port: int) -> AsyncGenerator[int]:
    """Answer requests until the block ends; gives the port, be 0 asked for.

    Raises:
        OSError: the port is taken.
    """
    config = uvicorn.Config(
        app,
        http=CuttableProtocol,
        ws="websockets-sansio",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=DRAIN_S,
    )
    with _listen(host, port) as listener:
        server = _Server(config)
        running = asyncio.create_task(server.run_on(listener), name="http server")
        try:
            await _until_started(server, running)
            yield int(listener.getsockname()[1])
        finally:
            server.stop()
            await running


async def _until_started(server: _Server, running: asyncio.Task[None]) -> None:
    while not server.started:
        if running.done():
            await running
            raise RuntimeError("the HTTP application did not start; its log says why")
        await asyncio.sleep(POLL_S)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, or asyncio leaves Nagle's algorithm on and each answer waits 40 ms for an acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(1024)
    listener.setblocking(False)  # noqa: FBT003
    return listener
