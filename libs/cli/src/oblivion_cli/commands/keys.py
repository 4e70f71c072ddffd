"""`oblivion keys`."""

import asyncio
from typing import Annotated
from uuid import UUID

import typer

from oblivion_cli import console
from oblivion_cli.admin import open_admin
from oblivion_cli.commands.options import Json, Tenant
from oblivion_cli.usecases.keys import Keys

app = typer.Typer(no_args_is_help=True, help="The keys that sign a tenant's tokens.")


@app.callback()
def keys() -> None:
    """Without this, a lone command would lose its name."""


@app.command()
def rotate(
    at_once: Annotated[
        bool, typer.Option("--at-once", help="Refuse tokens of earlier keys too: a key has leaked.")
    ] = False,
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Let the next key sign. Tokens of the one before stay good for their 15 minutes."""

    async def run() -> UUID:
        async with open_admin(tenant) as admin:
            keys = Keys(admin.database, admin.tenant.id, admin.actor, admin.access.master_keys)
            return await keys.rotate(at_once=at_once)

    key_id = asyncio.run(run())
    if as_json:
        console.print_json({"key_id": key_id})
    else:
        console.out.print(f"The key {key_id} signs from now on.")
