"""`python -m oblivion_ingestion`."""

from oblivion_ingestion.bootstrap import running
from oblivion_ingestion.settings import Settings
from oblivion_platform.service import run


def main() -> None:
    """Serve until SIGTERM or SIGINT, then drain."""
    run(Settings, running, service="ingestion")


if __name__ == "__main__":
    main()
