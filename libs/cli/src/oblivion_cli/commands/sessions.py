"""`oblivion sessions`."""

import asyncio
from typing import Annotated, Any
from uuid import UUID

import typer

from oblivion_cli import console
from oblivion_cli.admin import open_admin
from oblivion_cli.commands.options import Json, Limit, Tenant
from oblivion_cli.usecases.conversations import Conversations

app = typer.Typer(no_args_is_help=True, help="Conversations, which go on in Slack, a terminal and over REST.")
COLUMNS = {
    "id": "Id", "updated_at": "Last", "source": "Begun in", "agent": "Agent", "title": "Title",
}  # fmt: skip
MESSAGE_COLUMNS = {"at": "When", "source": "In", "author": "Who", "text": "What"}


@app.command("list")
def list_(limit: Limit = 50, tenant: Tenant = None, as_json: Json = False) -> None:
    """List conversations, the one with the newest message first."""

    async def run() -> list[dict[str, Any]]:
        async with open_admin(tenant) as admin:
            return await Conversations(admin.database, admin.tenant.id).listing(limit)

    rows = asyncio.run(run())
    if as_json:
        console.print_json(rows)
        return
    console.print_rows(rows, COLUMNS, nothing="Nobody has said anything yet.")


@app.command()
def show(
    session: Annotated[UUID, typer.Argument(metavar="ID", help="The session's id.")],
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Show what was said in a conversation; its last hundred messages."""

    async def run() -> dict[str, Any]:
        async with open_admin(tenant) as admin:
            return await Conversations(admin.database, admin.tenant.id).show(session)

    shown = asyncio.run(run())
    if as_json:
        console.print_json(shown)
        return
    messages = shown.pop("messages")
    console.print_fields(shown.items())
    console.print_rows(messages, MESSAGE_COLUMNS, nothing="Nothing was said yet.")
