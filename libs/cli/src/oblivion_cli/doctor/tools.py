"""Whether the tools that agents have can be used: what is stored and known of them; no vendor is asked."""

from uuid import UUID

from oblivion_cli.console import counted, on_one_line
from oblivion_cli.doctor.finding import Finding, ok, warning
from oblivion_cli.doctor.patient import Patient
from oblivion_cli.usecases.events import age
from oblivion_platform import connections
from oblivion_platform.connections import Connection
from oblivion_platform.errors import DependencyUnavailable
from oblivion_platform.feed import FeedReader


class ToolConnections:
    name = "connections"

    async def run(self, patient: Patient) -> list[Finding]:
        admin = await patient.admin()
        async with admin.database.tenant(admin.tenant.id) as tx:
            known = await connections.list_connections(tx, disabled_too=False)
        left_alone = await _left_alone(patient, admin.tenant.id)
        findings: list[Finding] = []
        for connection in known:
            findings += _complaints(connection, patient, is_left_alone=connection.name in left_alone)
        return findings or ok(f"{counted(len(known), 'tool connection')}, nothing is known against any.")


async def _left_alone(patient: Patient, tenant_id: UUID) -> set[str]:
    """Names of connections whose breaker is open; none while Redis is away, as another check tells."""
    feed = FeedReader(patient.access.redis_url)
    try:
        breakers = await feed.breakers(tenant_id)
    except DependencyUnavailable:
        return set()
    finally:
        await feed.close()
    return {each.provider for each in breakers if each.source == "mcp-hub"}


def _complaints(connection: Connection, patient: Patient, *, is_left_alone: bool) -> list[Finding]:
    view = connection.view()
    test = f"`oblivion connections test {view.name}`"
    if view.sign_in is not None and view.sign_in.state != "done":
        return warning(
            f"The connection {view.name} cannot be used: {_sentence(view.sign_in.detail)}",
            f"Sign it in: `oblivion connections connect {view.name}`.",
        )
    if view.health is not None and not view.health.ok:
        asked = age(view.health.at, patient.now())
        return warning(
            f"The connection {view.name} failed when it was last asked, {asked} ago: "
            f"{_sentence(view.health.detail)}",
            _replacement(connection) + f"Ask it again: {test}.",
        )
    if is_left_alone:
        return warning(
            f"The connection {view.name} failed again and again, and is left alone for now.",
            f"{test} says what is wrong; its tools come back when it answers.",
        )
    return []


def _replacement(connection: Connection) -> str:
    if connection.auth != "secret" or not connection.has_secret:
        return ""
    return (
        f"If its key or token is wrong, give another: `oblivion connections set {connection.name} --secret`. "
    )


def _sentence(said: str) -> str:
    shown = on_one_line(said).strip()
    return shown if shown.endswith((".", "?", "!")) else f"{shown}."
