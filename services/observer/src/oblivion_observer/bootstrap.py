"""The composition root: the only module that constructs adapters."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from oblivion_observer.adapters.page_folder import FOLDER, read_page
from oblivion_observer.routes.application import make_application
from oblivion_observer.settings import Settings
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
    app = make_application(assets, health)
    async with serving(
        app, host=settings.host, port=settings.port, drain_timeout_s=settings.drain_timeout_s
    ) as port:
        health.phase = Phase.READY
        try:
            yield RunningObserver(port)
        finally:
            health.phase = Phase.DRAINING
