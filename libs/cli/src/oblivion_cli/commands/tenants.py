"""`oblivion tenants`."""

import asyncio
from typing import Annotated

import typer

from oblivion_cli import console
from oblivion_cli.access import Access
from oblivion_cli.admin import open_database
from oblivion_cli.commands.options import Json
from oblivion_cli.usecases.audit import Actor
from oblivion_cli.usecases.tenants import NewTenant, Tenant, create_tenant, list_tenants

app = typer.Typer(no_args_is_help=True, help="The organisations that share this system, each by itself.")
COLUMNS = {"slug": "Slug", "name": "Name", "state": "State", "retention_days": "Keeps bodies (days)"}


@app.command()
def create(
    slug: Annotated[str, typer.Argument(help="Short name: lower-case letters, digits, dashes.")],
    name: Annotated[str, typer.Option(help="Full name; default: the slug.")] = "",
    admin: Annotated[str, typer.Option(help="Name of the first user, an admin.")] = "admin",
    as_json: Json = False,
) -> None:
    """Create a tenant with a data key of its own and a first user."""

    async def run() -> Tenant:
        access = Access.from_environment()
        async with open_database(access) as database:
            new = NewTenant(slug, name or slug, admin)
            return await create_tenant(database, access.master_keys, new, Actor.on_this_machine())

    tenant = asyncio.run(run())
    if as_json:
        console.print_json({"id": tenant.id, "slug": tenant.slug, "name": tenant.name})
    else:
        console.out.print(
            f"Tenant {tenant.slug} is there. Next: oblivion slack connect --tenant {tenant.slug}"
        )


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the tenants."""

    async def run() -> list[dict[str, object]]:
        async with open_database(Access.from_environment()) as database:
            return await list_tenants(database)

    rows = asyncio.run(run())
    if as_json:
        console.print_json(rows)
    else:
        console.print_rows(rows, COLUMNS, nothing="There is no tenant yet: oblivion tenants create SLUG")
