"""`oblivion mappings`."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from oblivion_cli import console
from oblivion_cli.admin import Admin, open_admin
from oblivion_cli.commands import mapping_options as given
from oblivion_cli.commands.options import Json, Tenant
from oblivion_cli.errors import SlackRefused
from oblivion_cli.usecases.mappings import Linked, Mappings, Place, by_user_id, choose_place, refuse_unknown
from oblivion_contracts.mappings import AgentTriggers, FilterKind, MappingOptions, TaskSelection

if TYPE_CHECKING:
    from oblivion_cli.adapters.slack import SlackApi

app = typer.Typer(no_args_is_help=True, help="Which ClickUp list is joined to which Slack channel.")
COLUMNS = {
    "id": "Id", "list": "List", "channel": "Channel", "follows": "Follows", "agents": "Agents",
    "state": "State", "problem": "Problem",
}  # fmt: skip


@app.command()
def link(
    list_name: Annotated[str, typer.Argument(metavar="LIST", help="ClickUp list: name or id.")],
    channel: Annotated[str, typer.Argument(help="Slack channel: #name or id.")],
    tasks: given.Tasks = TaskSelection.ALL,
    task_tag: given.TaskTag = "@AI_Squad",
    filter_kind: given.Filter = FilterKind.KEYWORD,
    keyword: given.Keyword = "#clickup",
    event_type: given.EventType = None,
    payload: given.Payload = None,
    comments: given.Comments = True,
    default_agent: given.DefaultAgent = None,
    on_mention: given.OnMention = True,
    on_assignee: given.OnAssignee = None,
    on_tag: given.OnTag = None,
    on_status: given.OnStatus = None,
    answer_as_comment: given.AnswerAsComment = False,
    move: given.Move = None,
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Join a list to a channel; doing it again changes the options."""
    triggers = given.TypedTriggers(
        default_agent, on_mention, on_assignee, on_tag, on_status, answer_as_comment, move
    )
    options = given.mapping_options(
        triggers,
        payload,
        {"kind": filter_kind, "keyword": keyword, "event_type": event_type},
        tasks=tasks,
        task_tag=task_tag,
        mirror_comments=comments,
    )

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
    """Look both up, and who and what else the options name; bring the app into the channel, and join them."""
    await refuse_unknown(admin.database, admin.tenant.id, options.agents)
    clickup_integration, clickup = await admin.clickup()
    async with clickup:
        found = await clickup.lists(clickup_integration.external_id)
        if options.agents.assignees:
            teams = await clickup.teams()
            options = by_user_id(options, teams, clickup_integration.external_id)
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
    shown = [row | _in_words(row) for row in rows]
    nothing = 'No list is linked yet. Try: oblivion mappings link "Launch" "#launch"'
    console.print_rows(shown, COLUMNS, nothing=nothing)


def _in_words(row: dict[str, Any]) -> dict[str, str]:
    options = MappingOptions.model_validate(row["options"])
    return {
        "follows": _follows(options),
        "agents": _agents(options.agents),
        "problem": _problem(row["problem"]),
    }


def _agents(triggers: AgentTriggers) -> str:
    """What starts an agent, and what it does to the task then."""
    said = [f"by default {triggers.default_agent}"] if triggers.default_agent else []
    said += ["on mention"] if triggers.on_mention else []
    for kind in ("assignees", "tags", "statuses"):
        said += [f"{kind}: {wanted} → {agent}" for wanted, agent in getattr(triggers, kind).items()]
    said += ["answers as comment"] if triggers.answer_as_comment else []
    said += [f"{state} moves to {status}" for state, status in triggers.status_map.items()]
    return ", ".join(said)


def _problem(problem: dict[str, Any] | None) -> str:
    return str(problem.get("message") or problem.get("code")) if problem else ""


def _follows(options: MappingOptions) -> str:
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
    as_json: Json = False,
) -> None:
    """End a mapping; messages stay, and are no longer followed."""

    async def run() -> UUID:
        async with open_admin(tenant) as admin:
            return await Mappings(admin.database, admin.tenant.id, admin.actor).unlink(list_or_id, channel)

    mapping_id = asyncio.run(run())
    if as_json:
        console.print_json({"unlinked": mapping_id})
    else:
        console.out.print("Unlinked.")
