"""`oblivion demo`."""

import asyncio
import time

from rich.markup import escape

from oblivion_cli import console
from oblivion_cli.access import Access
from oblivion_cli.admin import open_admin
from oblivion_cli.commands.mappings import link_by_name
from oblivion_cli.demo.questions import Questions
from oblivion_cli.demo.stage import started_system
from oblivion_cli.demo.story import CHANNEL_NAME, LIST_NAME, Made, Story
from oblivion_cli.errors import CommandFailed, DependencyAway
from oblivion_cli.home import Home
from oblivion_cli.up.first_start import FIRST_TENANT
from oblivion_cli.up.lock import running_system
from oblivion_cli.usecases.mappings import Mappings
from oblivion_contracts.mappings import MappingOptions
from oblivion_sandbox.control import SandboxControl

STEP_WIDTH = 66


class Terminal:
    """Tells the story line by line."""

    def done(self, what: str, took_s: float) -> None:
        console.out.print(f"  [green]ok[/green]  {escape(what):<{STEP_WIDTH}} {took_s:6.2f} s")


def demo() -> None:
    """Play the main story on the running system, or on one started for it."""
    asyncio.run(_demo())


async def _demo() -> None:
    home = Home.from_environment()
    running = running_system(home)
    if running is not None:
        if not running.ready:
            raise DependencyAway("Oblivion is just starting here.", "Try again when it says that it is up.")
        _say_where(await _play())
        return
    console.out.print("Nothing runs here yet: starting the system for the demo …")
    async with started_system(home):
        made = await _play()
    _say_where(made)
    console.out.print("The system is stopped again; `oblivion up` starts it, with all of this in it.")


async def _play() -> Made:
    access = Access.from_environment()
    sandbox_url, base_url = access.sandbox_url, access.public_url
    if access.home.real_ones():
        raise CommandFailed(
            "Slack or ClickUp is connected for real here, and the demo plays in the sandbox.",
            "Use another home: OBLIVION_HOME=~/oblivion-demo oblivion demo",
        )
    if sandbox_url is None or base_url is None:
        raise CommandFailed("The demo needs the sandbox.", "Start the system with `oblivion up`.")
    started_at = time.monotonic()
    async with SandboxControl(sandbox_url) as control:
        await _link_if_needed()
        made = await Story(control, base_url, Terminal()).play()
        await Questions(control, Terminal()).play()
    console.out.print(f"The story held, in {time.monotonic() - started_at:.1f} s.")
    return made


async def _link_if_needed() -> None:
    started_at = time.monotonic()
    async with open_admin(FIRST_TENANT.slug) as admin:
        mappings = await Mappings(admin.database, admin.tenant.id, admin.actor).listing()
        if any((each["list"], each["channel"]) == (LIST_NAME, CHANNEL_NAME) for each in mappings):
            return
        await link_by_name(admin, LIST_NAME, CHANNEL_NAME, MappingOptions())
    took_s = time.monotonic() - started_at
    Terminal().done(f'The list "{LIST_NAME}" is linked to #{CHANNEL_NAME}', took_s)


def _say_where(made: Made) -> None:
    console.out.print(f"  In Slack    {made.slack_url}", markup=False)
    console.out.print(f"  In ClickUp  {made.clickup_url}", markup=False)
