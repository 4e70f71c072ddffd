"""Sessions of a tenant, looked at from the command line."""

from typing import Any
from uuid import UUID

from oblivion_cli.errors import NotFound
from oblivion_platform import sessions
from oblivion_platform.database.engine import Database

_SHOWN = ("id", "thread", "source", "agent", "title", "visible_in_slack", "created_at", "updated_at")


class Conversations:
    """The sessions of one tenant."""

    def __init__(self, database: Database, tenant_id: UUID) -> None:
        self._database = database
        self._tenant_id = tenant_id

    async def listing(self, limit: int) -> list[dict[str, Any]]:
        """The newest change first."""
        async with self._database.tenant(self._tenant_id) as tx:
            found = await sessions.listing(tx, user_id=None, limit=limit)
        return [{name: getattr(session, name) for name in _SHOWN} for session in found]

    async def show(self, session_id: UUID) -> dict[str, Any]:
        """Raises: NotFound."""
        async with self._database.tenant(self._tenant_id) as tx:
            found = await sessions.snapshot(tx, session_id)
        if found is None:
            raise NotFound(f"There is no session {session_id}.", "See `oblivion sessions list`.")
        return found.model_dump(mode="json")
