"""`oblivion users`."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, TypeVar

import typer

from oblivion_cli import console
from oblivion_cli.admin import open_admin
from oblivion_cli.commands.options import Json, Tenant
from oblivion_cli.errors import UsageWrong
from oblivion_cli.usecases.users import Users
from oblivion_platform.people import NewUser, User

app = typer.Typer(no_args_is_help=True, help="The people of a tenant.")
COLUMNS = {
    "id": "Id", "name": "Name", "email": "Address", "role": "Role", "state": "State",
    "is_operator": "Operator",
}  # fmt: skip
ResultT = TypeVar("ResultT")
Named = Annotated[str, typer.Argument(metavar="USER", help="Name, address or id.")]


class RoleName(StrEnum):
    """What somebody may be in a tenant."""

    ADMIN = "admin"
    USER = "user"
    GUEST = "guest"


@app.command("list")
def list_(tenant: Tenant = None, as_json: Json = False) -> None:
    """List the people of the tenant."""
    rows = [asdict(user) for user in _on_users(tenant, lambda users: users.listing())]
    if as_json:
        console.print_json(rows)
    else:
        console.print_rows(rows, COLUMNS, nothing="There is nobody yet: oblivion users create NAME")


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What they are called.")],
    email: Annotated[
        str | None, typer.Option(help="Who signs in with this verified address is them.")
    ] = None,
    role: Annotated[RoleName, typer.Option(help="What they may do.")] = RoleName.USER,
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Let somebody in."""
    _show(_on_users(tenant, lambda users: users.create(NewUser(name, email, role.value))), as_json=as_json)


@app.command()
def role(named: Named, role: RoleName, tenant: Tenant = None, as_json: Json = False) -> None:
    """Give somebody another role; it counts at once."""
    _show(_on_users(tenant, lambda users: users.set_role(named, role.value)), as_json=as_json)


@app.command()
def link(
    named: Named,
    slack: Annotated[str | None, typer.Option(metavar="TEAM:USER", help="As in T024BE7LD:U0G9QF9C6.")] = None,
    clickup: Annotated[str | None, typer.Option(metavar="ID", help="A member's id, a number.")] = None,
    tenant: Tenant = None,
) -> None:
    """Say who somebody is in Slack or ClickUp, where agents know them then."""
    given = [(name, who) for name, who in (("slack", slack), ("clickup", clickup)) if who]
    if not given:
        raise UsageWrong("Nobody is named to link.", "Give --slack TEAM:USER or --clickup ID.")
    for provider, subject in given:
        user = _on_users(tenant, lambda users, p=provider, s=subject: users.link(named, p, s))
        console.out.print(f"{user.name} is {subject} in {provider}.", markup=False)


@app.command()
def disable(named: Named, tenant: Tenant = None, as_json: Json = False) -> None:
    """Keep somebody out, at once and everywhere."""
    _show(_on_users(tenant, lambda users: users.set_state(named, "disabled")), as_json=as_json)


@app.command()
def enable(named: Named, tenant: Tenant = None, as_json: Json = False) -> None:
    """Let somebody in again."""
    _show(_on_users(tenant, lambda users: users.set_state(named, "active")), as_json=as_json)


@app.command()
def operator(
    named: Named,
    revoke: Annotated[bool, typer.Option("--revoke", help="Take it back.")] = False,
    tenant: Tenant = None,
) -> None:
    """Make somebody an operator, who owns tenants and the queue board."""
    _on_users(tenant, lambda users: users.set_operator(named, is_operator=not revoke))
    console.out.print(f"{named} is {'no operator any more' if revoke else 'an operator'}.", markup=False)


def _on_users(tenant: str | None, work: Callable[[Users], Awaitable[ResultT]]) -> ResultT:
    async def run() -> ResultT:
        async with open_admin(tenant) as admin:
            return await work(Users(admin.database, admin.tenant.id, admin.actor))

    return asyncio.run(run())


def _show(user: User, *, as_json: bool) -> None:
    if as_json:
        console.print_json(asdict(user))
    else:
        console.print_rows([asdict(user)], COLUMNS, nothing="")
