"""`python -m oblivion_observer`."""

from oblivion_observer.bootstrap import running
from oblivion_observer.settings import Settings
from oblivion_platform.service import run


def main() -> None:
    """Serve until SIGTERM or SIGINT, then drain."""
    run(Settings, running, service="observer")


if __name__ == "__main__":
    main()
