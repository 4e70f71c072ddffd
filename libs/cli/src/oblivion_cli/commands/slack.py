"""`oblivion slack`."""

import asyncio
import json
import re
from dataclasses import dataclass, field
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

import typer

from oblivion_cli import console
from oblivion_cli.access import REAL_SLACK_API_URL, Access
from oblivion_cli.adapters.senders import send_slack_handshake
from oblivion_cli.adapters.slack import Channel, SlackApi, SlackIdentity
from oblivion_cli.admin import Admin, open_admin
from oblivion_cli.commands.checklist import Checklist
from oblivion_cli.commands.options import Json, Tenant
from oblivion_cli.commands.prompts import secret
from oblivion_cli.errors import CommandFailed, SlackRefused, UsageWrong
from oblivion_cli.up.choices import use_real
from oblivion_cli.usecases.connect import SlackFacts
from oblivion_cli.usecases.manifest import APP_TOKEN_SCOPE, app_manifest, missing_scopes
from oblivion_cli.usecases.mappings import channel_name
from oblivion_cli.usecases.round_trip import Route, slack_round_trip, unheard_events

app = typer.Typer(no_args_is_help=True, help="Connect a Slack workspace.")
SIGNING_SECRET = re.compile(r"[0-9a-f]{32}")
NEW_APP_URL = "https://api.slack.com/apps?new_app=1&manifest_json="
_NEXT = 'Slack is connected. Next: oblivion clickup connect, then oblivion mappings link "List" "#channel"'


@dataclass(frozen=True)
class Answers:
    """What was given by flags, environment or prompts."""

    bot_token: str = field(repr=False)
    app_token: str | None = field(repr=False)
    signing_secret: str | None = field(repr=False)
    channel: str | None
    wait_s: float
    keep_old_secret: bool
    mirror_only: bool


@app.callback()
def slack() -> None:
    """Connect a Slack workspace."""


@app.command()
def manifest(
    http: Annotated[bool, typer.Option("--http", help="For HTTP, not Socket Mode.")] = False,
) -> None:
    """Print the app's manifest, ready to paste."""
    console.print_json(app_manifest(_request_url(Access.from_environment()) if http else None))


