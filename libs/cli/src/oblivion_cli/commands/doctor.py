"""`oblivion doctor`."""

import asyncio
from collections.abc import AsyncIterable
from typing import Annotated

import typer
from rich.markup import escape

from oblivion_cli import console
from oblivion_cli.access import Access
from oblivion_cli.adapters.kubectl import Kubectl
from oblivion_cli.commands.options import Json, Tenant
from oblivion_cli.doctor.cluster import examine_cluster
from oblivion_cli.doctor.examine import Examined, checks_for, examine, is_healthy
from oblivion_cli.doctor.finding import Verdict
from oblivion_cli.doctor.patient import Patient
from oblivion_cli.errors import DependencyAway, ExitCode
from oblivion_cli.up.ports import DEFAULT_PORT
from oblivion_platform.database.engine import Database

NOWHERE = "postgresql://oblivion_cli@127.0.0.1:1/oblivion"
"""Where nobody listens: the checks then say what is missing."""
MARKS = {
    Verdict.OK: "[green]ok[/green]",
    Verdict.WARNING: "[yellow]??[/yellow]",
    Verdict.FAILED: "[red]!![/red]",
    Verdict.SKIPPED: "[dim]--[/dim]",
}


def doctor(
    port: Annotated[int, typer.Option(envvar="PORT", help="The port that `oblivion up` should serve on.")] = (
        DEFAULT_PORT
    ),
    round_trip: Annotated[
        bool | None,
        typer.Option(help="Post a test message to Slack and delete it; default: in the sandbox only."),
    ] = None,
    context: Annotated[
        str | None, typer.Option(help="Examine the cluster of this kubectl context instead of this machine.")
    ] = None,
    namespace: Annotated[str, typer.Option(help="Of the cluster: where Oblivion is installed.")] = "oblivion",
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Say what is wrong with this set-up and how to mend it; exit code 1 when something is."""
    if context is not None:
        findings = examine_cluster(Kubectl(context, namespace))
        examined = asyncio.run(_shown(findings, as_json=as_json))
    else:
        examined = asyncio.run(_examine(port, round_trip, tenant, as_json=as_json))
    healthy = is_healthy(examined)
    if as_json:
        console.print_json({"healthy": healthy, "findings": [_as_json(each) for each in examined]})
    elif healthy:
        console.out.print("Nothing is broken.")
    raise typer.Exit(ExitCode.OK if healthy else ExitCode.FAILED)


async def _examine(
    port: int, round_trip: bool | None, tenant: str | None, *, as_json: bool
) -> list[Examined]:
    access = Access.from_environment()
    database = Database.connect(_database_url(access), pool_size=2)
    in_sandbox = access.sandbox_url is not None and "slack" not in access.home.real_ones()
    patient = Patient(
        access, database, tenant, port, round_trips=in_sandbox if round_trip is None else round_trip
    )
    try:
        return await _shown(examine(patient, checks_for(patient)), as_json=as_json)
    finally:
        await database.close()


async def _shown(findings: AsyncIterable[Examined], *, as_json: bool) -> list[Examined]:
    """Collected, and printed one by one as they come."""
    examined: list[Examined] = []
    async for each in findings:
        examined.append(each)
        if not as_json:
            _print(each)
    return examined


def _database_url(access: Access) -> str:
    try:
        return access.database_url
    except DependencyAway:
        return NOWHERE


def _print(examined: Examined) -> None:
    finding = examined.finding
    console.out.print(f"  {MARKS[finding.verdict]}  {escape(finding.sentence)}")
    if finding.fix:
        console.out.print(f"      {escape(finding.fix)}")


def _as_json(examined: Examined) -> dict[str, str]:
    finding = examined.finding
    return {
        "check": examined.check,
        "verdict": finding.verdict,
        "sentence": finding.sentence,
        "fix": finding.fix,
    }
