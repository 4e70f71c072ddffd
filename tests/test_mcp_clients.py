"""The SDK's own clients find their way from the hub's address alone, or are told why there is none."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
import httpx2
import pytest
import pytest_asyncio
from mcp.client.auth import OAuthClientProvider, OAuthRegistrationError
from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthMetadata, OAuthToken
from pydantic import AnyUrl

from oblivion_contracts.agents import AgentDefinition, ClientSecretIssued
from oblivion_gateway.testing import PUBLIC_URL, TestTenant
from oblivion_gateway.testing import World as Gateway
from oblivion_gateway.testing import running_world as running_gateway
from oblivion_mcp_hub.testing import TestTenant as HubTenant
from oblivion_mcp_hub.testing import World as Hub
from oblivion_mcp_hub.testing import running_world as running_hub
from oblivion_mcp_hub.testing_upstream import running_upstream
from oblivion_platform.agents import parse_client_id, update_agent
from oblivion_platform.paths import service_of
from oblivion_platform.testing import FreshDatabase

pytestmark = pytest.mark.integration

MCP = f"{PUBLIC_URL}/mcp"
SERVER = "/.well-known/oauth-authorization-server"


class Front(httpx2.AsyncBaseTransport):
    """One address for both services, by the path table that every front proxy is made of."""

    def __init__(self, services: dict[str, str]) -> None:
        self._services = services
        self._inner = httpx2.AsyncHTTPTransport()
        self.asked: list[str] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        assert f"{request.url.scheme}://{request.url.netloc.decode()}" == PUBLIC_URL
        path = request.url.path
        self.asked.append(path)
        service = self._services.get(service_of(path) or "")
        if service is None:
            return httpx2.Response(404)
        at = urlsplit(service)
        url = request.url.copy_with(host=at.hostname, port=at.port)
        passed_on = httpx2.Request(
            request.method, url, headers=request.headers, stream=request.stream, extensions=request.extensions
        )
        return await self._inner.handle_async_request(passed_on)

    async def aclose(self) -> None:
        await self._inner.aclose()


@dataclass
class Kept:
    """What a client remembers, of the SDK's shape."""

    tokens: OAuthToken | None = None
    client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


@dataclass
class Place:
    gateway: Gateway
    hub: Hub
    tenant: TestTenant
    issued: ClientSecretIssued
    front: Front
    sent_to: list[str] = field(default_factory=list[str])
    """Addresses that a browser was sent to."""

    async def listed(self, auth: httpx2.Auth | None, **headers: str) -> set[str]:
        async with httpx2.AsyncClient(auth=auth, headers=headers, transport=self.front, timeout=30) as http:
            transport = streamable_http_client(MCP, http_client=http)
            async with Client(transport, cache=None) as client:
                return {tool.name for tool in (await client.list_tools()).tools}

    async def get(self, path: str) -> httpx.Response:
        return await self.hub.request("GET", path)

    async def open_browser(self, address: str) -> None:
        self.sent_to.append(address)


@pytest_asyncio.fixture
async def place(database: FreshDatabase, redis_url: str) -> AsyncGenerator[Place]:
    async with AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(running_gateway(database, redis_url))
        hub = await stack.enter_async_context(
            running_hub(database, redis_url, master_key=gateway.settings.master_key)
        )
        wiki = await stack.enter_async_context(running_upstream())
        tenant = await gateway.new_tenant()
        issued = await gateway.new_agent(tenant)
        client = parse_client_id(issued.client_id)
        assert client is not None
        async with gateway.database.tenant(tenant.id) as tx:
            await update_agent(tx, tenant.id, client.agent_id, AgentDefinition(tools=["wiki__*"]))
        await hub.connect(HubTenant(tenant.id, tenant.people), name="wiki", url=wiki.url, is_trusted=True)
        front = Front({"gateway": gateway.base_url, "mcp-hub": hub.base_url})
        yield Place(gateway, hub, tenant, issued, front)


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
async def test_a_client_with_id_and_secret_needs_the_address_alone(place: Place, method: Any) -> None:
    kept = Kept()
    provider = ClientCredentialsOAuthProvider(
        MCP, kept, place.issued.client_id, place.issued.client_secret, method, issuer=PUBLIC_URL
    )
    assert await place.listed(provider) == {"wiki__read"}  # Outside of its runs, an agent looks.
    assert kept.tokens is not None
    assert "/auth/token" in place.front.asked


async def test_a_token_that_a_person_pasted_is_enough(place: Place) -> None:
    token = await place.hub.token(HubTenant(place.tenant.id, place.tenant.people), "user")
    assert len(await place.listed(None, Authorization=f"Bearer {token}")) == 3
    assert set(place.front.asked) == {"/mcp"}


async def test_a_client_that_would_sign_in_by_browser_is_refused_before_anybody_is_sent_anywhere(
    place: Place,
) -> None:
    metadata = OAuthClientMetadata(client_name="An IDE", redirect_uris=[AnyUrl("http://localhost:1/back")])
    provider = OAuthClientProvider(MCP, metadata, Kept(), place.open_browser, None)
    with pytest.raises(BaseExceptionGroup) as failed:
        await place.listed(provider)
    assert failed.group_contains(OAuthRegistrationError)
    assert place.sent_to == []


async def test_what_the_metadata_names_is_there_and_does_what_it_says(place: Place) -> None:
    said = (await place.get(SERVER)).json()
    known = OAuthMetadata.model_validate(said)
    assert str(known.issuer) == PUBLIC_URL
    assert (said["grant_types_supported"], said["response_types_supported"]) == (["client_credentials"], [])
    assert known.registration_endpoint is None
    async with httpx2.AsyncClient(transport=place.front) as http:
        keys = await http.get(said["jwks_uri"])
        code = await http.post(said["token_endpoint"], data={"grant_type": "authorization_code", "code": "x"})
        page = await http.get(
            said["authorization_endpoint"],
            params={"redirect_uri": "https://elsewhere.example", "state": "<x>"},
        )
    assert keys.json()["keys"]
    assert (code.status_code, code.json()["error"]) == (400, "unsupported_grant_type")
    assert (page.status_code, "location" in page.headers) == (400, False)
    assert "oblivion connections token" in page.text
    assert "<x>" not in page.text
