"""Tokens, opened when they are needed."""

from typing import Protocol
from uuid import UUID


class Credentials(Protocol):
    async def token(self, tenant_id: UUID, integration_id: UUID) -> str:
        """The live token of an integration; may be some seconds old.

        Raises:
            AuthenticationFailed: it has none, or none that opens.
            DependencyUnavailable: Postgres is away.
        """
        ...

    def forget(self, integration_id: UUID) -> None:
        """The other side refused the token: read it again next time."""
        ...
