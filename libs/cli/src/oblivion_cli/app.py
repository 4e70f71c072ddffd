"""The command line put together.

Only the verb that is asked for is imported, so that each starts quickly; help and completion import all.
"""

from collections.abc import Sequence
from importlib import import_module

import typer

VERBS = (
    "up",
    "demo",
    "chat",
    "agents",
    "doctor",
    "logs",
    "slack",
    "clickup",
    "tenants",
    "mappings",
    "connections",
    "events",
    "dead-letters",
    "routes",
    "runs",
    "sessions",
    "users",
    "keys",
    "login",
    "cluster",
)
_HELP = "A squad of AI agents that a team reaches from Slack and ClickUp."


def make_app(arguments: Sequence[str]) -> typer.Typer:
    """The application that can run `arguments`."""
    app = typer.Typer(
        name="oblivion", help=_HELP, no_args_is_help=True, pretty_exceptions_enable=False, callback=_oblivion
    )
    asked_for = [verb for verb in arguments[:1] if verb in VERBS]
    for verb in asked_for or VERBS:
        # Each module holds either one command or a group of them, named like itself.
        module = import_module(f"oblivion_cli.commands.{verb.replace('-', '_')}")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=verb)
        else:
            app.command(verb)(getattr(module, verb))
    return app


def _oblivion() -> None:
    """Without this, a lone command would lose its name."""
