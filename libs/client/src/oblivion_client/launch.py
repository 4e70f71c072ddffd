"""`agent.run()`: signals, logging, exit codes, and starting again when the code changes."""

import asyncio
import logging
import os
import shlex
import signal
import sys
from pathlib import Path
from typing import Protocol

from oblivion_client.configuration import Configuration, read_env_file, script_folder
from oblivion_client.errors import AgentMisconfigured
from oblivion_client.serving import Stop

RELOAD_VARIABLE = "OBLIVION_RELOAD"
_RELOADED_VARIABLE = "OBLIVION_RELOADED"
"""Set for the process that is started again and again."""
_MISCONFIGURED = 2

logger = logging.getLogger("oblivion_client")


class Launchable(Protocol):
    """An agent, as far as starting it goes."""

    async def serve(self, configuration: Configuration, stop: Stop) -> None: ...


def launch(agent: Launchable, drain_s: float, *, reload: bool | None) -> None:
    """Serve the agent until it is told to stop.

    Raises:
        SystemExit: 2, with a sentence on stderr, when it is not set up to run.
    """
    _set_up_logging()
    if _RELOADED_VARIABLE not in os.environ and _wants_reload(reload):
        _start_again_on_changes()
        return
    try:
        asyncio.run(_serve(agent, drain_s))
    except AgentMisconfigured as error:
        print(error, file=sys.stderr)  # noqa: T201 - for the person at the terminal
        raise SystemExit(_MISCONFIGURED) from None


async def _serve(agent: Launchable, drain_s: float) -> None:
    stop = Stop()
    loop = asyncio.get_running_loop()
    # Ctrl-C means now: what is held goes back at once, and is given to this agent again when it restarts.
    for number, patience_s in ((signal.SIGTERM, drain_s), (signal.SIGINT, 0.0)):
        loop.add_signal_handler(number, stop.ask, patience_s)
    await agent.serve(Configuration.find(), stop)


def _wants_reload(asked_for: bool | None) -> bool:  # noqa: FBT001 - three-valued
    if asked_for is not None:
        return asked_for
    folder = script_folder()
    configured = os.environ.get(RELOAD_VARIABLE) or read_env_file(folder).get(RELOAD_VARIABLE)
    if configured is not None:
        return configured.lower() in ("1", "true", "yes", "on")
    return sys.stderr.isatty() and (folder / ".env").exists()


def _start_again_on_changes() -> None:
    """Run this program as a child, and again after each change of a file beside the script."""
    from watchfiles import PythonFilter, run_process

    folder = script_folder()
    os.environ[_RELOADED_VARIABLE] = "1"
    logger.info("watching %s: the agent starts again when a file changes", folder)
    run_process(
        folder,
        target=shlex.join([sys.executable, *_arguments()]),
        target_type="command",
        watch_filter=PythonFilter(extra_extensions=[".env", ".md", ".json", ".yaml"]),
        callback=lambda changes: logger.info(
            "changed: %s; starting again", ", ".join(sorted({Path(file).name for _, file in changes}))
        ),
    )


def _arguments() -> list[str]:
    """How this program was started, without the interpreter: `-m package` stays `-m package`."""
    return sys.orig_argv[1:]


def _set_up_logging() -> None:
    """Lines on stderr, unless the program logs in its own way."""
    level = os.environ.get("OBLIVION_LOG_LEVEL", "INFO").upper()
    logging.basicConfig(
        level=level if level in logging.getLevelNamesMapping() else logging.INFO,
        format="%(asctime)s %(levelname)-7s %(message)s",
    )
    # One line for each token is news for nobody.
    logging.getLogger("httpx").setLevel(logging.WARNING)
