"""The command line put together."""

import typer

from oblivion_cli.commands.up import up

app = typer.Typer(
    name="oblivion",
    help="A squad of AI agents that a team reaches from Slack and ClickUp.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.command()(up)


@app.callback()
def oblivion() -> None:
    """A squad of AI agents that a team reaches from Slack and ClickUp."""
