"""The composition root: the only module that constructs adapters."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from oblivion_observer.adapters.board_socket import BoardSocket
from oblivion_observer.adapters.page_folder import FOLDER, read_page
from oblivion_observer.adapters.signed_in import GatewaysWord
from oblivion_observer.routes.application import make_application
from oblivion_observer.routes.queue_board import QueueBoard
from oblivion_observer.settings import Settings
from oblivion_platform.door import own_origins
from oblivion_platform.health import Health, Phase
from oblivion_platform.http_server import serving
from oblivion_platform.logging import get_logger

_log = get_logger(__name__)


@dataclass(frozen=True)
class RunningObserver:
    """A started service and the port it listens on."""

    port: int


@asynccontextmanager
async def running(settings: Settings) -> AsyncGenerator[RunningObserver]:
    """Serve until the block ends, then drain. Without a built page it says so to whoever comes."""
    health = Health(details_token=settings.health_token)
    assets = read_page()
    if not assets:
        _log.info("page not built", folder=str(FOLDER), fix="make page")
    signed_in = GatewaysWord(settings.gateway_url) if settings.gateway_url else None
    board = BoardSocket(settings.queue_board_socket)
    door = QueueBoard(signed_in, board, own_origins(settings.public_url))
    try:
        async with serving(
            make_application(assets, door, health),
            host=settings.host,
            port=settings.port,
            drain_timeout_s=settings.drain_timeout_s,
        ) as port:
            health.phase = Phase.READY
            try:
                yield RunningObserver(port)
            finally:
                health.phase = Phase.DRAINING
    finally:
        await board.close()
        if signed_in is not None:
            await signed_in.close()
