"""A hub whose vendors are the sandbox's, and a browser that signs in there."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from oblivion_contracts.connections import ConnectionView
from oblivion_mcp_hub.testing import PUBLIC_URL, TestTenant, World
from oblivion_platform.tokens import API_AUDIENCE
from oblivion_sandbox.control import OAuthControl
from oblivion_sandbox.testing import RunningSandbox, running_sandbox

REDIRECT_URI = f"{PUBLIC_URL}/oauth/callback"
SIDES = {
    "slack": "slack",
    "notion": "notion",
    "linear": "linear",
    "jira": "jira",
    "google_calendar": "calendar",
    "mcp": "authority",
}
"""Provider → where in the sandbox people sign in."""


@pytest.fixture
async def sandbox(tmp_path: Any) -> AsyncIterator[RunningSandbox]:
    async with running_sandbox(tmp_path / "sandbox", limits_scale=0) as running:
        yield running


@pytest.fixture
def vendors(sandbox: RunningSandbox) -> dict[str, str]:
    """Settings: where each vendor is."""
    return vendor_settings(sandbox)


@pytest.fixture
async def world(new_world: Any, vendors: dict[str, str]) -> World:
    return await new_world(**vendors, tool_server_retry_s=0.1)


@pytest.fixture
def browser(world: World, tenant: TestTenant, sandbox: RunningSandbox) -> "Browser":
    return Browser(world, tenant, sandbox)


def vendor_settings(sandbox: RunningSandbox) -> dict[str, str]:
    at = sandbox.base_url
    return {
        "slack_api_url": sandbox.slack_api_url,
        "notion_api_url": sandbox.notion_api_url,
        "linear_api_url": sandbox.linear_api_url,
        "google_calendar_api_url": sandbox.google_calendar_api_url,
        "atlassian_api_url": f"{at}/jira",
        "slack_authorization_url": f"{at}/slack/oauth/v2/authorize",
        "slack_token_url": f"{at}/slack/api/oauth.v2.access",
        "notion_authorization_url": f"{at}/notion/v1/oauth/authorize",
        "notion_token_url": f"{at}/notion/v1/oauth/token",
        "linear_authorization_url": f"{at}/linear/oauth/authorize",
        "linear_token_url": f"{at}/linear/oauth/token",
        "jira_authorization_url": f"{at}/jira/authorize",
        "jira_token_url": f"{at}/jira/oauth/token",
        "google_calendar_authorization_url": f"{at}/calendar/o/oauth2/v2/auth",
        "google_calendar_token_url": f"{at}/calendar/token",
    }


class Browser:
    """An admin of the tenant, at their browser."""

    def __init__(self, world: World, tenant: TestTenant, sandbox: RunningSandbox) -> None:
        self.world = world
        self.tenant = tenant
        self.sandbox = sandbox

    def server(self, provider: str) -> OAuthControl:
        return self.sandbox.control.oauth[SIDES[provider]]

    async def neighbour(self) -> "Browser":
        """An admin of another tenant."""
        return Browser(self.world, await self.world.new_tenant(), self.sandbox)

    async def admin(self, method: str, path: str, **options: Any) -> httpx.Response:
        token = await self.world.token(self.tenant, "admin", API_AUDIENCE)
        return await self.world.request(method, path, token=token, **options)

    async def shown(self, connection: ConnectionView) -> dict[str, Any]:
        return (await self.admin("GET", f"/connections/{connection.id}")).json()

    async def tested(self, connection: ConnectionView) -> dict[str, Any]:
        return (await self.admin("POST", f"/connections/{connection.id}/test")).json()

    async def with_app(self, provider: str, **client: Any) -> ConnectionView:
        """A connection with the app that somebody registered at the vendor."""
        about = await self.server(provider).change(redirect_uris=[REDIRECT_URI])
        app = {name: about[name] for name in ("client_id", "client_secret")}
        wish = {"provider": provider, "client": {**app, **client}}
        answer = await self.admin("POST", "/connections", json=wish)
        assert answer.status_code == 201, answer.text
        return ConnectionView.model_validate_json(answer.content)

    async def begin(self, connection: ConnectionView) -> dict[str, str]:
        answer = await self.admin("POST", f"/connections/{connection.id}/authorize")
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def come_back(self, location: str, **options: Any) -> httpx.Response:
        parts = urlsplit(location)
        return await self.world.request("GET", parts.path, params=dict(parse_qsl(parts.query)), **options)

    async def sign_in(self, connection: ConnectionView) -> httpx.Response:
        """The whole way; the page that it ends on."""
        begun = await self.begin(connection)
        return await self.come_back(await self.server(connection.provider).agree(begun["url"]))

    async def signed_in(self, provider: str) -> ConnectionView:
        connection = await self.with_app(provider)
        page = await self.sign_in(connection)
        assert page.status_code == 200, page.text
        return connection

    async def tokens_asked(self, provider: str) -> int:
        return (await self.server(provider).calls_of_tokens()).get("POST token", 0)
