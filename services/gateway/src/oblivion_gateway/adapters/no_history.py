"""Stands where no history index is set up."""

from collections.abc import Collection
from uuid import UUID

from oblivion_contracts.sessions import HistoryHit, HistorySearch
from oblivion_gateway.socket_errors import HistoryNotSetUp


class NoHistory:
    """Implements `HistoryIndex` by saying what to set."""

    async def search(
        self, tenant_id: UUID, search: HistorySearch, readers: Collection[UUID] | None
    ) -> list[HistoryHit]:
        """Raises: HistoryNotSetUp."""
        del tenant_id, search, readers
        raise HistoryNotSetUp
