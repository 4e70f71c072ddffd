"""Options that several verbs share."""

from typing import Annotated

import typer

Tenant = Annotated[
    str | None,
    typer.Option("--tenant", envvar="OBLIVION_TENANT", help="The tenant's slug; default: the only one."),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document for machines.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")]
