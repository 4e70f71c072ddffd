"""`python -m oblivion_gateway`."""

from oblivion_gateway.bootstrap import running
from oblivion_gateway.settings import Settings
from oblivion_platform.service import run


def main() -> None:
    """Serve until SIGTERM or SIGINT, then drain."""
    run(Settings, running, service="gateway")


if __name__ == "__main__":
    main()
