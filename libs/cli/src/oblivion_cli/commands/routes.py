"""`oblivion routes`: which agent a message finds, and how often that is right.

Without a tenant, the squad that comes with the system is asked, and nothing has to run.
"""

import asyncio
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID, uuid4

import typer
from pydantic import Field
from rich.table import Table

from oblivion_cli import console
from oblivion_cli.admin import open_admin
from oblivion_cli.commands.options import Json, Tenant
from oblivion_cli.errors import NotFound, UsageWrong
from oblivion_platform.resilience.breaker import Breakers
from oblivion_platform.routing import (
    Decision,
    ModelChoice,
    ModelSlowPath,
    NoSlowPath,
    RouteContext,
    Router,
    SlowPath,
    compile_router,
    default_squad,
    route,
)
from oblivion_platform.routing.evaluation import (
    Evaluation,
    LabelledMessage,
    MessagesUnreadable,
    evaluate,
    read_messages,
)
from oblivion_platform.settings import ServiceUrl, Settings, load

app = typer.Typer(no_args_is_help=True, help="Which agent a message finds, and why.")
_FIGURES = ("messages", "fast_path_share", "fast_path_accuracy", "accuracy")
_COLUMNS = {
    "kind": "Kind", "messages": "Messages", "fast_path_share": "Fast path answers",
    "fast_path_accuracy": "and is right", "accuracy": "Right in the end",
}  # fmt: skip


class ModelSettings(Settings):
    """The model of the slow path; without one, the fast path's best guess counts."""

    llm_model: str | None = Field(default=None, description="As LangChain's init_chat_model names it.")
    llm_base_url: ServiceUrl | None = Field(default=None, description="Where it is reached.")


@app.command("eval")
def eval_(
    file: Annotated[Path, typer.Argument(help='JSON lines with "text" and "agent", and perhaps "kind".')],
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Route labelled messages and compare: accuracy, the fast path's share, who is taken for whom."""
    messages = _messages(file)

    async def run() -> Evaluation:
        tenant_id, router = await _registry(tenant)
        slow = _slow_path()

        async def answer(text: str, fast: Decision) -> Decision:
            return await slow.choose(tenant_id, router, text, fast)

        return await evaluate(messages, lambda text: route(router, text), answer)

    made = asyncio.run(run())
    if as_json:
        console.print_json(made.document())
    else:
        _print_kinds(made)
        _print_confusion(made)


@app.command("try")
def try_(
    text: Annotated[str, typer.Argument(help="A message, as somebody would type it to the squad.")],
    thread: Annotated[str | None, typer.Option(help="The agent that worked in the thread before.")] = None,
    channel: Annotated[str | None, typer.Option(help="The channel's default agent.")] = None,
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Say which agent would get a message, and why. Nothing is sent."""

    async def run() -> Decision:
        tenant_id, router = await _registry(tenant)
        for name in filter(None, (thread, channel)):
            if name not in router.profiles:
                known = ", ".join(sorted(router.profiles))
                raise NotFound(f"There is no agent {name!r}.", f"There are: {known}.")
        decision = route(router, text, RouteContext(thread_agent=thread, channel_agent=channel))
        return decision if decision.agent else await _slow_path().choose(tenant_id, router, text, decision)

    _show(asyncio.run(run()), as_json=as_json)


async def _registry(tenant: str | None) -> tuple[UUID, Router]:
    if tenant is None:
        return uuid4(), compile_router(default_squad())
    from oblivion_platform.agents import list_agents
    from oblivion_platform.agents.profiles import profile_of

    async with open_admin(tenant) as admin, admin.database.tenant(admin.tenant.id) as tx:
        agents = await list_agents(tx, limit=100_000)
    active = [profile_of(agent) for agent in agents if agent.is_active]
    return admin.tenant.id, compile_router(active)


def _slow_path() -> SlowPath:
    settings = load(ModelSettings)
    if settings.llm_model is None:
        return NoSlowPath()
    return ModelSlowPath(ModelChoice(settings.llm_model, settings.llm_base_url), Breakers())


def _messages(file: Path) -> list[LabelledMessage]:
    try:
        return read_messages(file.read_text("utf-8").splitlines())
    except FileNotFoundError:
        raise NotFound(f"There is no file {file}.", "Name a file with labelled messages.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageWrong(
            f"{file} cannot be read ({type(error).__name__}).", "It has to be UTF-8 text."
        ) from None
    except MessagesUnreadable as unreadable:
        raise UsageWrong(
            f"{file}: {unreadable}.", 'Write {"text": "…", "agent": "…", "kind": "…"} on each line.'
        ) from None


def _print_kinds(made: Evaluation) -> None:
    rows: list[dict[str, Any]] = [{"kind": kind} | tally.figures() for kind, tally in _ordered(made)]
    rows.append({"kind": "all but follow-ups"} | made.overall.figures())
    for row in rows:
        row |= {name: f"{row[name]:.1%}" for name in _FIGURES[1:]}
    console.print_rows(rows, _COLUMNS, nothing="There are no messages.")


def _ordered(made: Evaluation) -> list[Any]:
    """Follow-ups last: they stand apart."""
    return sorted(made.by_kind.items(), key=lambda each: (each[0] == "followup", each[0]))


def _print_confusion(made: Evaluation) -> None:
    names = sorted({name for pair in made.confusion for name in pair})
    table = Table(box=None, header_style="bold", pad_edge=False, title="Meant for (down), routed to (across)")
    table.add_column("")
    for name in names:
        table.add_column(name, justify="right")
    for label in names:
        table.add_row(label, *(str(made.confusion[label, name] or ".") for name in names))
    console.out.print()
    console.out.print(table)


def _show(decision: Decision, *, as_json: bool) -> None:
    if as_json:
        candidates = {each.agent: each.score for each in decision.candidates}
        console.print_json(
            {
                "agent": decision.agent,
                "task": decision.task,
                "stage": decision.stage,
                "score": round(decision.score, 4),
                "reason": decision.reason,
                "candidates": candidates,
            }
        )
        return
    near = ", ".join(f"{each.agent} {each.score:.2f}" for each in decision.candidates)
    console.print_fields(
        [
            ("Agent", decision.agent or "nobody: a person would be asked"),
            ("Task", decision.task),
            ("Decided by", decision.stage.value),
            ("Score", f"{decision.score:.2f}"),
            ("Because", decision.reason),
            ("Near", near),
        ]
    )
