"""Slack's round trip: a message goes out, and its event must come back into our inbox."""

import asyncio
import contextlib
import time
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from oblivion_cli.adapters.slack import SlackApi
from oblivion_cli.errors import CommandFailed
from oblivion_cli.usecases.manifest import BOT_EVENTS
from oblivion_platform.database.engine import Database

POLL_S = 0.2
ATTEMPTS = 3
TEXT = "Oblivion checks its connection; this message goes away by itself."
_ARRIVED = text("""
    SELECT EXISTS (
        SELECT FROM inbound_events
        WHERE dedupe_key LIKE :key || '%' AND received_at > now() - interval '5 minutes')
""")
_HEARD = text("SELECT DISTINCT event_type FROM inbound_events WHERE integration_id = :integration")


@dataclass(frozen=True)
class Route:
    """Which tenant's message in which team's channel."""

    tenant_id: UUID
    team_id: str
    channel_id: str


async def slack_round_trip(
    database: Database, slack: SlackApi, route: Route, *, within_s: float
) -> float | None:
    """Seconds until the event of a test message was stored; None when none was in time.

    Posts up to ATTEMPTS messages: a connection that was just opened may miss the first, which Slack then
    repeats only after a minute.

    Raises:
        SlackRefused: the message could not be posted.
    """
    for _ in range(ATTEMPTS):
        took_s = await _attempt(database, slack, route, within_s / ATTEMPTS)
        if took_s is not None:
            return took_s
    return None


async def _attempt(database: Database, slack: SlackApi, route: Route, within_s: float) -> float | None:
    started_at = time.monotonic()
    ts = await slack.post(route.channel_id, TEXT)
    try:
        while time.monotonic() - started_at < within_s:
            async with database.tenant(route.tenant_id) as tx:
                key = f"{route.team_id}:{route.channel_id}:{ts}"
                if (await tx.execute(_ARRIVED, {"key": key})).scalar_one():
                    return time.monotonic() - started_at
            await asyncio.sleep(POLL_S)
    finally:
        with contextlib.suppress(CommandFailed):
            await slack.delete(route.channel_id, ts)
    return None


async def unheard_events(database: Database, tenant_id: UUID, integration_id: UUID) -> list[str]:
    """Events of the manifest of which none has come yet.

    A mention comes as a message too and is stored once, so either stands for both.
    """
    async with database.tenant(tenant_id) as tx:
        heard = set((await tx.execute(_HEARD, {"integration": integration_id})).scalars())
    heard |= {"app_mention"} if "message" in heard else set()
    return [name for name in BOT_EVENTS if name.partition(".")[0] not in heard]
