"""`python -m oblivion_mcp_hub`."""

from oblivion_mcp_hub.bootstrap import running
from oblivion_mcp_hub.settings import Settings
from oblivion_platform.service import run


def main() -> None:
    """Serve until SIGTERM or SIGINT, then drain."""
    run(Settings, running, service="mcp-hub")


if __name__ == "__main__":
    main()
