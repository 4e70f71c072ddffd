"""`python -m oblivion_sandbox`."""

from oblivion_platform.service import run
from oblivion_sandbox.bootstrap import running
from oblivion_sandbox.settings import SandboxSettings


def main() -> None:
    """Serve both stand-ins until SIGTERM or SIGINT."""
    run(SandboxSettings, running, service="sandbox")


if __name__ == "__main__":
    main()
