"""`oblivion clickup`."""

import asyncio
from typing import Annotated, Any

import typer

from oblivion_cli.access import REAL_CLICKUP_API_URL, Access
from oblivion_cli.adapters.clickup import ClickUpApi
from oblivion_cli.adapters.senders import send_clickup_probe
from oblivion_cli.admin import Admin, open_admin
from oblivion_cli.commands.checklist import Checklist
from oblivion_cli.commands.options import Json, Tenant
from oblivion_cli.commands.prompts import secret
from oblivion_cli.console import counted
from oblivion_cli.errors import CommandFailed, NotFound, UsageWrong
from oblivion_cli.up.choices import use_real
from oblivion_cli.usecases.clickup_webhook import keep_one_webhook, webhook_path
from oblivion_cli.usecases.connect import ClickUpFacts
from oblivion_cli.usecases.vault import Vault

app = typer.Typer(no_args_is_help=True, help="Connect a ClickUp workspace.")
LOCAL = ("http://localhost", "http://127.0.0.1", "http://[::1]")


@app.callback()
def clickup() -> None:
    """Connect a ClickUp workspace."""


@app.command()
def connect(
    token: Annotated[
        str | None, typer.Option(envvar="OBLIVION_CLICKUP_TOKEN", help="pk_… (Settings, Apps, API Token).")
    ] = None,
    workspace: Annotated[str | None, typer.Option(help="Name or id, when the token reaches several.")] = None,
    sandbox: Annotated[bool, typer.Option("--sandbox", help="The stand-in of the running system.")] = False,
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Connect a ClickUp workspace: checks the token, makes the webhook and probes it."""
    access = Access.from_environment()
    given = secret(token, "--token", "API token (pk_…; ClickUp: Settings, Apps, API Token)")
    local = sandbox or access.settings.clickup_api_url is not None
    api_url = access.clickup_api_url if local else REAL_CLICKUP_API_URL
    if access.public_url is None or (not local and access.public_url.startswith(LOCAL)):
        raise UsageWrong(
            "ClickUp needs an address where it can reach us.",
            "Set OBLIVION_PUBLIC_URL to it, such as a tunnel to this machine: https://….",
        )
    with Checklist(as_json) as checks:
        asyncio.run(_connect(checks, given, workspace, api_url, tenant))


async def _connect(
    checks: Checklist, token: str, workspace: str | None, api_url: str, tenant: str | None
) -> None:
    async with open_admin(tenant) as admin, ClickUpApi(api_url, token) as clickup:
        owner = await clickup.user()
        checks.ok(f"The token belongs to {owner['username']}.")
        team = _choose(await clickup.teams(), workspace)
        lists = await clickup.lists(team["id"])
        names = ", ".join(str(each["name"]) for each in lists[:8])
        checks.ok(f"Workspace {team['name']} has {counted(len(lists), 'list')}: {names}.")
        facts = ClickUpFacts(
            team_id=str(team["id"]),
            team_name=str(team["name"]),
            token=token,
            config={"owner_id": str(owner["id"]), "owner_name": str(owner["username"])},
        )
        integration_id = await admin.connector.connect_clickup(facts)
        if api_url == REAL_CLICKUP_API_URL:
            use_real(admin.access, "clickup")
        public_url = str(admin.access.public_url)
        webhook_id = await keep_one_webhook(admin.connector, clickup, integration_id, public_url)
        checks.ok("The webhook is registered.")
        await _probe(checks, admin, webhook_id, f"{public_url}{webhook_path(integration_id)}")
    if checks.failed:
        raise CommandFailed(
            "ClickUp is connected, but does not work yet.", "Mend what is marked, then `oblivion doctor`."
        )
    checks.warn(
        f"ClickUp is connected. The webhook hangs on {owner['username']}'s account: if that person leaves "
        "the workspace or is disabled, ClickUp stops telling us anything.",
        "An account made for this is safer.",
    )


def _choose(teams: list[dict[str, Any]], wanted: str | None) -> dict[str, Any]:
    if wanted is not None:
        fitting = [team for team in teams if wanted in (str(team["id"]), team["name"])]
    else:
        fitting = teams
    names = ", ".join(f"{team['name']} ({team['id']})" for team in teams) or "none"
    if not fitting:
        raise NotFound("The token reaches no such workspace.", f"It reaches: {names}.")
    if len(fitting) > 1:
        raise UsageWrong(f"The token reaches several workspaces: {names}.", "Say which by --workspace.")
    return fitting[0]


async def _probe(checks: Checklist, admin: Admin, webhook_id: str, url: str) -> None:
    """Send what ClickUp would, through the public address."""
    async with admin.database.tenant(admin.tenant.id) as tx:
        vault = await Vault.open(tx, admin.tenant.id, admin.access.master_keys, admin.access.signing_keys)
        signing_secret = await vault.secret_of(f"clickup:{webhook_id}")
    answer = await send_clickup_probe(url, signing_secret or "", webhook_id)
    if answer.ok:
        checks.ok(f"A signed probe was accepted at {url}.")
    else:
        checks.fail(
            f"A signed probe to {url} got {answer.status or answer.reason}.",
            "Check that ingestion runs and that OBLIVION_PUBLIC_URL leads to it.",
        )
