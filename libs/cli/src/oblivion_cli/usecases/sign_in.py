"""A token for whoever sits at this machine: the command line may read the tenant's signing key."""

import socket
from uuid import UUID

from sqlalchemy import text

from oblivion_cli.errors import NotFound
from oblivion_cli.usecases.audit import Actor, note, note_hourly
from oblivion_platform.crypto import MasterKeyRing
from oblivion_platform.database.engine import Database, Tx
from oblivion_platform.tokens import API_AUDIENCE, HUB_AUDIENCE, TokenKeys, Tokens

_FIRST_ADMIN = text("SELECT id FROM users WHERE role = 'admin' ORDER BY created_at LIMIT 1")


class LocalSignIn:
    """Speaks for the tenant's first admin, and says so in the audit log."""

    def __init__(
        self, database: Database, master_keys: MasterKeyRing, tenant_id: UUID, actor: Actor, issuer: str
    ) -> None:
        self._database = database
        self._tenant_id = tenant_id
        self._actor = actor
        self._tokens = Tokens(TokenKeys(database, master_keys), issuer)

    async def token(self) -> str:
        """A fresh token for the API, for a command's own use: one line an hour, however many commands.

        Raises:
            NotFound: the tenant has no admin.
        """
        async with self._database.tenant(self._tenant_id) as tx:
            user_id = await _first_admin(tx)
            about = {"how": "command line", "machine": socket.gethostname()}
            await note_hourly(tx, self._tenant_id, self._actor, "user.signed_in", user_id, **about)
        return await self._issue(user_id, API_AUDIENCE)

    async def tools_token(self) -> str:
        """A fresh token for the MCP hub, which is handed out: a line each time. Raises: NotFound."""
        async with self._database.tenant(self._tenant_id) as tx:
            user_id = await _first_admin(tx)
            await note(tx, self._tenant_id, self._actor, "user.signed_in", user_id, how="command line")
        return await self._issue(user_id, HUB_AUDIENCE)

    async def _issue(self, user_id: UUID, audience: str) -> str:
        issued = await self._tokens.issue(self._tenant_id, f"user:{user_id}", "admin", audience=audience)
        return issued.token


async def _first_admin(tx: Tx) -> UUID:
    user_id: UUID | None = (await tx.execute(_FIRST_ADMIN)).scalar_one_or_none()
    if user_id is None:
        raise NotFound("This tenant has no admin.", "Set OBLIVION_TOKEN to a token of yours.")
    return user_id
