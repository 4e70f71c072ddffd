"""Slack, ClickUp, and the way from them to our ingestion."""

from typing import Any

from oblivion_cli.adapters.senders import send_slack_handshake, send_unsigned
from oblivion_cli.adapters.slack import SlackApi, SlackIdentity
from oblivion_cli.admin import Admin
from oblivion_cli.doctor.finding import Finding, failed, ok, skipped, warning
from oblivion_cli.doctor.patient import CannotTell, Patient
from oblivion_cli.errors import CommandFailed, DependencyAway, NotFound
from oblivion_cli.usecases.clickup_webhook import webhook_path
from oblivion_cli.usecases.integrations import Integration, who_answers
from oblivion_cli.usecases.manifest import missing_scopes
from oblivion_cli.usecases.mappings import Mappings
from oblivion_cli.usecases.round_trip import Route, slack_round_trip
from oblivion_cli.usecases.vault import Vault

SKEW_WARNS_S = 60
SKEW_FAILS_S = 300
"""Slack's window for signatures, both ways."""
REFUSED = (401, 400, 404)


class IngestionReachable:
    name = "ingestion"

    async def run(self, patient: Patient) -> list[Finding]:
        base_url = patient.access.webhook_base_url
        if base_url is None:
            raise CannotTell("our own address is not known (OBLIVION_PUBLIC_URL)")
        answer = await send_unsigned(f"{base_url}/webhooks/slack")
        if answer.status in REFUSED:
            return ok(f"Ingestion answers at {base_url}/webhooks, and refuses what is not signed.")
        return failed(
            f"Ingestion does not answer at {base_url}/webhooks ({answer.status or answer.reason}).",
            "Check that it runs (`oblivion logs ingestion`) and that this address leads to it.",
        )


class SlackConnection:
    name = "slack"

    async def run(self, patient: Patient) -> list[Finding]:
        admin = await patient.admin()
        try:
            integration, slack = await admin.slack()
        except NotFound as missing:
            return warning(missing.sentence, missing.fix)
        try:
            identity = await slack.identity()
        except DependencyAway as away:
            return failed(f"{away.sentence} This machine may have no way out to it.", away.fix)
        except CommandFailed as refused:
            return failed(refused.sentence, refused.fix)
        return [
            *ok(f"Slack's token speaks in {identity.team_name}."),
            *await _answers(admin, integration),
            *_scopes(identity),
            *_clock(patient, identity),
            *await _way_in(patient, admin, integration),
            *await _channels(patient, admin, slack, identity),
        ]


async def _answers(admin: Admin, integration: Integration) -> list[Finding]:
    """Whether somebody hears the people who speak to the app: of tenants that share it, one."""
    if integration.answers:
        return []
    answering = await who_answers(admin.database, integration)
    ours = admin.tenant.slug
    if answering is None:
        return warning(
            f"Nobody answers who speaks to the app in {integration.name}: each tenant there mirrors only.",
            f"Let this one answer: `oblivion slack connect --tenant {ours}`, without --mirror-only.",
        )
    if answering.is_suspended:
        return warning(
            f"Who speaks to the app in {integration.name} is answered by the tenant {answering.slug}, which "
            "is suspended: nobody answers until it is active again.",
            f"Make {answering.slug} active again, or let this one answer: `oblivion slack connect --tenant "
            f"{answering.slug} --mirror-only`, then `oblivion slack connect --tenant {ours}`.",
        )
    return ok("It is mirrored only: who speaks to the app is answered by another tenant's agents.")


def _scopes(identity: SlackIdentity) -> list[Finding]:
    missing = missing_scopes(identity.scopes)
    if not missing:
        return ok("All scopes that are needed are granted.")
    listed = ", ".join(f"{scope} ({why})" for scope, why in missing.items())
    return failed(
        f"Slack scopes are missing: {listed}.",
        "Add them under OAuth & Permissions, Bot Token Scopes, and reinstall the app.",
    )


def _clock(patient: Patient, identity: SlackIdentity) -> list[Finding]:
    if identity.server_time is None:
        return skipped("Slack did not tell its time.")
    skew_s = int((patient.now() - identity.server_time).total_seconds())
    ahead = "ahead of" if skew_s > 0 else "behind"
    sentence = f"This machine's clock is {abs(skew_s)} s {ahead} Slack's."
    fix = "Switch time synchronisation (NTP) on: beyond 300 s every signature from Slack is refused."
    if abs(skew_s) > SKEW_FAILS_S:
        return failed(sentence, fix)
    if abs(skew_s) > SKEW_WARNS_S:
        return warning(sentence, fix)
    return ok("This machine's clock agrees with Slack's.")


async def _way_in(patient: Patient, admin: Admin, integration: Integration) -> list[Finding]:
    """How events come: Socket Mode must open, or ingestion accept what Slack's stored secret signs."""
    async with admin.database.tenant(admin.tenant.id) as tx:
        vault = await Vault.open(tx, admin.tenant.id, admin.access.master_keys, admin.access.signing_keys)
        app_tokens = await vault.signing_secrets(integration.id, "app_token")
        secrets = await vault.signing_secrets(integration.id)
    findings: list[Finding] = []
    if app_tokens:
        findings += await _socket_mode(SlackApi(patient.access.slack_api_url, app_tokens[0]))
    if secrets and patient.access.webhook_base_url is not None:
        url = f"{patient.access.webhook_base_url}/webhooks/slack/{integration.id}"
        findings += await _accepted_secret(url, secrets[0], integration.app_id or "")
    return findings or failed(
        "Slack has no way to tell us anything: no signing secret and no app-level token are stored.",
        "Run `oblivion slack connect`.",
    )


