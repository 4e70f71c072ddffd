"""`python -m oblivion_operator`."""

from typing import NoReturn

from oblivion_operator.bootstrap import running
from oblivion_operator.settings import Settings
from oblivion_platform.service import run


def main() -> NoReturn:
    """Look after Agents until SIGTERM or SIGINT."""
    run(Settings, running, service="operator")


if __name__ == "__main__":
    main()
