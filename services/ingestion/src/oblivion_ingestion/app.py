"""The ASGI application: webhooks by the short way, everything else through FastAPI."""

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from oblivion_ingestion.routes.webhooks import PREFIX, WebhookEndpoint


class Front:
    """Sends each request to its application."""

    def __init__(self, webhooks: WebhookEndpoint, rest: FastAPI) -> None:
        self._webhooks = webhooks
        self._rest: ASGIApp = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(PREFIX):
            await self._webhooks(scope, receive, send)
        else:
            await self._rest(scope, receive, send)
