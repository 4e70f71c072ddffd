"""FastMCP's proxy in front of the upstream; run by the Python that FastMCP is installed in.

python hub_fastmcp.py PORT UPSTREAM_URL kept|stock

kept   one client stays connected to the upstream for all calls
stock  as it comes: a new client for each call
"""

import asyncio
import sys

from fastmcp import Client  # pyright: ignore[reportMissingImports]
from fastmcp.server import create_proxy  # pyright: ignore[reportMissingImports]


async def main(port: int, upstream: str, how: str) -> None:
    if how == "stock":
        await _serve(create_proxy(upstream), port)
        return
    async with Client(upstream) as client:
        await _serve(create_proxy(client), port)


async def _serve(server: object, port: int) -> None:
    await server.run_http_async(  # type: ignore[attr-defined]
        host="127.0.0.1", port=port, path="/mcp", log_level="error", show_banner=False, stateless_http=True
    )


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], sys.argv[3]))