@app.command()
def connect(
    bot_token: Annotated[str | None, typer.Option(envvar="OBLIVION_SLACK_BOT_TOKEN", help="xoxb-…")] = None,
    app_token: Annotated[
        str | None, typer.Option(envvar="OBLIVION_SLACK_APP_TOKEN", help="xapp-…, for Socket Mode.")
    ] = None,
    signing_secret: Annotated[
        str | None, typer.Option(envvar="OBLIVION_SLACK_SIGNING_SECRET", help="For HTTP.")
    ] = None,
    http: Annotated[bool, typer.Option("--http", help="Events by HTTP, not Socket Mode.")] = False,
    channel: Annotated[str | None, typer.Option(help="Where the round trip is tried.")] = None,
    sandbox: Annotated[bool, typer.Option("--sandbox", help="The stand-in of the running system.")] = False,
    keep_old_secret: Annotated[
        bool, typer.Option("--keep-old-secret", help="Accept the earlier signing secret too, for a while.")
    ] = False,
    mirror_only: Annotated[
        bool, typer.Option("--mirror-only", help="Another tenant answers who speaks to the app there.")
    ] = False,
    wait_s: Annotated[float, typer.Option(min=0, help="Seconds to wait for the round trip.")] = 20.0,
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Connect a Slack app: shows its manifest, asks for its tokens, checks everything, tries a round trip."""
    access = Access.from_environment()
    by_http = http or (signing_secret is not None and app_token is None)
    if bot_token is None and not as_json:
        _show_manifest(app_manifest(_request_url(access) if by_http else None), by_http=by_http)
    answers = Answers(
        bot_token=secret(bot_token, "--bot-token", "Bot token (xoxb-…, under OAuth & Permissions)"),
        app_token=None
        if by_http
        else secret(app_token, "--app-token", "App-level token (xapp-…, under Basic Information)"),
        signing_secret=secret(signing_secret, "--signing-secret", "Signing secret (under Basic Information)")
        if by_http
        else signing_secret,
        channel=channel,
        wait_s=wait_s,
        keep_old_secret=keep_old_secret,
        mirror_only=mirror_only,
    )
    _check_shapes(answers)
    api_url = access.slack_api_url if sandbox or access.settings.slack_api_url else REAL_SLACK_API_URL
    with Checklist(as_json) as checks:
        asyncio.run(_connect(checks, answers, api_url, tenant))


def _show_manifest(described: dict[str, Any], *, by_http: bool) -> None:
    address = NEW_APP_URL + quote(json.dumps(described, separators=(",", ":")))
    console.err.print("1. Open this address, which holds the app's manifest:\n", markup=False)
    console.err.print(address, markup=False, highlight=False, soft_wrap=True)
    console.err.print("\n   Or choose “From a manifest” there, and paste:\n", markup=False)
    console.print_json(described)
    console.err.print("\n2. Install it to the workspace (Install App) and copy its bot token.", markup=False)
    if not by_http:
        console.err.print(
            f"3. Basic Information, App-Level Tokens: generate one with {APP_TOKEN_SCOPE}.", markup=False
        )


def _request_url(access: Access) -> str:
    if access.public_url is None:
        raise UsageWrong(
            "HTTP needs an address that Slack can reach.", "Set OBLIVION_PUBLIC_URL, or use Socket Mode."
        )
    return f"{access.public_url}/webhooks/slack"


def _check_shapes(answers: Answers) -> None:
    if not answers.bot_token.startswith("xoxb-"):
        raise UsageWrong("That is no bot token.", "It begins with xoxb- (OAuth & Permissions).")
    if answers.app_token is not None and not answers.app_token.startswith("xapp-"):
        raise UsageWrong("That is no app-level token.", "It begins with xapp- (Basic Information).")
    if answers.signing_secret is not None and not SIGNING_SECRET.fullmatch(answers.signing_secret):
        raise UsageWrong("That is no signing secret.", "It has 32 hexadecimal digits (Basic Information).")


async def _connect(checks: Checklist, answers: Answers, api_url: str, tenant: str | None) -> None:
    slack = SlackApi(api_url, answers.bot_token)
    async with open_admin(tenant) as admin:
        identity = await slack.identity()
        checks.ok(f"The bot token speaks in {identity.team_name}.")
        _check_scopes(checks, identity)
        if answers.app_token is not None:
            await _check_app_token(checks, api_url, answers.app_token)
        if checks.failed:
            raise CommandFailed("Nothing was stored.", "Mend what is marked and run this again.")
        app_id = await slack.app_id(identity.bot_id)
        integration_id = await admin.connector.connect_slack(_facts(answers, identity, app_id))
        checks.ok("Stored; the tokens are encrypted.")
        if answers.mirror_only:
            checks.ok("It is mirrored only: who speaks to the app is answered by another tenant's agents.")
        if api_url == REAL_SLACK_API_URL:
            use_real(admin.access, "slack")
        if answers.signing_secret is not None and answers.app_token is None:
            # An app has one address: several tenants share the one that is nobody's own.
            path = "/webhooks/slack" if answers.mirror_only else f"/webhooks/slack/{integration_id}"
            await _check_request_url(checks, admin.access, path, app_id, answers.signing_secret)
        await _check_round_trip(checks, admin, slack, identity, answers)
        await _say_unheard(checks, admin, integration_id)
    if checks.failed:
        raise CommandFailed(
            "Slack is connected, but does not work yet.", "Mend what is marked, then `oblivion doctor`."
        )
    if not checks.as_json:
        console.out.print(_NEXT)


def _check_scopes(checks: Checklist, identity: SlackIdentity) -> None:
    missing = missing_scopes(identity.scopes)
    for scope, why in missing.items():
        checks.fail(
            f"The scope {scope} is missing ({why}).",
            "Add it under OAuth & Permissions, Bot Token Scopes, and reinstall the app.",
        )
    if not missing:
        checks.ok("All scopes that are needed are granted.")


async def _check_app_token(checks: Checklist, api_url: str, app_token: str) -> None:
    try:
        await SlackApi(api_url, app_token).open_socket_url()
    except SlackRefused as refused:
        checks.fail(
            f"Socket Mode cannot be opened ({refused.code}).",
            f"Enable Socket Mode, and generate an app-level token with {APP_TOKEN_SCOPE}.",
        )
    else:
        checks.ok("The app-level token opens Socket Mode.")


def _facts(answers: Answers, identity: SlackIdentity, app_id: str) -> SlackFacts:
    return SlackFacts(
        team_id=identity.team_id,
        team_name=identity.team_name,
        app_id=app_id,
        bot_token=answers.bot_token,
        signing_secret=answers.signing_secret,
        app_token=answers.app_token,
        config={
            "bot_user_id": identity.bot_user_id,
            "bot_id": identity.bot_id,
            "workspace_url": identity.workspace_url,
        },
        keep_old_secret=answers.keep_old_secret,
        answers=not answers.mirror_only,
    )


async def _check_request_url(
    checks: Checklist, access: Access, path: str, app_id: str, signing_secret: str
) -> None:
    if access.public_url is None:
        checks.fail("Our public address is not known.", "Set OBLIVION_PUBLIC_URL.")
        return
    url = f"{access.public_url}{path}"
    answer = await send_slack_handshake(url, signing_secret, app_id)
    if answer.ok:
        checks.ok(f"Signed requests are accepted at {url}; give Slack this request URL.")
    else:
        checks.fail(
            f"A signed request to {url} got {answer.status or answer.reason}.",
            "Check that ingestion runs and that OBLIVION_PUBLIC_URL leads to it.",
        )


async def _check_round_trip(
    checks: Checklist, admin: Admin, slack: SlackApi, identity: SlackIdentity, answers: Answers
) -> None:
    channel = await _round_trip_channel(slack, answers.channel)
    if channel is None and answers.channel is not None:
        checks.fail(
            f"There is no channel {answers.channel!r} that the app can see.",
            "Look at its name; in a private one, type /invite @oblivion.",
        )
        return
    if channel is None:
        checks.fail("The app is in no channel yet.", "Type /invite @oblivion in one, and run this again.")
        return
    if not channel.is_member:
        checks.fail(f"The app is not in #{channel.name}.", f"Type /invite @oblivion in #{channel.name}.")
        return
    checks.ok(f"The app is in #{channel.name}.")
    route = Route(admin.tenant.id, identity.team_id, channel.id)
    took_s = await slack_round_trip(admin.database, slack, route, within_s=answers.wait_s)
    if took_s is None:
        checks.fail(
            f"A message in #{channel.name} did not come back as an event within {answers.wait_s:.0f} s.",
            "Check Event Subscriptions (message.channels) and Socket Mode or the request URL.",
        )
    else:
        checks.ok(f"A message in #{channel.name} came back as an event after {took_s:.1f} s.")


async def _say_unheard(checks: Checklist, admin: Admin, integration_id: UUID) -> None:
    """Slack tells nobody what an app is subscribed to; what has come shows it."""
    unheard = await unheard_events(admin.database, admin.tenant.id, integration_id)
    if unheard:
        checks.warn(
            f"Not seen yet, of the events that are subscribed to: {', '.join(unheard)}.",
            "That is well on a new app; else compare Event Subscriptions with `oblivion slack manifest`.",
        )


async def _round_trip_channel(slack: SlackApi, wanted: str | None) -> Channel | None:
    channels = await slack.channels()
    if wanted is not None:
        name = channel_name(wanted)
        return next((each for each in channels if name in (each.id, each.name)), None)
    return next((each for each in channels if each.is_member), None)
