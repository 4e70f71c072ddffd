"""`python -m oblivion_ingestion`."""

import gc

import uvicorn

from oblivion_ingestion.bootstrap import Ingestion
from oblivion_ingestion.settings import Settings
from oblivion_platform.logging import configure_logging
from oblivion_platform.settings import load


def main() -> None:
    """Serve until SIGTERM or SIGINT, then drain."""
    settings = load(Settings)
    configure_logging(settings, service="ingestion")
    ingestion = Ingestion(settings)
    gc.collect()
    gc.freeze()
    uvicorn.run(
        ingestion.app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=round(settings.drain_timeout_s),
    )


if __name__ == "__main__":
    main()
