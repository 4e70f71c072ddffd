"""Stock python-socketio on the same server, with neither authentication nor anything else: `-m … PORT`."""

import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import socketio

from oblivion_platform.http_server import serving
from oblivion_platform.service import run
from oblivion_platform.settings import HttpSettings, LogSettings
from tests.bench.webhook_peers import answer_start_and_stop


class PeerSettings(HttpSettings, LogSettings):
    """Where to listen."""


class Echo(socketio.AsyncNamespace):
    async def trigger_event(self, event: str, *args: Any) -> Any:
        return {"ok": True} if event not in ("connect", "disconnect") else None


@asynccontextmanager
async def peer(settings: PeerSettings) -> AsyncGenerator[None]:
    server = socketio.AsyncServer(async_mode="asgi", transports=["websocket"], ping_interval=10)
    server.register_namespace(Echo("/agents"))
    app = socketio.ASGIApp(server, answer_start_and_stop)
    async with serving(app, host=settings.host, port=settings.port, websocket_pings=False):
        yield


if __name__ == "__main__":
    run(PeerSettings, peer, service=sys.argv[0])
