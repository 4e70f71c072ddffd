"""The ASGI application: webhooks by the short way; health, metrics and the description through FastAPI."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from oblivion_contracts.problems import PROBLEM_MEDIA_TYPE, Problem
from oblivion_ingestion.metrics import Metrics
from oblivion_ingestion.routes.webhooks import PREFIX, WebhookEndpoint
from oblivion_platform.health import Health, health_routes
from oblivion_platform.problems import exception_handlers

REFUSALS = {
    "400": "The body can never be processed: not JSON, a wrong type, nested too deep, …",
    "401": "No live secret proves the sender, or the timestamp is more than five minutes off.",
    "404": "There is no such source.",
    "408": "The body did not arrive in time.",
    "413": "The body is larger than 2 MiB.",
    "503": "Not known to be committed; send it again after Retry-After seconds.",
}


class Application:
    """Sends each request to its half."""

    def __init__(self, webhooks: WebhookEndpoint, health: Health, metrics: Metrics) -> None:
        self._webhooks = webhooks
        self._rest: ASGIApp = _rest(health, metrics, webhooks.source_names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(PREFIX):
            await self._webhooks(scope, receive, send)
        else:
            await self._rest(scope, receive, send)


def _rest(health: Health, metrics: Metrics, sources: Sequence[str]) -> FastAPI:
    async def all_metrics(_request: Request) -> Response:
        text = generate_latest(metrics.registry) + generate_latest(REGISTRY)
        return Response(text, headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = FastAPI(
        title="Oblivion ingestion",
        summary="Webhooks in: proven, committed, acknowledged.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/webhooks-openapi.json",
    )
    for kind, handler in exception_handlers().items():
        app.add_exception_handler(kind, handler)
    app.add_route("/metrics", all_metrics)
    app.router.routes.extend(health_routes(health))
    describe = app.openapi

    def with_webhooks() -> dict[str, Any]:
        description = describe()
        description["paths"].update(_webhook_paths(sources))
        description.setdefault("components", {}).setdefault("schemas", {})["Problem"] = (
            Problem.model_json_schema()
        )
        return description

    app.openapi = with_webhooks
    return app


def _webhook_paths(sources: Sequence[str]) -> dict[str, Any]:
    """The raw ASGI routes, described by hand as FastAPI would."""
    source = _path_parameter("source", {"type": "string", "enum": list(sources)})
    integration = _path_parameter("integration_id", {"type": "string", "format": "uuid"})
    return {
        "/webhooks/{source}": {"post": _operation("receive_webhook", [source])},
        "/webhooks/{source}/{integration_id}": {
            "post": _operation("receive_webhook_of_integration", [source, integration])
        },
    }


def _operation(operation_id: str, parameters: list[dict[str, Any]]) -> dict[str, Any]:
    problem = {PROBLEM_MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    anything = {"schema": {"type": "object"}}
    return {
        "operationId": operation_id,
        "summary": "Receive one signed delivery",
        "tags": ["webhooks"],
        "parameters": parameters,
        "requestBody": {
            "required": True,
            "content": {"application/json": anything, "application/x-www-form-urlencoded": anything},
        },
        "responses": {
            "200": {
                "description": "Committed, or genuine and ignored; Slack's handshake gets its challenge back."
            },
            **{code: {"description": text, "content": problem} for code, text in REFUSALS.items()},
        },
    }


def _path_parameter(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": schema}
