"""The HTTP application: the MCP endpoint, connections over REST, what clients discover, health."""

import contextlib
from collections.abc import AsyncGenerator, Sequence

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Route

from oblivion_mcp_hub.routes.mcp import McpEndpoint
from oblivion_platform.health import Health, health_routes
from oblivion_platform.problems import exception_handlers


def make_application(mcp: McpEndpoint, others: Sequence[BaseRoute], health: Health) -> Starlette:
    """Put it together."""

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncGenerator[None]:
        async with mcp.running():
            yield

    return Starlette(
        routes=[
            Route("/mcp", mcp, methods=None),
            *others,
            *health_routes(health),
        ],
        exception_handlers=exception_handlers(),
        lifespan=lifespan,
    )
