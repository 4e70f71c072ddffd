"""The authorisation servers put together."""

from starlette.routing import Route

from oblivion_sandbox.misbehave import Misbehaviour
from oblivion_sandbox.oauth.dialects import DIALECTS
from oblivion_sandbox.oauth.grants import Grants
from oblivion_sandbox.oauth.wire import AuthorizationServer
from oblivion_sandbox.pages.shell import Shell
from oblivion_sandbox.store import Store


class AuthorizationServers:
    """One for each vendor that has one, and one for tool servers of one's own."""

    def __init__(self, store: Store, misbehaviour: Misbehaviour, public_url: str | None) -> None:
        self._servers = {
            dialect.side: AuthorizationServer(store, misbehaviour, dialect, public_url)
            for dialect in DIALECTS
        }

    def grants(self, side: str) -> Grants:
        return self._servers[side].grants

    def routes(self, shell: Shell) -> list[Route]:
        return [route for server in self._servers.values() for route in server.routes(shell)]
