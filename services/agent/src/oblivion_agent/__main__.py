"""`python -m oblivion_agent`."""

import asyncio
import sys

from oblivion_agent.bootstrap import run
from oblivion_agent.logs import set_up_logging
from oblivion_agent.settings import EXIT_BAD_SETTINGS, load
from oblivion_client import AgentMisconfigured


def main() -> None:
    """Serve until told to stop."""
    settings = load()
    set_up_logging()
    try:
        asyncio.run(run(settings))
    except* AgentMisconfigured as errors:
        print(*errors.exceptions, sep="\n", file=sys.stderr)  # noqa: T201 - for the person who starts it
        raise SystemExit(EXIT_BAD_SETTINGS) from None


if __name__ == "__main__":
    main()
