"""`oblivion keys`."""

import asyncio
from enum import StrEnum
from typing import Annotated, Any

import typer

from oblivion_cli import console
from oblivion_cli.access import Access
from oblivion_cli.admin import open_admin, open_database
from oblivion_cli.commands.options import Json, Tenant
from oblivion_cli.errors import UsageWrong
from oblivion_cli.usecases.audit import Actor
from oblivion_cli.usecases.keys import Keys, seal_all_secrets_again, wrap_all_again

app = typer.Typer(no_args_is_help=True, help="Keys: what signs tokens, and what seals secrets.")


class What(StrEnum):
    """Which keys."""

    TOKENS = "tokens"
    DATA = "data"
    MASTER = "master"
    WEBHOOKS = "webhooks"


@app.callback()
def keys() -> None:
    """Without this, a lone command would lose its name."""


@app.command()
def rotate(
    what: Annotated[
        What,
        typer.Argument(
            help="`tokens`: what signs a tenant's tokens. `data`: what seals a tenant's secrets. `master`, "
            "`webhooks`: after OBLIVION_MASTER_KEY or OBLIVION_SIGNING_KEY became another, all tenants'."
        ),
    ] = What.TOKENS,
    at_once: Annotated[
        bool,
        typer.Option(
            "--at-once",
            help="Refuse tokens of every key of before: one has leaked. If it leaked with the keys that seal "
            "it, rotate `master` and `data` first.",
        ),
    ] = False,
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Rotate keys while everything goes on; tokens of the key before stay good for their 15 minutes."""
    if at_once and what is not What.TOKENS:
        raise UsageWrong("Only tokens can be refused at once.", "Leave out --at-once.")
    found, sentence = asyncio.run(_rotated(what, tenant, at_once=at_once))
    if as_json:
        console.print_json(found)
    else:
        console.out.print(sentence)


async def _rotated(what: What, tenant: str | None, *, at_once: bool) -> tuple[dict[str, Any], str]:
    """What came of it, for machines and for people."""
    if what in {What.MASTER, What.WEBHOOKS}:
        return await _rotated_for_all(what)
    async with open_admin(tenant) as admin:
        keys = Keys(admin.database, admin.tenant.id, admin.actor, admin.access.master_keys)
        if what is What.DATA:
            rows = await keys.rotate_data_key()
            return {
                "sealed_again": rows
            }, f"A new key seals; {console.counted(rows, 'row')} sealed under it again."
        key_id = await keys.rotate(at_once=at_once)
        return {"key_id": key_id}, f"The key {key_id} signs from now on."


async def _rotated_for_all(what: What) -> tuple[dict[str, Any], str]:
    access, actor = Access.from_environment(), Actor.on_this_machine()
    async with open_database(access) as database:
        if what is What.MASTER:
            keys = await wrap_all_again(database, actor, access.master_keys)
            return {"wrapped_again": keys}, (
                f"{console.counted(keys, 'tenant key')} under the current master key now; none needs another."
            )
        secrets = await seal_all_secrets_again(database, actor, access.signing_keys)
        return {"sealed_again": secrets}, (
            f"{console.counted(secrets, 'secret')} under the current signing key now; none needs another."
        )
