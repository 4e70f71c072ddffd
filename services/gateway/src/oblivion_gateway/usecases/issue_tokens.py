"""`POST /auth/token`: a client's id and secret, or a person who is signed in, for a token of 15 minutes."""

from oblivion_gateway.domain.callers import Caller, Role
from oblivion_platform.agents import ClientId, SecretHasher, parse_client_id, secret_is_live
from oblivion_platform.database.engine import Database
from oblivion_platform.errors import AuthenticationFailed
from oblivion_platform.tokens import API_AUDIENCE, IssuedToken, Tokens

# A tenant and agent that cannot be: what a malformed client id is looked up as, so that it costs the same.
_NOBODY = parse_client_id(f"oba_{'0' * 32}_{'0' * 32}")


class ClientRefused(AuthenticationFailed):
    """401 `invalid_client`: unknown, disabled or a wrong secret; it does not say which."""

    def __init__(self) -> None:
        super().__init__("invalid_client", "Client id and secret do not fit an active agent.")


class IssueTokens:
    """No password hash and at most one transaction: a token costs about a millisecond."""

    def __init__(self, database: Database, hasher: SecretHasher, tokens: Tokens) -> None:
        self._database = database
        self._hasher = hasher
        self._tokens = tokens

    async def for_client(
        self, client_id: str, client_secret: str, audience: str = API_AUDIENCE
    ) -> IssuedToken:
        """Raises:
        ClientRefused
        DependencyUnavailable: it could not be told.
        """
        client = parse_client_id(client_id) or _NOBODY
        if client is None or not await self._is_genuine(client, client_secret):
            raise ClientRefused
        return await self._tokens.issue(
            client.tenant_id, f"agent:{client.agent_id}", Role.AGENT, audience=audience
        )

    async def for_person(self, caller: Caller, audience: str = API_AUDIENCE) -> IssuedToken:
        return await self._tokens.issue(caller.tenant_id, caller.subject, caller.role, audience=audience)

    async def _is_genuine(self, client: ClientId, secret: str) -> bool:
        async with self._database.tenant(client.tenant_id) as tx:
            return await secret_is_live(tx, self._hasher, client, secret)
