"""`oblivion dead-letters`."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from oblivion_cli import console
from oblivion_cli.admin import Admin, open_admin
from oblivion_cli.commands.events import open_queue
from oblivion_cli.commands.options import Json, Limit, Tenant
from oblivion_cli.usecases.dead_letters import Choice, Chosen, DeadLetters
from oblivion_cli.usecases.events import age

app = typer.Typer(no_args_is_help=True, help="Events, effects and runs that were given up.")
COLUMNS = {
    "id": "Id", "kind": "Kind", "what": "What", "about": "About", "cause": "Cause", "attempts": "Tries",
    "since": "Since", "message": "Message",
}  # fmt: skip
REPORT_COLUMNS = {
    "cause": "Cause", "kind": "Kind", "count": "Count", "oldest_age": "Oldest", "message": "Example",
}  # fmt: skip
Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID...]", help="Ids, or their beginnings.")]
Cause = Annotated[str | None, typer.Option(help="All of this cause (see `report`).")]
All = Annotated[bool, typer.Option("--all", help="All of them.")]


def _letters(admin: Admin) -> DeadLetters:
    return DeadLetters(admin.database, admin.tenant.id, admin.actor)


@app.command("list")
def list_(cause: Cause = None, limit: Limit = 50, tenant: Tenant = None, as_json: Json = False) -> None:
    """List dead letters, newest first."""

    async def run() -> list[dict[str, Any]]:
        async with open_admin(tenant) as admin:
            return await _letters(admin).listing(cause, limit)

    rows = asyncio.run(run())
    if as_json:
        console.print_json(rows)
    else:
        console.print_rows(rows, COLUMNS, nothing="No dead letters.")


@app.command()
def report(tenant: Tenant = None, as_json: Json = False) -> None:
    """Count dead letters by cause."""

    async def run() -> list[dict[str, Any]]:
        async with open_admin(tenant) as admin:
            return await _letters(admin).report()

    rows = asyncio.run(run())
    if as_json:
        console.print_json(rows)
        return
    now = datetime.now(UTC)
    shown = [row | {"oldest_age": age(row["oldest"], now)} for row in rows]
    console.print_rows(shown, REPORT_COLUMNS, nothing="No dead letters.")


@app.command()
def show(
    letter_id: Annotated[str, typer.Argument(metavar="ID", help="The id, or its beginning.")],
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Show one dead letter with the history of its failures."""

    async def run() -> dict[str, Any]:
        async with open_admin(tenant) as admin:
            return await _letters(admin).show(letter_id)

    letter = asyncio.run(run())
    if as_json:
        console.print_json(letter)
    else:
        console.print_fields(letter.items())


@app.command()
def retry(
    ids: Ids = None,
    cause: Cause = None,
    everything: All = False,
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Try dead letters again."""

    async def run() -> Chosen:
        async with open_admin(tenant) as admin, open_queue(admin.access) as queue:
            return await _letters(admin).retry(Choice(ids or [], cause, everything), queue)

    _say(asyncio.run(run()), "will be tried again", as_json=as_json)


@app.command()
def discard(
    reason: Annotated[str, typer.Option(help="Why; the audit log keeps it.")],
    ids: Ids = None,
    cause: Cause = None,
    everything: All = False,
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Give dead letters up for good."""

    async def run() -> Chosen:
        async with open_admin(tenant) as admin:
            return await _letters(admin).discard(Choice(ids or [], cause, everything), reason)

    chosen = asyncio.run(run())
    _say(chosen, "discarded", as_json=as_json)
    if chosen.missing and not as_json:
        console.out.print("What will not be seen: " + "; ".join(chosen.missing) + ".")


def _say(chosen: Chosen, what: str, *, as_json: bool) -> None:
    if as_json:
        console.print_json({"events": chosen.events, "effects": chosen.effects, "runs": chosen.runs})
    else:
        console.out.print(f"{console.counted(chosen.count, 'dead letter')} {what}.")
