"""The command line put together."""

import typer

from oblivion_cli.commands import dead_letters, events, mappings, tenants
from oblivion_cli.commands.demo import demo
from oblivion_cli.commands.up import up

app = typer.Typer(
    name="oblivion",
    help="A squad of AI agents that a team reaches from Slack and ClickUp.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.command()(up)
app.command()(demo)
app.add_typer(tenants.app, name="tenants")
app.add_typer(mappings.app, name="mappings")
app.add_typer(events.app, name="events")
app.add_typer(dead_letters.app, name="dead-letters")


@app.callback()
def oblivion() -> None:
    """A squad of AI agents that a team reaches from Slack and ClickUp."""
