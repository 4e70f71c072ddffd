"""`oblivion mappings`."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import ValidationError

from oblivion_cli import console
from oblivion_cli.admin import Admin, open_admin
from oblivion_cli.commands.options import Json, Tenant
from oblivion_cli.errors import SlackRefused, UsageWrong
from oblivion_cli.usecases.mappings import Linked, Mappings, Place, choose_place
from oblivion_contracts.mappings import FilterKind, MappingOptions, MessageFilter, TaskSelection

if TYPE_CHECKING:
    from oblivion_cli.adapters.slack import SlackApi

app = typer.Typer(no_args_is_help=True, help="Which ClickUp list is joined to which Slack channel.")
COLUMNS = {
    "id": "Id", "list": "List", "channel": "Channel", "follows": "Follows", "state": "State",
    "problem": "Problem",
}  # fmt: skip


@app.command()
def link(
    list_name: Annotated[str, typer.Argument(metavar="LIST", help="ClickUp list: name or id.")],
    channel: Annotated[str, typer.Argument(help="Slack channel: #name or id.")],
    tasks: Annotated[
        TaskSelection, typer.Option(help="All tasks, or those that carry the tag.")
    ] = TaskSelection.ALL,
    task_tag: Annotated[str, typer.Option(help="The text that tags a task.")] = "@AI_Squad",
    filter_kind: Annotated[
        FilterKind, typer.Option("--filter", help="Which thread replies become comments.")
    ] = FilterKind.KEYWORD,
    keyword: Annotated[str, typer.Option(help="For --filter keyword.")] = "#clickup",
    event_type: Annotated[
        str | None, typer.Option(help="For --filter metadata: the metadata's event type.")
    ] = None,
    payload: Annotated[
        list[str] | None,
        typer.Option(help="For --filter metadata: KEY=VALUE that must be there; repeatable."),
    ] = None,
    comments: Annotated[bool, typer.Option(help="Show ClickUp comments in the thread.")] = True,
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Join a list to a channel; doing it again changes the options."""
    try:
        chosen = MessageFilter(
            kind=filter_kind, keyword=keyword, event_type=event_type, payload=_entries(payload or [])
        )
        options = MappingOptions(tasks=tasks, task_tag=task_tag, filter=chosen, mirror_comments=comments)
    except ValidationError as error:
        reason = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
        raise UsageWrong(
            f"These options do not fit: {reason}.", "See `oblivion mappings link --help`."
        ) from None

    async def run() -> Linked:
        async with open_admin(tenant) as admin:
            return await link_by_name(admin, list_name, channel, options)

    linked = asyncio.run(run())
    if as_json:
        console.print_json(vars(linked))
    else:
        what = "is joined to" if linked.is_new else "was joined already, with new options now, to"
        console.out.print(f'List "{linked.list_name}" {what} #{linked.channel_name}.', markup=False)


async def link_by_name(admin: Admin, list_name: str, channel: str, options: MappingOptions) -> Linked:
    """Look both up, bring the app into the channel, and join them."""
    clickup_integration, clickup = await admin.clickup()
    async with clickup:
        found = await clickup.lists(clickup_integration.external_id)
    lists = [Place(clickup_integration.id, str(each["id"]), str(each["name"])) for each in found]
    list_ = choose_place("list", list_name, lists)
    slack_integration, slack = await admin.slack()
    channels = await slack.channels()
    places = [Place(slack_integration.id, each.id, each.name) for each in channels]
    place = choose_place("channel", channel, places)
    if not next(each.is_member for each in channels if each.id == place.id):
        await _enter(slack, place)
    return await Mappings(admin.database, admin.tenant.id, admin.actor).link(list_, place, options)


async def _enter(slack: "SlackApi", place: Place) -> None:
    try:
        await slack.join(place.id)
    except SlackRefused as refused:
        console.err.print(
            f"The app is not in #{place.name} ({refused.code}): nothing can be posted there until somebody "
            "types /invite @oblivion in it.",
            markup=False,
            style="yellow",
        )


def _entries(pairs: list[str]) -> dict[str, str]:
    entries: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise UsageWrong(f"{pair!r} is no KEY=VALUE.", "Write --payload team=blue.")
        entries[key] = value
    return entries


@app.command("list")
def list_(
    unlinked: Annotated[bool, typer.Option("--all", help="Unlinked ones too.")] = False,
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """List the mappings, with the newest problem of each."""

    async def run() -> list[dict[str, Any]]:
        async with open_admin(tenant) as admin:
            return await Mappings(admin.database, admin.tenant.id, admin.actor).listing(unlinked_too=unlinked)

    rows = asyncio.run(run())
    if as_json:
        console.print_json(rows)
        return
    shown = [row | {"follows": _follows(row["options"]), "problem": _problem(row["problem"])} for row in rows]
    nothing = 'No list is linked yet. Try: oblivion mappings link "Launch" "#launch"'
    console.print_rows(shown, COLUMNS, nothing=nothing)


def _problem(problem: dict[str, Any] | None) -> str:
    return str(problem.get("message") or problem.get("code")) if problem else ""


def _follows(raw: dict[str, Any]) -> str:
    options = MappingOptions.model_validate(raw)
    tasks = "all tasks" if options.tasks is TaskSelection.ALL else f"tasks with {options.task_tag}"
    replies = {
        FilterKind.ALL: "all replies",
        FilterKind.KEYWORD: f"replies with {options.filter.keyword}",
        FilterKind.METADATA: f"replies of {options.filter.event_type}",
    }[options.filter.kind]
    return ", ".join([tasks, replies, *(["comments"] if options.mirror_comments else [])])


@app.command()
def unlink(
    list_or_id: Annotated[str, typer.Argument(metavar="LIST|ID", help="ClickUp list, or the mapping's id.")],
    channel: Annotated[str | None, typer.Argument(help="Slack channel, with a list.")] = None,
    tenant: Tenant = None,
) -> None:
    """End a mapping; messages stay, and are no longer followed."""

    async def run() -> None:
        async with open_admin(tenant) as admin:
            await Mappings(admin.database, admin.tenant.id, admin.actor).unlink(list_or_id, channel)

    asyncio.run(run())
    console.out.print("Unlinked.")
