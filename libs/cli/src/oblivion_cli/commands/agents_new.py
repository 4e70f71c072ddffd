"""`oblivion agents new`: an agent's files, and its place in the system that runs here."""

import asyncio
import re
from pathlib import Path
from typing import Annotated

import typer

from oblivion_cli import console
from oblivion_cli.access import Access
from oblivion_cli.admin import open_admin
from oblivion_cli.commands.options import Tenant
from oblivion_cli.errors import UsageWrong
from oblivion_cli.usecases.agent_files import (
    agent_files,
    module_name,
    refuse_overwriting,
    write_credentials,
    write_new,
)
from oblivion_cli.usecases.agents import Agents, Registered
from oblivion_contracts.agents import AgentDefinition
from oblivion_contracts.identifiers import AGENT_NAME_PATTERN


def new(
    name: Annotated[str, typer.Argument(help="The agent's name: lower-case letters, digits, dashes.")],
    folder: Annotated[
        Path | None, typer.Option("--dir", help="Where to write; default: a folder called like the agent.")
    ] = None,
    tenant: Tenant = None,
) -> None:
    """Write a new agent: its code, a test, Dockerfile and Agent resource; register it in a running system."""
    check_name(name)
    at, contents = folder or Path(name), agent_files(name)
    refuse_overwriting(at, contents)
    registered = _register_here(name, tenant)
    write_new(at, contents)
    if registered is not None:
        write_credentials(at / ".env", registered.issued.client_id, registered.issued.client_secret)
    _tell(name, at, is_registered=registered is not None)


def check_name(name: str) -> None:
    """Raises: UsageWrong."""
    if not re.fullmatch(AGENT_NAME_PATTERN, name):
        raise UsageWrong(
            f"{name!r} is no agent's name.", "Use lower-case letters, digits and dashes, such as fixer."
        )


def _register_here(name: str, tenant: str | None) -> Registered | None:
    access = Access.from_environment()
    runs_here = access.running is not None and access.running.ready
    if access.settings.database_url is None and not runs_here:
        return None

    async def run() -> Registered:
        async with open_admin(tenant) as admin:
            agents = Agents(admin.database, admin.tenant.id, admin.actor, admin.access.master_keys)
            return await agents.create(name, AgentDefinition(keywords=[name]))

    return asyncio.run(run())


def _tell(name: str, at: Path, *, is_registered: bool) -> None:
    module = module_name(name)
    say = console.out.print
    say(f"Wrote {at}/: {module}.py, its test, Dockerfile, agent.yaml.", markup=False)
    if is_registered:
        say(f"{name} is registered; what it signs in with is in {at / '.env'}.", markup=False)
        say(f"Start it:  cd {at} && python {module}.py", markup=False)
        say(f"Ask it:    @oblivion {name}, hello    (or: oblivion chat --agent {name})", markup=False)
    else:
        say(
            "No system runs here, so it is not registered yet. Start one with `oblivion up`, then:",
            markup=False,
        )
        say(f"  oblivion agents create {name} --env {at / '.env'}", markup=False)
    say(f"Test it:   cd {at} && pytest", markup=False)
