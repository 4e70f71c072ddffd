"""The HTTP application: health, metrics, the queue board, and the page for everything else.

What no other service answers comes here from the whole world, so health and metrics are for those alone who
ask this process itself: every front and Ingress says whom it asks for (`X-Forwarded-For`), and nobody behind
one can leave that out.
"""

from collections.abc import Mapping

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from oblivion_observer.domain.assets import Asset
from oblivion_observer.routes.page import HEADERS, Page
from oblivion_observer.routes.queue_board import QueueBoard
from oblivion_platform.health import Health, health_routes
from oblivion_platform.problems import exception_handlers, problem_response


def make_application(assets: Mapping[str, Asset], board: QueueBoard, health: Health) -> Starlette:
    """Put it together."""
    page = Route("/{path:path}", Page(assets).__call__, methods=["GET", "HEAD"])
    return Starlette(
        routes=[*health_routes(health), *board.routes(), page],
        middleware=[Middleware(InsideAlone)],
        exception_handlers=exception_handlers(),
    )


class InsideAlone:
    """Health and metrics are unknown to who comes through a proxy."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] == "http"
            and _is_of_ours(scope["path"])
            and "x-forwarded-for" in Headers(scope=scope)
        ):
            unknown = problem_response(404, "path_unknown", "No service answers this path.", headers=HEADERS)
            await unknown(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _is_of_ours(path: str) -> bool:
    return path == "/metrics" or path.startswith("/health/")
