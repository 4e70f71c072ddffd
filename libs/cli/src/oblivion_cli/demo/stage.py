"""The system that the story is played on: the one that runs here, or one started for it."""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import AsyncGenerator

from oblivion_cli.errors import CommandFailed
from oblivion_cli.home import Home
from oblivion_cli.up.lock import RunningSystem, running_system

UP_WITHIN_S = 180.0
DOWN_WITHIN_S = 60.0
POLL_S = 0.1


@contextlib.asynccontextmanager
async def started_system(home: Home) -> AsyncGenerator[RunningSystem]:
    """Run `oblivion up` in the background for as long as the context lasts.

    Raises:
        CommandFailed: it did not come up; the message holds what it said.
    """
    home.make()
    log_file = home.logs / "up.log"
    with log_file.open("wb") as log:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "oblivion_cli", "up"),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            process_group=0,
        )
    try:
        async with asyncio.timeout(UP_WITHIN_S):
            yield await _until_ready(home, child)
    except TimeoutError:
        raise CommandFailed("The system did not come up.", f"Read {log_file}.") from None
    finally:
        await _stop(child)


async def _until_ready(home: Home, child: asyncio.subprocess.Process) -> RunningSystem:
    while child.returncode is None:
        system = running_system(home)
        if system is not None and system.ready:
            return system
        await asyncio.sleep(POLL_S)
    said = (home.logs / "up.log").read_text(errors="replace").strip()
    raise CommandFailed("The system did not start.", f"It said: {said}")


async def _stop(child: asyncio.subprocess.Process) -> None:
    if child.returncode is None:
        child.terminate()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DOWN_WITHIN_S):
                await child.wait()
