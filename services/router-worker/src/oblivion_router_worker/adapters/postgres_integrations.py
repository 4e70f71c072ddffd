"""`integrations` for the deciding half."""

import json
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


class PostgresIntegrations:
    """Implements `ports.deciding.Integrations` in the transaction `tx`."""

    def __init__(self, tx: AsyncConnection) -> None:
        self._tx = tx

    async def set_health(self, integration_id: UUID, status: str, detail: str) -> None:
        health = json.dumps({"status": status, "detail": detail})
        await self._tx.execute(_SET_HEALTH, {"id": integration_id, "health": health})


# What else the watchdog noted (`blind_since`) stays.
_SET_HEALTH = text("""
    UPDATE integrations SET updated_at = now(),
        health = health || CAST(:health AS jsonb) || jsonb_build_object('checked_at', clock_timestamp())
    WHERE id = :id
""")
