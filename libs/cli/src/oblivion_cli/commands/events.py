"""`oblivion events`."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Annotated, Any

import typer

from oblivion_cli import console
from oblivion_cli.access import Access
from oblivion_cli.admin import Admin, open_admin
from oblivion_cli.commands.options import Json, Limit, Tenant
from oblivion_cli.usecases.events import EventFilter, Events, Replayed, Reviver
from oblivion_contracts.jobs import WEBHOOK_PROCESSING
from oblivion_platform.jobs import JobPolicy

app = typer.Typer(no_args_is_help=True, help="What came in from Slack and ClickUp.")
COLUMNS = {
    "id": "Id", "received_at": "Received", "source": "Source", "event_type": "Type", "subject": "About",
    "state": "State", "outcome": "Outcome",
}  # fmt: skip


class EventState(StrEnum):
    """States of an inbound event."""

    RECEIVED = "received"
    DONE = "done"
    IGNORED = "ignored"
    DEAD = "dead"
    DISCARDED = "discarded"


class EventSource(StrEnum):
    """Where events come from."""

    SLACK = "slack"
    CLICKUP = "clickup"


@asynccontextmanager
async def open_queue(access: Access) -> AsyncGenerator[Reviver]:
    """The queue of inbound events."""
    from oblivion_platform.queue import JobQueue  # Loads BullMQ, which only few verbs need.

    queue = JobQueue(WEBHOOK_PROCESSING, access.redis_url, JobPolicy())
    try:
        yield queue
    finally:
        await queue.close()


def _events(admin: Admin) -> Events:
    return Events(admin.database, admin.tenant.id, admin.actor)


@app.command("list")
def list_(
    state: Annotated[EventState | None, typer.Option(help="Only these.")] = None,
    source: Annotated[EventSource | None, typer.Option(help="Only from there.")] = None,
    limit: Limit = 50,
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """List events, newest first."""

    async def run() -> list[dict[str, Any]]:
        async with open_admin(tenant) as admin:
            return await _events(admin).listing(EventFilter(state, source, limit))

    rows = asyncio.run(run())
    if as_json:
        console.print_json(rows)
    else:
        console.print_rows(rows, COLUMNS, nothing="No such event has come in yet.")


@app.command()
def show(
    event_id: Annotated[str, typer.Argument(metavar="ID", help="The event's id, or its beginning.")],
    body: Annotated[bool, typer.Option("--body", help="Its raw body too; the audit log notes that.")] = False,
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Show everything about one event."""

    async def run() -> dict[str, Any]:
        async with open_admin(tenant) as admin:
            events = _events(admin)
            return await events.show(await events.find(event_id), with_body=body)

    event = asyncio.run(run())
    if as_json:
        console.print_json(event)
    else:
        console.print_fields(event.items())


@app.command()
def replay(
    event_ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Ids, or their beginnings.")],
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Have events handled again; what they did already is not done twice."""

    async def run() -> Replayed:
        async with open_admin(tenant) as admin, open_queue(admin.access) as queue:
            events = _events(admin)
            return await events.replay([await events.find(typed) for typed in event_ids], queue)

    replayed = asyncio.run(run())
    if as_json:
        console.print_json({"replayed": replayed.ids, "purged": replayed.purged, "queued": replayed.queued})
        return
    console.out.print(f"{console.counted(len(replayed.ids), 'event')} will be handled again.")
    if replayed.purged:
        console.err.print(f"{replayed.purged} could not be: their bodies are purged.", style="yellow")
    if not replayed.queued:
        console.err.print("Redis does not answer: they wait in Postgres until it does.", style="yellow")
