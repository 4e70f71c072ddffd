"""The sandbox inside a test's own event loop, on a free port, over real sockets."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

from oblivion_sandbox.app import Sandbox
from oblivion_sandbox.control import SandboxControl
from oblivion_sandbox.server import listen, make_server
from oblivion_sandbox.settings import SandboxSettings


@dataclass(frozen=True)
class RunningSandbox:
    """Where the stand-ins listen, and their control client."""

    base_url: str
    control: SandboxControl

    @property
    def slack_api_url(self) -> str:
        """For OBLIVION_SLACK_API_URL, and slack_sdk's `base_url`."""
        return f"{self.base_url}/slack/api/"

    @property
    def clickup_api_url(self) -> str:
        """For OBLIVION_CLICKUP_API_URL."""
        return f"{self.base_url}/clickup/api/v2"


@contextlib.asynccontextmanager
async def running_sandbox(
    state_dir: Path,
    *,
    port: int = 0,
    retry_scale: float = 0.01,
    limits_scale: float = 1.0,
    base_url: str | None = None,
) -> AsyncGenerator[RunningSandbox]:
    """Serve a sandbox that keeps its state in `state_dir`, where a later one finds it again.

    `limits_scale` and `base_url` say what a fresh state begins with; `limits_scale=0` lifts all limits.
    """
    settings = SandboxSettings(
        port=port,
        sandbox_dir=state_dir,
        sandbox_retry_scale=retry_scale,
        sandbox_limits_scale=limits_scale,
        sandbox_base_url=base_url,
    )
    listener = listen(settings.host, settings.port)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    sandbox = Sandbox(settings)
    server = make_server(sandbox.asgi(), sandbox.end_streams, shutdown_s=1)
    serving = asyncio.create_task(server.run_on(listener))
    try:
        while not server.started:
            if serving.done():
                serving.result()
            await asyncio.sleep(0.005)
        async with SandboxControl(url) as control:
            yield RunningSandbox(url, control)
    finally:
        server.stop()
        await serving
