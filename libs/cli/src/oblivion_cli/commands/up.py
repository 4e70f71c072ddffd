"""`oblivion up`."""

import asyncio
from typing import Annotated

import typer

from oblivion_cli import console
from oblivion_cli.errors import CommandFailed
from oblivion_cli.home import Home
from oblivion_cli.up.lock import AlreadyRuns, RunningSystem, hold_lock, running_system
from oblivion_cli.up.ports import DEFAULT_PORT
from oblivion_cli.up.run import Terminal, run_system

_TERMINAL = Terminal(
    say=lambda text: console.out.print(text, markup=False),
    note=lambda text: console.err.print(text, markup=False, style="dim"),
)


def up(
    port: Annotated[
        int,
        typer.Option(envvar="PORT", min=1, max=65535, help="The port to serve on; a free one when taken."),
    ] = DEFAULT_PORT,
    fresh: Annotated[bool, typer.Option("--fresh", help="Delete all data of this home first.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before deleting.")] = False,
) -> None:
    """Start everything on this machine, behind one port; Ctrl-C stops it, data stays."""
    home = Home.from_environment()
    running = running_system(home)
    if running is not None:
        _say_it_runs(running)
        return
    home.make()
    if fresh:
        _start_over(home, confirmed=yes)
    try:
        asyncio.run(run_system(home, port, _TERMINAL))
    except AlreadyRuns as running_now:
        _say_it_runs(running_now.system)


def _say_it_runs(system: RunningSystem | None) -> None:
    if system is None or not system.ready:
        console.out.print("Oblivion is just starting here.")
    else:
        console.out.print(f"Oblivion already runs at {system.base_url} (process {system.pid}).")


def _start_over(home: Home, *, confirmed: bool) -> None:
    if not confirmed and not typer.confirm(f"Delete everything in {home.root}?"):
        raise CommandFailed("Nothing was deleted.", "Leave out --fresh to keep the data.")
    with hold_lock(home):
        home.forget()
    home.make()
