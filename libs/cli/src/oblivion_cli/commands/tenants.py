"""`oblivion tenants`."""

import asyncio
from typing import Annotated

import typer

from oblivion_cli import console
from oblivion_cli.access import Access
from oblivion_cli.admin import open_admin, open_database
from oblivion_cli.commands.options import Json
from oblivion_cli.commands.options import Tenant as Tenancy
from oblivion_cli.errors import UsageWrong
from oblivion_cli.usecases.audit import Actor
from oblivion_cli.usecases.tenants import (
    RETENTION_DAYS_DEFAULT,
    RETENTION_DAYS_MAX,
    SETTINGS,
    NewTenant,
    Tenant,
    change_setting,
    create_tenant,
    list_tenants,
    settings_of,
)

app = typer.Typer(no_args_is_help=True, help="The organisations that share this system, each by itself.")
COLUMNS = {"slug": "Slug", "name": "Name", "state": "State", "retention_days": "Keeps bodies (days)"}
SETTING_COLUMNS = {"name": "Setting", "value": "Value", "may_be": "May be"}


@app.command()
def create(
    slug: Annotated[str, typer.Argument(help="Short name: lower-case letters, digits, dashes.")],
    name: Annotated[str, typer.Option(help="Full name; default: the slug.")] = "",
    admin: Annotated[str, typer.Option(help="Name of the first user, an admin.")] = "admin",
    retention_days: Annotated[
        int,
        typer.Option(min=1, max=RETENTION_DAYS_MAX, help="Days after which raw bodies are removed."),
    ] = RETENTION_DAYS_DEFAULT,
    as_json: Json = False,
) -> None:
    """Create a tenant with a data key of its own and a first user."""

    async def run() -> Tenant:
        access = Access.from_environment()
        async with open_database(access) as database:
            new = NewTenant(slug, name or slug, admin, retention_days)
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


@app.command()
def settings(
    name: Annotated[str | None, typer.Argument(help="Which one to change.")] = None,
    value: Annotated[str | None, typer.Argument(help="What it shall be.")] = None,
    unset: Annotated[bool, typer.Option("--unset", help="Let the services' settings hold again.")] = False,
    tenant: Tenancy = None,
    as_json: Json = False,
) -> None:
    """Show a tenant's own settings, or change one."""
    if name is not None and (value is None) != unset:
        raise UsageWrong("Say what it shall be, or --unset.", "See `oblivion tenants settings`.")

    async def run() -> dict[str, str | None]:
        async with open_admin(tenant) as admin:
            if name is not None:
                await change_setting(admin.database, admin.tenant, admin.actor, name, value)
            return await settings_of(admin.database, admin.tenant)

    found = asyncio.run(run())
    if as_json:
        console.print_json(found)
    else:
        rows = [
            {"name": each, "value": now or "(as the services are set)", "may_be": SETTINGS[each]}
            for each, now in found.items()
        ]
        console.print_rows(rows, SETTING_COLUMNS, nothing="There are no settings.")