async def _socket_mode(slack: SlackApi) -> list[Finding]:
    try:
        await slack.open_socket_url()
    except CommandFailed as refused:
        return failed(
            f"Socket Mode cannot be opened: {refused.sentence}",
            "Enable it in the app's settings, make an app-level token (connections:write), connect again.",
        )
    return ok("Slack's Socket Mode opens.")


async def _accepted_secret(url: str, secret: str, app_id: str) -> list[Finding]:
    answer = await send_slack_handshake(url, secret, app_id)
    if answer.ok:
        return ok("Ingestion accepts what is signed with Slack's stored secret.")
    return failed(
        f"Ingestion refuses what is signed with the stored secret ({answer.status or answer.reason}).",
        "Check that ingestion runs with the OBLIVION_SIGNING_KEY that `slack connect` used.",
    )


async def _channels(
    patient: Patient, admin: Admin, slack: SlackApi, identity: SlackIdentity
) -> list[Finding]:
    mappings = await Mappings(admin.database, admin.tenant.id, admin.actor).listing()
    linked = {mapping["channel_id"]: mapping["channel"] for mapping in mappings}
    if not linked:
        return warning(
            "No list is linked to a channel.", 'Link one: oblivion mappings link "List" "#channel"'
        )
    findings: list[Finding] = []
    entered: list[str] = []
    for channel_id, name in linked.items():
        try:
            channel = await slack.channel(channel_id)
        except CommandFailed as refused:
            findings += failed(f"#{name}: {refused.sentence}", refused.fix)
            continue
        if channel.is_archived:
            findings += failed(f"#{name} is archived.", "Unarchive it, or unlink it.")
        elif not channel.is_member:
            findings += failed(
                f"The app is not in #{name}, so nothing can be posted there.",
                f"Type /invite @oblivion in #{name}.",
            )
        else:
            entered.append(channel_id)
            findings += ok(f"The app is in #{name}.")
    if entered and patient.round_trips:
        route = Route(admin.tenant.id, identity.team_id, entered[0])
        findings += await _round_trip(patient, admin, slack, route)
    return findings


async def _round_trip(patient: Patient, admin: Admin, slack: SlackApi, route: Route) -> list[Finding]:
    try:
        took_s = await slack_round_trip(admin.database, slack, route, within_s=patient.round_trip_s)
    except CommandFailed as refused:
        return failed(refused.sentence, refused.fix)
    if took_s is not None:
        return ok(f"A message came back from Slack as an event after {took_s:.1f} s.")
    return failed(
        f"A message did not come back from Slack as an event within {patient.round_trip_s:.0f} s: the "
        "signing secret is wrong, the request URL leads elsewhere, or message.channels is not subscribed.",
        "Compare the app's Signing Secret (Basic Information) and request URL; store the right one by "
        "`oblivion slack connect --signing-secret …`.",
    )


class ClickUpConnection:
    name = "clickup"

    async def run(self, patient: Patient) -> list[Finding]:
        admin = await patient.admin()
        try:
            integration, clickup = await admin.clickup()
        except NotFound as missing:
            return warning(missing.sentence, missing.fix)
        try:
            async with clickup:
                owner = await clickup.user()
                webhooks = await clickup.webhooks(integration.external_id)
        except DependencyAway as away:
            return failed(f"{away.sentence} This machine may have no way out to it.", away.fix)
        except CommandFailed as refused:
            return failed(refused.sentence, refused.fix)
        return [
            *ok(f"ClickUp's token belongs to {owner['username']}, and the webhook hangs on that account."),
            *_webhook(patient, integration, webhooks),
        ]


def _webhook(patient: Patient, integration: Integration, webhooks: list[dict[str, Any]]) -> list[Finding]:
    ours = [each for each in webhooks if each["id"] == integration.config.get("webhook_id")]
    again = (
        "`oblivion clickup connect` makes it anew; the router-worker's watchdog does so too while it runs."
    )
    if not ours:
        return failed("ClickUp's webhook is gone, so no task event arrives.", again)
    health = ours[0]["health"]
    if health["status"] == "suspended":
        return failed(
            f"ClickUp has suspended the webhook after {health['fail_count']} failed deliveries.",
            "See that ingestion can be reached; the router-worker's watchdog (or `oblivion clickup connect`) "
            "wakes it and fills the gap.",
        )
    base_url = patient.access.webhook_base_url
    if base_url is not None and ours[0]["endpoint"] != base_url + webhook_path(integration.id):
        return warning(f"ClickUp's webhook leads to {ours[0]['endpoint']}, not to {base_url}.", again)
    if health["fail_count"]:
        return warning(
            f"ClickUp counts {health['fail_count']} failed deliveries; at 100 it suspends the webhook.",
            "See that ingestion can be reached from ClickUp.",
        )
    return ok("ClickUp's webhook is there and active.")
