"""The sandbox's stand-ins of what the MCP hub's built-in providers reach."""

from uuid import UUID

import httpx
from pydantic import SecretStr

from oblivion_cli.usecases.audit import Actor
from oblivion_contracts.connections import ConnectionChange, NewConnection
from oblivion_platform import connections
from oblivion_platform.connections import Whose
from oblivion_platform.crypto import MasterKeyRing
from oblivion_platform.database.engine import Database

TOOL_STAND_INS = {
    "notion": "/notion",
    "linear": "/linear",
    "jira": "/jira",
    "google_calendar": "/calendar/v3",
}
"""Provider → where in the sandbox its vendor's API is; Slack's and ClickUp's every service knows."""
_SIGN_INS = {
    "slack": ("/slack/oauth/v2/authorize", "/slack/api/oauth.v2.access"),
    "notion": ("/notion/v1/oauth/authorize", "/notion/v1/oauth/token"),
    "linear": ("/linear/oauth/authorize", "/linear/oauth/token"),
    "jira": ("/jira/authorize", "/jira/oauth/token"),
    "google_calendar": ("/calendar/o/oauth2/v2/auth", "/calendar/token"),
}
"""Provider → where people agree at its stand-in, and where tokens are had."""
_TOKENS = {
    "slack": ("/slack/control/app", "bot_token"),
    "clickup": ("/clickup/control/owner", "token"),
    "notion": ("/notion/control/account", "token"),
    "linear": ("/linear/control/account", "token"),
    "jira": ("/jira/control/account", "token"),
    "google_calendar": ("/calendar/control/account", "token"),
}
"""Provider → where the sandbox tells the token of its stand-in, and under which name."""


def sign_in_settings(sandbox_url: str, base_url: str, real_ones: frozenset[str]) -> dict[str, str]:
    """Where people sign in at the stand-ins: their browsers at the front, the hub at the sandbox itself."""
    settings = {"OBLIVION_ATLASSIAN_API_URL": f"{sandbox_url}/jira"}
    for provider, (authorize, token) in _SIGN_INS.items():
        if provider in real_ones:
            continue
        settings[f"OBLIVION_{provider.upper()}_AUTHORIZATION_URL"] = base_url + authorize
        settings[f"OBLIVION_{provider.upper()}_TOKEN_URL"] = sandbox_url + token
    return settings


class StandIns:
    """The tenant's connections to them."""

    def __init__(self, database: Database, master_keys: MasterKeyRing, tenant_id: UUID, actor: Actor) -> None:
        self._database = database
        self._master_keys = master_keys
        self._tenant_id = tenant_id
        self._actor = actor

    async def connect(self, sandbox_url: str, real_ones: frozenset[str]) -> None:
        """A connection to each that is not connected for real; a fresh sandbox has new tokens."""
        async with httpx.AsyncClient(base_url=sandbox_url, trust_env=False) as http:
            for provider, (path, name) in _TOKENS.items():
                if provider not in real_ones:
                    told = (await http.get(path)).raise_for_status().json()
                    settings = {"site": "sandbox", "email": told["email"]} if provider == "jira" else {}
                    await self._keep(provider, SecretStr(told[name]), settings)

    async def _keep(self, provider: str, secret: SecretStr, settings: dict[str, str]) -> None:
        async with self._database.tenant(self._tenant_id) as tx:
            known = [each for each in await connections.list_connections(tx) if each.provider == provider]
            if not known:
                new = NewConnection(provider=provider, secret=secret, settings=settings)
                await connections.create(tx, self._tenant_id, self._actor, new, self._master_keys)
                return
            at = Whose(self._tenant_id, known[0].id, self._master_keys)
            held = await connections.open_secret(tx, at, "connection_secret")
            if held != secret.get_secret_value():
                wish = ConnectionChange(secret=secret)
                whose = (self._tenant_id, self._actor)
                await connections.change(tx, *whose, known[0].id, wish, self._master_keys)
