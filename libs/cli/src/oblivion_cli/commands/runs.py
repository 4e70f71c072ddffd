"""`oblivion runs`."""

import asyncio
from typing import Annotated, Any

import typer

from oblivion_cli import console
from oblivion_cli.admin import Admin, open_admin
from oblivion_cli.commands.options import Json, Limit, Tenant
from oblivion_cli.usecases.runs import Runs, Wanted
from oblivion_contracts.runs import RunState, RunView

app = typer.Typer(no_args_is_help=True, help="Work that agents do, did and will do.")
COLUMNS = {
    "id": "Id", "created_at": "Asked", "state": "State", "agent": "Agent", "source": "From",
    "requested_by": "By", "prompt": "What",
}  # fmt: skip
EVENT_COLUMNS = {"sequence": "", "at": "When", "kind": "Step", "data": ""}
PROMPT_SHOWN = 60

RunId = Annotated[str, typer.Argument(metavar="ID", help="The run's id, or its beginning.")]


@app.command("list")
def list_(
    state: Annotated[RunState | None, typer.Option(help="Only these.")] = None,
    agent: Annotated[str | None, typer.Option(help="Only of this agent.")] = None,
    limit: Limit = 50,
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """List runs, newest first."""

    async def run() -> list[RunView]:
        async with open_admin(tenant) as admin:
            return await _runs(admin).listing(Wanted(state, agent, limit))

    rows = [view.model_dump(mode="json") for view in asyncio.run(run())]
    if as_json:
        console.print_json(rows)
        return
    short = [{**row, "prompt": _short(row["prompt"])} for row in rows]
    console.print_rows(short, COLUMNS, nothing="Nobody has asked for anything yet.")


@app.command()
def show(run_id: RunId, tenant: Tenant = None, as_json: Json = False) -> None:
    """Show a run and its steps."""

    async def run() -> dict[str, Any]:
        async with open_admin(tenant) as admin:
            runs = _runs(admin)
            return await runs.show(await runs.find(run_id))

    shown = asyncio.run(run())
    if as_json:
        console.print_json(shown)
        return
    events = shown.pop("events")
    console.print_fields(shown.items())
    console.print_rows(events, EVENT_COLUMNS, nothing="No step yet.")


@app.command()
def cancel(run_id: RunId, tenant: Tenant = None) -> None:
    """End a run at once."""

    async def run() -> None:
        from oblivion_cli.adapters.telling import RedisTelling  # Loads BullMQ, which only few verbs need.

        async with open_admin(tenant) as admin:
            telling = RedisTelling(admin.access.redis_url)
            try:
                await _runs(admin).cancel(await _runs(admin).find(run_id), telling)
            finally:
                await telling.close()

    asyncio.run(run())
    console.out.print("The run is cancelled.")


def _runs(admin: Admin) -> Runs:
    return Runs(admin.database, admin.tenant.id, admin.actor)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= PROMPT_SHOWN else f"{line[: PROMPT_SHOWN - 1]}…"
