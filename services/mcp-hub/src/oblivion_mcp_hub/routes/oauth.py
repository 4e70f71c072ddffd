"""`/oauth`: where the browser comes back to after a sign-in, and who we are for authorisation servers.

The page has words alone: no script, nothing from elsewhere, and no trace of the code that is in its address.
"""

from html import escape
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from oblivion_mcp_hub.domain.callers import Caller
from oblivion_mcp_hub.usecases.authenticate import Authenticate
from oblivion_mcp_hub.usecases.oauth_sign_ins import CALLBACK_PATH, DOCUMENTS_PATH, Came, SignIns
from oblivion_platform.door import SESSION_COOKIE
from oblivion_platform.errors import AuthenticationFailed, TransientFailure

PARAMETER_LENGTH_MAX = 4_096
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_AWAY = "The system cannot finish this right now. Go back and sign in again in a minute."
_GO_ON = "You can close this page."


class OAuthRoutes:
    """The edge of `usecases.oauth_sign_ins`."""

    def __init__(self, authenticate: Authenticate, sign_ins: SignIns) -> None:
        self._authenticate = authenticate
        self._sign_ins = sign_ins

    def routes(self) -> list[BaseRoute]:
        return [
            Route(CALLBACK_PATH, self._come_back, methods=["GET"]),
            Route(f"{CALLBACK_PATH}/{{connection_id:uuid}}", self._come_back, methods=["GET"]),
            Route(f"{DOCUMENTS_PATH}/{{connection_id:uuid}}.json", self._document, methods=["GET"]),
        ]

    async def _come_back(self, request: Request) -> Response:
        try:
            browser = await self._browser(request)
            outcome = await self._sign_ins.finish(_came(request), browser)
        except TransientFailure:
            return page("Not connected", _AWAY, HTTPStatus.SERVICE_UNAVAILABLE)
        if outcome.is_connected:
            return page("Connected", f"{outcome.detail} {_GO_ON}", HTTPStatus.OK)
        return page("Not connected", outcome.detail, HTTPStatus.BAD_REQUEST)

    async def _browser(self, request: Request) -> Caller | None:
        """Who is signed in there; nobody has to be: the sign-in may have been begun at a terminal."""
        cookie = request.cookies.get(SESSION_COOKIE)
        if cookie is None:
            return None
        try:
            return await self._authenticate.by_cookie(cookie)
        except AuthenticationFailed:
            return None

    async def _document(self, request: Request) -> Response:
        return JSONResponse(self._sign_ins.document(request.path_params["connection_id"]))


def _came(request: Request) -> Came:
    def given(name: str) -> str | None:
        values = request.query_params.getlist(name)
        # Said twice, it says nothing (RFC 6749 section 3.1).
        return values[0] if len(values) == 1 and len(values[0]) <= PARAMETER_LENGTH_MAX else None

    connection_id = request.path_params.get("connection_id")
    return Came(connection_id, given("state") or "", given("code"), given("error"), given("iss"))


def page(title: str, words: str, status: HTTPStatus) -> Response:
    """For people, in plain words."""
    return HTMLResponse(_HTML.format(title=escape(title), words=escape(words)), status, _HEADERS)


_HTML = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title} · Oblivion</title>
<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
<style>body{{font:1rem/1.5 system-ui;display:grid;place-content:center;min-height:90vh;margin:0 1.5rem}}
main{{max-width:34rem}}</style>
</head><body><main><h1>{title}</h1><p>{words}</p></main></body></html>
"""
