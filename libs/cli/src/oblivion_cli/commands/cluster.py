"""`oblivion cluster`: what the charts' Jobs run inside a cluster."""

import asyncio
import os
from typing import Annotated

import typer

from oblivion_cli import console
from oblivion_cli.access import Access
from oblivion_cli.errors import UsageWrong

app = typer.Typer(no_args_is_help=True, help="What the charts' Jobs do in a cluster; people need none of it.")
PASSWORD_PREFIX = "PASSWORD_OF_"  # noqa: S105 - a variable's name


@app.command()
def secrets(
    keys: Annotated[str, typer.Option(help="Secret with the keys; empty: it is yours.")] = "oblivion-keys",
    passwords: Annotated[
        str, typer.Option(help="Secret with the passwords; empty: it is yours.")
    ] = "oblivion-database",
) -> None:
    """Make the Secrets that are missing; what is there stays."""
    from oblivion_cli.cluster.api import secrets_here
    from oblivion_cli.cluster.secrets import new_keys, new_passwords

    async def run() -> None:
        async with secrets_here() as store:
            for name, values in ((keys, new_keys()), (passwords, new_passwords())):
                if name:
                    made = await store.complete(name, values)
                    _say(f"{name}: {'made ' + ', '.join(made) if made else 'there already'}")

    asyncio.run(run())


@app.command()
def database() -> None:
    """Make roles and schema: OBLIVION_DATABASE_URL is the owner's, OBLIVION_ADMIN_URL may make roles."""
    from oblivion_cli.cluster.database import prepare_database

    owner_url = os.environ.get("OBLIVION_DATABASE_URL")
    if not owner_url:
        raise UsageWrong("OBLIVION_DATABASE_URL is not set.", "Set it to the URL of oblivion_owner.")
    passwords = {
        variable.removeprefix(PASSWORD_PREFIX).lower(): value
        for variable, value in os.environ.items()
        if variable.startswith(PASSWORD_PREFIX)
    }
    asyncio.run(prepare_database(os.environ.get("OBLIVION_ADMIN_URL") or None, owner_url, passwords, _say))


@app.command()
def sandbox(
    url: Annotated[str, typer.Option(help="The sandbox, as pods reach it.")],
    webhooks: Annotated[str, typer.Option(help="Ingestion, as the sandbox reaches it.")],
    squad: Annotated[str, typer.Option(help="Secret for the squad's signatures.")] = "oblivion-squad",
) -> None:
    """Connect the stand-ins of Slack and ClickUp to a first tenant, waiting for both sides."""
    from oblivion_cli.cluster.sandbox import Places, connect

    asyncio.run(connect(Access.from_environment(), Places(url, webhooks), squad, _say))


def _say(text: str) -> None:
    console.out.print(text, markup=False)
