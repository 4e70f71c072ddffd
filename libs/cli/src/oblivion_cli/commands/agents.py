"""`oblivion agents`."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from oblivion_cli import console
from oblivion_cli.admin import open_admin
from oblivion_cli.commands import agents_new
from oblivion_cli.commands.options import Json, Tenant
from oblivion_cli.usecases.agent_files import write_credentials
from oblivion_cli.usecases.agents import Agents, Registered
from oblivion_contracts.agents import AgentDefinition

app = typer.Typer(no_args_is_help=True, help="The agents of the squad, and your own.")
app.command("new")(agents_new.new)
COLUMNS = {
    "name": "Name", "state": "State", "online": "Online", "origin": "From", "last_seen_at": "Last seen",
    "description": "For",
}  # fmt: skip

EnvFile = Annotated[Path | None, typer.Option("--env", help="Write id and secret into this .env file.")]
ResultT = TypeVar("ResultT")


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Lower-case letters, digits, dashes.")],
    description: Annotated[str, typer.Option(help="What it is for; the router reads it.")] = "",
    env: EnvFile = None,
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Register an agent and show the id and secret that it signs in with, once."""
    agents_new.check_name(name)
    definition = AgentDefinition(description=description, keywords=[name])
    _show(_on_agents(tenant, lambda agents: agents.create(name, definition)), env, as_json)


@app.command()
def secret(
    name: Annotated[str, typer.Argument(help="The agent.")],
    env: EnvFile = None,
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Make another secret; the one before stays good until it is replaced in turn."""
    _show(_on_agents(tenant, lambda agents: agents.new_secret(name)), env, as_json)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="The agent.")], tenant: Tenant = None, as_json: Json = False
) -> None:
    """Show everything about one agent, and the beginnings of its live secrets."""
    shown: dict[str, Any] = _on_agents(tenant, lambda agents: agents.show(name))
    if as_json:
        console.print_json(shown)
    else:
        console.print_fields(shown.items())


@app.command()
def disable(name: Annotated[str, typer.Argument(help="The agent.")], tenant: Tenant = None) -> None:
    """Stop it at once: its tokens, secrets and connections work no longer. What it did stays."""
    _on_agents(tenant, lambda agents: agents.set_state(name, "disabled"))
    console.out.print(f"{name} is disabled. Take it back in: oblivion agents enable {name}", markup=False)


@app.command()
def enable(name: Annotated[str, typer.Argument(help="The agent.")], tenant: Tenant = None) -> None:
    """Take a disabled agent back in."""
    _on_agents(tenant, lambda agents: agents.set_state(name, "active"))
    console.out.print(f"{name} is active.", markup=False)


@app.command("list")
def list_(tenant: Tenant = None, as_json: Json = False) -> None:
    """List the agents."""
    rows = asyncio.run(_listing(tenant))
    if as_json:
        console.print_json(rows)
    else:
        console.print_rows(rows, COLUMNS, nothing="There is no agent yet: oblivion agents new NAME")


async def _listing(tenant: str | None) -> list[dict[str, Any]]:
    from oblivion_platform.presence import Presence  # Loads Redis' client, which few verbs need.

    async with open_admin(tenant) as admin:
        agents = Agents(admin.database, admin.tenant.id, admin.actor, admin.access.master_keys)
        presence = Presence(admin.access.redis_url)
        try:
            return await agents.listing(presence)
        finally:
            await presence.close()


def _on_agents(tenant: str | None, work: Callable[[Agents], Awaitable[ResultT]]) -> ResultT:
    async def run() -> ResultT:
        async with open_admin(tenant) as admin:
            return await work(Agents(admin.database, admin.tenant.id, admin.actor, admin.access.master_keys))

    return asyncio.run(run())


def _show(registered: Registered, env: Path | None, as_json: bool) -> None:
    issued = registered.issued
    fields = {"AGENT_ID": issued.client_id}
    if env is None:
        fields["AGENT_SECRET"] = issued.client_secret
    else:
        write_credentials(env, issued.client_id, issued.client_secret)
    if as_json:
        console.print_json({"name": registered.agent.name, **fields})
        return
    console.print_fields(fields.items())
    where = f"Both are in {env}." if env is not None else "The secret is shown this once: keep it."
    console.out.print(where, markup=False)
