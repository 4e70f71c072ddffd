"""`sessions` for the watchdog: where the bot talked with people."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text

from oblivion_platform.database.engine import Database
from oblivion_router_worker.domain.records import Integration
from oblivion_router_worker.domain.run_place import slack_thread
from oblivion_router_worker.ports.watching import FoundThread


class PostgresConversations:
    """Implements `usecases.find_questions.Conversations`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def talked_in(self, integration: Integration, since: datetime, most: int) -> Sequence[FoundThread]:
        prefix = slack_thread(integration.id, "", "").rstrip(":")
        values = {"prefix": f"{prefix}:", "since": since, "most": most}
        async with self._database.tenant(integration.tenant_id) as tx:
            threads = (await tx.execute(_TALKED_IN, values)).scalars().all()
        places = [thread.removeprefix(f"{prefix}:").split(":") for thread in threads]
        return [FoundThread(place[0], place[1], ()) for place in places if len(place) == 2]


_TALKED_IN = text("""
    SELECT thread FROM sessions
    WHERE starts_with(thread, :prefix) AND updated_at > :since
    ORDER BY updated_at DESC LIMIT :most
""")
