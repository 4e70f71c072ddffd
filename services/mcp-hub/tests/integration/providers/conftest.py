"""Providers against the sandbox's stand-ins, over real sockets."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from oblivion_mcp_hub.providers import PROVIDERS, Provider
from oblivion_sandbox.testing import RunningSandbox, running_sandbox


class Tools:
    """A provider opened with a credential; calling it calls a tool and gives what an agent would get."""

    def __init__(self, provider: Provider, session: Any) -> None:
        self._provider = provider
        self._session = session
        self._tools = {tool.name: tool for tool in provider.tools}

    async def __call__(self, tool: str, **arguments: Any) -> dict[str, Any]:
        called = self._tools[tool]
        given = called.input_model.model_validate(arguments)
        answer = await called.call(self._session, given)
        return answer if isinstance(answer, dict) else answer.model_dump(mode="json", exclude_none=True)

    async def check(self) -> Any:
        return await self._provider.check(self._session)


class Opener:
    """Opens providers at the stand-ins, and closes them when the test is over."""

    def __init__(self, sandbox: RunningSandbox, stack: AsyncExitStack) -> None:
        self.sandbox = sandbox
        self._stack = stack
        self._urls = {
            "notion": sandbox.notion_api_url,
            "slack": sandbox.slack_api_url,
            "linear": sandbox.linear_api_url,
            "jira": sandbox.jira_api_url,
            "clickup": sandbox.clickup_api_url,
            "google_calendar": sandbox.google_calendar_api_url,
        }

    async def credential(self, provider: str) -> str:
        control = self.sandbox.control
        if provider == "slack":
            return (await control.slack.app())["bot_token"]
        if provider == "clickup":
            return (await control.clickup.owner())["token"]
        return (await self.vendor(provider).account())["token"]

    def vendor(self, provider: str) -> Any:
        """The control of the stand-in behind a provider."""
        return getattr(self.sandbox.control, "calendar" if provider == "google_calendar" else provider)

    async def __call__(
        self, name: str, *, credential: str | None = None, base_url: str | None = None, **settings: Any
    ) -> Tools:
        provider = PROVIDERS[name]
        if name == "jira":
            settings = {"site": "acme", "email": (await self.vendor(name).account())["email"], **settings}
        token = await self.credential(name) if credential is None else credential
        opening = provider.open(token, settings, self._urls[name] if base_url is None else base_url)
        return Tools(provider, await self._stack.enter_async_context(opening))


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncGenerator[RunningSandbox]:
    async with running_sandbox(tmp_path / "sandbox", limits_scale=0) as running:
        yield running


@pytest.fixture
async def opened(sandbox: RunningSandbox) -> AsyncGenerator[Opener]:
    async with AsyncExitStack() as stack:
        yield Opener(sandbox, stack)
