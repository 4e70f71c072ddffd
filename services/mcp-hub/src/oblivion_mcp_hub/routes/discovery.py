"""What MCP clients find out by themselves: whose tokens the hub takes, and how those are given out.

Tokens are given to clients that have an id and a secret (RFC 6749 section 4.4), by the gateway. Nobody is
signed in here for somebody else's client: no grant uses the authorization endpoint, which RFC 8414 then lets
one leave out. It is named all the same, since the MCP SDK takes no metadata without it, and tells people who
are sent there what to do instead.
Source: https://datatracker.ietf.org/doc/html/rfc9728, https://datatracker.ietf.org/doc/html/rfc8414
"""

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from oblivion_mcp_hub.routes.mcp import METADATA_PATH
from oblivion_mcp_hub.routes.oauth import page

SERVER_PATH = "/.well-known/oauth-authorization-server"
AUTHORIZE_PATH = "/oauth/authorize"
_INSTEAD = (
    "MCP clients are not signed in here by browser. Give yours a token to send as Authorization: Bearer; "
    "`oblivion connections token` prints one. Agents and services get theirs by client id and secret."
)


def discovery_routes(public_url: str) -> list[BaseRoute]:
    """Both documents as they are for everybody who reaches the system at `public_url`."""
    resource = {
        "resource": f"{public_url}/mcp",
        "authorization_servers": [public_url],
        "bearer_methods_supported": ["header"],
        "resource_name": "Oblivion",
    }
    server = {
        "issuer": public_url,
        "authorization_endpoint": f"{public_url}{AUTHORIZE_PATH}",
        "token_endpoint": f"{public_url}/auth/token",
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": [],
        "jwks_uri": f"{public_url}/.well-known/jwks.json",
    }

    async def about_resource(_request: Request) -> Response:
        return JSONResponse(resource)

    async def about_server(_request: Request) -> Response:
        return JSONResponse(server)

    return [
        Route(METADATA_PATH, about_resource),
        Route(SERVER_PATH, about_server),
        Route(AUTHORIZE_PATH, _nobody_signs_in),
    ]


async def _nobody_signs_in(_request: Request) -> Response:
    """Told to who looks at it, never to where a request says: nothing vouches for that address."""
    return page("Not signed in", _INSTEAD, HTTPStatus.BAD_REQUEST)
