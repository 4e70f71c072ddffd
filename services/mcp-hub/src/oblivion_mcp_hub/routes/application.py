"""The HTTP application: the MCP endpoint, connections over REST, what clients discover, health."""

import contextlib
from collections.abc import AsyncGenerator, Sequence

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from oblivion_mcp_hub.routes.mcp import METADATA_PATH, McpEndpoint
from oblivion_platform.health import Health, health_routes
from oblivion_platform.problems import exception_handlers


def make_application(
    mcp: McpEndpoint, others: Sequence[BaseRoute], health: Health, public_url: str
) -> Starlette:
    """Put it together."""

    async def metadata(_request: Request) -> Response:
        """RFC 9728: whose tokens the hub takes."""
        return JSONResponse(
            {
                "resource": f"{public_url}/mcp",
                "authorization_servers": [public_url],
                "bearer_methods_supported": ["header"],
                "resource_name": "Oblivion",
            }
        )

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncGenerator[None]:
        async with mcp.running():
            yield

    return Starlette(
        routes=[
            Route("/mcp", mcp, methods=None),
            Route(METADATA_PATH, metadata),
            *others,
            *health_routes(health),
        ],
        exception_handlers=exception_handlers(),
        lifespan=lifespan,
    )
