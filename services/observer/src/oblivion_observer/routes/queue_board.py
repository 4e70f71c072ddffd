"""`/admin/queues`: Bull Board for operators, behind the sign-in that everything has.

The board itself asks nobody who they are. So this does, by the browser's cookie, before anything of it is
shown or done; what changes something must come from this system's own pages, by somebody who is an operator
at that moment, and the log says who did it.
"""

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from oblivion_observer.domain.board import ASKED, BASE, POLICY, board_path, passing
from oblivion_observer.ports import Board, SignedIn
from oblivion_observer.routes.page import HEADERS
from oblivion_platform.door import (
    SAFE_METHODS,
    SESSION_COOKIE,
    NotAllowed,
    SignInNeeded,
    refuse_cross_site,
)
from oblivion_platform.errors import PermanentFailure
from oblivion_platform.logging import get_logger
from oblivion_platform.node import HOW_TO_GET_IT

BODY_MAX_BYTES = 1024 * 1024
SIGN_IN_AT = "/queues"
"""A view of the page, which asks whoever is not signed in to."""
OPERATORS_ONLY = (
    "The queue board shows the work of every tenant, so it is for operators: `oblivion users operator NAME` "
    "makes somebody one."
)
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
_ABSENT = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Queue board</title></head><body>
<h1>The queue board does not run here</h1>
<p>It needs {HOW_TO_GET_IT.replace("`", "")}. It is built with the page: make page. Then start the system
again; the log of queue-board says what else may be wrong.</p>
<p><a href="/queues">Queues of your tenant</a></p>
</body></html>
"""
_log = get_logger(__name__)


class BodyTooLarge(PermanentFailure):
    """413."""

    http_status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE

    def __init__(self) -> None:
        super().__init__("body_too_large", f"The body is larger than {BODY_MAX_BYTES} bytes.")


class QueueBoard:
    """Lets operators through."""

    def __init__(self, signed_in: SignedIn | None, board: Board, own_origins: frozenset[str]) -> None:
        self._signed_in = signed_in
        self._board = board
        self._own_origins = own_origins

    def routes(self) -> list[Route]:
        return [
            Route(BASE, self.__call__, methods=_METHODS),
            Route(f"{BASE}/{{rest:path}}", self.__call__, methods=_METHODS),
        ]

    async def __call__(self, request: Request) -> Response:
        """Raises: SignInNeeded, NotAllowed, CrossSiteRefused, BodyTooLarge, DependencyUnavailable."""
        try:
            await self._let_in(request)
        except SignInNeeded:
            if "text/html" not in request.headers.get("accept", ""):
                raise
            return RedirectResponse(SIGN_IN_AT, HTTPStatus.SEE_OTHER, _own())
        path = board_path(request.path_params.get("rest", ""))
        target = f"{path}?{request.url.query}" if request.url.query else path
        headers = passing(request.headers.items(), ASKED)
        answer = await self._board.ask(request.method, target, headers, await _body(request))
        if answer is None:
            return HTMLResponse(_ABSENT, HTTPStatus.SERVICE_UNAVAILABLE, _own())
        return Response(answer.body, answer.status, _own() | dict(answer.headers))

    async def _let_in(self, request: Request) -> None:
        cookie = request.cookies.get(SESSION_COOKIE)
        if cookie is None or self._signed_in is None:
            raise SignInNeeded
        refuse_cross_site(request.method, request.headers, self._own_origins)
        changes = request.method not in SAFE_METHODS
        forwarded_for = ", ".join(request.headers.getlist("x-forwarded-for")) or None
        person = await self._signed_in.person(cookie, anew=changes, forwarded_for=forwarded_for)
        if person is None:
            raise SignInNeeded
        if not person.is_operator:
            raise NotAllowed(OPERATORS_ONLY)
        if changes:
            _log.info("queue board used", user=person.id, method=request.method, path=request.url.path)


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > BODY_MAX_BYTES:
            raise BodyTooLarge
    return bytes(body)


def _own() -> dict[str, str]:
    return {**HEADERS, "Content-Security-Policy": POLICY, "Cache-Control": "no-store"}
