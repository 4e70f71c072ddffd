"""The life of `oblivion up`: take the lock, start, say so, wait for Ctrl-C, stop."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Coroutine
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import Any

from oblivion_cli.home import Home
from oblivion_cli.up.banner import Links, banner, program_name
from oblivion_cli.up.choices import CHANGE_SIGNAL
from oblivion_cli.up.lock import RunLock, RunningSystem, hold_lock
from oblivion_cli.up.ports import choose_port
from oblivion_cli.up.system import EmbeddedSystem, Ports, Stopwatch
from oblivion_platform.tasks import end

_FIRST_START = "oblivion_cli.up.first_start"
"""Takes a second to load, in which the stores start."""


@dataclass(frozen=True)
class Terminal:
    """The two ways `up` speaks: results, and what goes on meanwhile."""

    say: Callable[[str], None]
    note: Callable[[str], None]


async def run_system(home: Home, wanted_port: int, terminal: Terminal) -> None:
    """Run until SIGINT, SIGTERM or SIGHUP.

    Raises:
        AlreadyRuns: another process runs this home.
        CommandFailed: something did not start; all that did is stopped again.
    """
    watch = Stopwatch()
    front_port = choose_port(wanted_port)
    if front_port != wanted_port:
        terminal.note(f"Port {wanted_port} is taken; using {front_port}.")
    stop_asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    # SIGHUP: the terminal is gone.
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(each, stop_asked.set)
    with hold_lock(home) as lock:
        system = EmbeddedSystem(home, home.read_or_make_secrets(), Ports.around(front_port), terminal.note)
        try:
            if await _started(system, stop_asked, terminal.note):
                _publish(lock, system, wanted_port)
                links = Links(system.base_url, await _watch_link(system))
                terminal.say(banner(links, home.root, system.model, watch.elapsed_s, program_name()))
                await _serve(system, stop_asked)
        finally:
            terminal.note("stopping")
            await system.stop()
    terminal.say("Oblivion is stopped; its data is kept.")


async def _started(system: EmbeddedSystem, stop_asked: asyncio.Event, note: Callable[[str], None]) -> bool:
    """Start everything; False when it was told to stop meanwhile."""
    starting = asyncio.create_task(_start(system, note))
    stopping = asyncio.create_task(stop_asked.wait())
    await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not starting.done():
        starting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await starting
        return False
    await starting
    return True


async def _start(system: EmbeddedSystem, note: Callable[[str], None]) -> None:
    """A start is processor time above all: what does not wait for another goes on beside it."""
    note("starting Postgres, Redis and the sandbox")
    loading = asyncio.to_thread(import_module, _FIRST_START)
    await _together(system.start_stores(), system.start_outside(), loading)
    note("starting the services and the squad")
    await _together(system.start_services(), _connect_sandbox(system))
    await system.start_squad()


async def _connect_sandbox(system: EmbeddedSystem) -> None:
    from oblivion_cli.up.first_start import Addresses, connect_sandbox

    addresses = Addresses(system.database_url("oblivion_cli"), system.sandbox_url, system.base_url)
    await connect_sandbox(addresses, system.secrets, system.home.real_ones(), system.home)


async def _watch_link(system: EmbeddedSystem) -> str:
    from oblivion_cli.up.first_start import sign_in_path

    return system.base_url + await sign_in_path(system.database_url("oblivion_cli"))


async def _together(*work: Coroutine[Any, Any, object]) -> None:
    """Do all of it at once; the first failure ends the rest."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        await end(*tasks)


async def _serve(system: EmbeddedSystem, stop_asked: asyncio.Event) -> None:
    """Wait for the end; CHANGE_SIGNAL starts the services again with what is real now."""
    change_asked = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(CHANGE_SIGNAL, change_asked.set)
    stopping = asyncio.create_task(stop_asked.wait())
    while not stop_asked.is_set():
        changing = asyncio.create_task(change_asked.wait())
        await asyncio.wait({stopping, changing}, return_when=asyncio.FIRST_COMPLETED)
        changing.cancel()
        if change_asked.is_set() and not stop_asked.is_set():
            change_asked.clear()
            await system.restart_services()


def _publish(lock: RunLock, system: EmbeddedSystem, wanted_port: int) -> None:
    ports = asdict(system.ports)
    lock.publish(
        RunningSystem(os.getpid(), system.base_url, system.ports.front, wanted_port, ports, ready=True)
    )
