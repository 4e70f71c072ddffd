"""The sandbox's HTTP server: uvicorn, able to reset a connection on command."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from oblivion_sandbox.misbehave import ABORT_EXTENSION

TICK_S = 1.0


class CuttableProtocol(HttpToolsProtocol):
    """HTTP that lets the application cut its connection, as a failing network would."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        cast("dict[str, Any]", self.scope)["extensions"] = {ABORT_EXTENSION: self.transport.abort}


class DrainingServer(uvicorn.Server):
    """A server that ends streams first when it stops, rather than waiting for their clients."""

    def __init__(self, config: uvicorn.Config, end_streams: Callable[[], Awaitable[None]]) -> None:
        super().__init__(config)
        self._end_streams = end_streams
        self._told_to_stop = asyncio.Event()

    async def run_on(self, listener: socket.socket) -> None:
        """Serve until `stop`; unlike uvicorn's own `serve`, signals are left to the caller."""
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

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._end_streams()
        await super().shutdown(sockets)


def make_server(
    app: ASGIApp, end_streams: Callable[[], Awaitable[None]], shutdown_s: int = 3
) -> DrainingServer:
    """A server that leaves logging and the choice of its socket to the caller."""
    config = uvicorn.Config(
        app,
        http=CuttableProtocol,
        ws="websockets-sansio",
        loop="uvloop",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=shutdown_s,
    )
    return DrainingServer(config, end_streams)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one."""
    # Named as TCP, or asyncio leaves Nagle's algorithm on and each answer waits 40 ms for an acknowledgement.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(1024)
    listener.setblocking(False)  # noqa: FBT003
    return listener
