"""`python -m oblivion_agent.github_mcp`: the server on stdin and stdout; GITHUB_TOKEN in the environment."""

import asyncio
import os
import sys

from oblivion_agent.github_mcp.github import GitHub, connect
from oblivion_agent.github_mcp.server import build_server


async def serve(api_url: str, token: str) -> None:
    """Answer until stdin ends."""
    async with connect(api_url, token) as http:
        await build_server(GitHub(http)).run_stdio_async()


def main() -> None:
    """Start, or say what is missing."""
    token = os.environ.get("GITHUB_TOKEN", "")
    if not token:
        print("GITHUB_TOKEN is not set. Set it to a token that may read the repositories.", file=sys.stderr)  # noqa: T201
        raise SystemExit(2)
    asyncio.run(serve(os.environ.get("OBLIVION_GITHUB_API_URL", "https://api.github.com"), token))


if __name__ == "__main__":
    main()
