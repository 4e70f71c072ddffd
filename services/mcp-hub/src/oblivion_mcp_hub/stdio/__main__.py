"""`python -m oblivion_mcp_hub.stdio -- PROGRAM ARGUMENT…`."""

import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from oblivion_mcp_hub.adapters.stdio_bridge import StdioBridge, StdioCommand
from oblivion_mcp_hub.stdio.settings import BridgeSettings
from oblivion_platform.health import Health, Phase
from oblivion_platform.http_server import serving
from oblivion_platform.service import run

EXIT_WRONG_USE = 2


@asynccontextmanager
async def bridging(settings: BridgeSettings, program: str, *arguments: str) -> AsyncGenerator[int]:
    """Serve until the block ends; gives the port."""
    command = StdioCommand(program, arguments, settings.passed_on, settings.stdio_shows_stderr)
    health = Health(details_token=settings.health_token)
    health.phase = Phase.READY
    bridge = StdioBridge(command)
    app = bridge.application(health)
    async with serving(
        app, host=settings.host, port=settings.port, drain_timeout_s=settings.drain_timeout_s
    ) as port:
        try:
            yield port
        finally:
            await bridge.close(settings.drain_timeout_s)


def main() -> None:
    """Serve until SIGTERM or SIGINT, then end the child."""
    command = sys.argv[2:] if sys.argv[1:2] == ["--"] else sys.argv[1:]
    if not command:
        sys.stderr.write("say which server: python -m oblivion_mcp_hub.stdio -- PROGRAM ARGUMENT…\n")
        sys.exit(EXIT_WRONG_USE)
    run(BridgeSettings, lambda settings: bridging(settings, *command), service="stdio-bridge")


if __name__ == "__main__":
    main()
