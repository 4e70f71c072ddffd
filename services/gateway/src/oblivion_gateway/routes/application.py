"""The HTTP application: every route, described completely, inside the frame that all requests pass."""

from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.routing import APIRoute
from pydantic.json_schema import models_json_schema
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from oblivion_contracts.feed import FeedBatch, FeedEnd
from oblivion_gateway.domain.access import ACCESS
from oblivion_gateway.routes import (
    administration,
    agents,
    auth,
    events,
    operator,
    places,
    runs,
    sessions,
    sign_in,
    work,
    workflows,
)
from oblivion_gateway.routes.frame import Frame
from oblivion_gateway.routes.problems import add_problem_schema
from oblivion_gateway.routes.services import Services
from oblivion_platform.door import SESSION_COOKIE
from oblivion_platform.health import Health, health_routes
from oblivion_platform.problems import exception_handlers

TITLE = "Oblivion"
SIGN_IN_WITHIN_S = 600
OPENAPI_PATH = "/api/openapi.json"
DOCS_PATH = "/docs"
ASSETS_PATH = "/docs/assets"
ROUTERS: tuple[APIRouter, ...] = (
    auth.router,
    sign_in.router,
    agents.router,
    runs.router,
    sessions.router,
    workflows.router,
    events.router,
    administration.router,
    places.router,
    work.router,
    operator.router,
)
_PROTECTED = "/api/"


@dataclass(frozen=True)
class Surroundings:
    """What the settings say of who may call and through what."""

    cors_origins: list[str]
    proxies_in_front: int
    cookie_key: str = field(repr=False)
    """Signs the cookie that remembers, for minutes, that a browser is on its way to an identity provider."""
    is_https: bool


def make_application(services: Services, health: Health, around: Surroundings) -> FastAPI:
    """Put it together; refuses an operation that the table of roles does not know."""
    app = _with_routes()
    app.state.services = services
    for kind, handler in exception_handlers().items():
        app.add_exception_handler(kind, handler)
    app.router.routes.extend(health_routes(health))
    _describe(app)
    _show_description(app)
    app.add_middleware(
        SessionMiddleware,
        secret_key=around.cookie_key,
        session_cookie="oblivion_sign_in",
        max_age=SIGN_IN_WITHIN_S,
        same_site="lax",
        https_only=around.is_https,
    )
    if around.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=around.cors_origins,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID"],
            expose_headers=["Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"],
        )
    app.add_middleware(Frame, limits=services.limits, proxies_in_front=around.proxies_in_front)
    return app


def _show_description(app: FastAPI) -> None:
    """`/docs` from our own host: FastAPI's page would need the internet."""

    async def show(_request: Request) -> Response:
        return get_swagger_ui_html(
            openapi_url=OPENAPI_PATH,
            title=TITLE,
            swagger_js_url=f"{ASSETS_PATH}/swagger-ui-bundle.js",
            swagger_css_url=f"{ASSETS_PATH}/swagger-ui.css",
            swagger_favicon_url=f"{ASSETS_PATH}/favicon.png",
        )

    app.add_route(DOCS_PATH, show, include_in_schema=False)
    app.mount(ASSETS_PATH, StaticFiles(packages=[("fastapi_offline", "static")]))


def describe() -> dict[str, Any]:
    """The API's description, without anything that runs."""
    app = _with_routes()
    _describe(app)
    return app.openapi()


def _with_routes() -> FastAPI:
    app = FastAPI(
        title=TITLE,
        summary="Sign-in, agents, runs, sessions.",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url=OPENAPI_PATH,
        generate_unique_id_function=lambda route: route.name,
    )
    for router in ROUTERS:
        app.include_router(router)
    _check_access()
    return app


def _check_access() -> None:
    routes = [route for router in ROUTERS for route in router.routes]
    described = {route.name for route in routes if isinstance(route, APIRoute) and _is_protected(route)}
    if described != ACCESS.keys():
        raise RuntimeError(f"the table of roles and the routes differ: {sorted(described ^ ACCESS.keys())}")


def _is_protected(route: APIRoute) -> bool:
    return route.path.startswith(_PROTECTED)


def _socket_messages() -> dict[str, Any]:
    """What `/admin` says over Socket.IO, for which OpenAPI has no word; the page's types are made from it."""
    where = "#/components/schemas/{model}"
    _, described = models_json_schema(
        [(each, "serialization") for each in (FeedBatch, FeedEnd)], ref_template=where
    )
    return described["$defs"]


def _describe(app: FastAPI) -> None:
    describe = app.openapi

    def complete() -> dict[str, Any]:
        if app.openapi_schema is None:
            description = add_problem_schema(describe())
            description["components"]["schemas"] |= _socket_messages()
            description["components"]["securitySchemes"] = {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "basic": {"type": "http", "scheme": "basic"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": SESSION_COOKIE},
            }
            for path, operations in description["paths"].items():
                for operation in operations.values():
                    if path.startswith(_PROTECTED):
                        operation["security"] = [{"bearer": []}, {"cookie": []}]
            app.openapi_schema = description
        return app.openapi_schema

    app.openapi = complete
