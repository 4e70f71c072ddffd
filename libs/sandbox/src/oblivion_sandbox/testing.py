"""The sandbox inside a test's own event loop, on a free port, over real sockets."""

import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

from oblivion_sandbox.bootstrap import running
from oblivion_sandbox.control import SandboxControl
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

    @property
    def llm_base_url(self) -> str:
        """For OBLIVION_LLM_BASE_URL with `openai:sandbox`; Anthropic's client wants it without `/v1`."""
        return f"{self.base_url}/llm/v1"

    @property
    def github_api_url(self) -> str:
        """For OBLIVION_GITHUB_API_URL, in place of https://api.github.com."""
        return f"{self.base_url}/github"

    @property
    def notion_api_url(self) -> str:
        """For OBLIVION_NOTION_API_URL, in place of https://api.notion.com."""
        return f"{self.base_url}/notion"

    @property
    def linear_api_url(self) -> str:
        """For OBLIVION_LINEAR_API_URL, in place of https://api.linear.app."""
        return f"{self.base_url}/linear"

    @property
    def jira_api_url(self) -> str:
        """For OBLIVION_JIRA_API_URL, in place of a site's own https://….atlassian.net."""
        return f"{self.base_url}/jira"

    @property
    def google_calendar_api_url(self) -> str:
        """For OBLIVION_GOOGLE_CALENDAR_API_URL, in place of https://www.googleapis.com/calendar/v3."""
        return f"{self.base_url}/calendar/v3"

    @property
    def qdrant_url(self) -> str:
        """For OBLIVION_QDRANT_URL."""
        return f"{self.base_url}/qdrant"


@contextlib.asynccontextmanager
async def running_sandbox(
    state_dir: Path,
    *,
    port: int = 0,
    retry_scale: float = 0.01,
    limits_scale: float = 1.0,
    base_url: str | None = None,
    llm_chunk_s: float = 0.0,
) -> AsyncGenerator[RunningSandbox]:
    """Serve a sandbox that keeps its state in `state_dir`, where a later one finds it again.

    `limits_scale` and `base_url` say what a fresh state begins with; `limits_scale=0` lifts all limits.
    """
    settings = SandboxSettings(
        host="127.0.0.1",
        port=port,
        sandbox_dir=state_dir,
        sandbox_retry_scale=retry_scale,
        sandbox_limits_scale=limits_scale,
        sandbox_base_url=base_url,
        sandbox_llm_chunk_seconds=llm_chunk_s,
    )
    async with running(settings) as url, SandboxControl(url) as control:
        yield RunningSandbox(url, control)
