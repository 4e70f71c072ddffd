"""`python -m oblivion_router_worker`."""

from typing import NoReturn

from oblivion_platform.service import run
from oblivion_router_worker.bootstrap import running
from oblivion_router_worker.settings import Settings


def main() -> NoReturn:
    """Consume until SIGTERM or SIGINT, then drain."""
    run(Settings, running, service="router-worker")


if __name__ == "__main__":
    main()
