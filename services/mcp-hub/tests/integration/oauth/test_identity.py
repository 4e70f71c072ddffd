"""A tool server that wants to know which tenant asks: by a token that the hub signs, for it alone."""

import httpx
import pytest
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from starlette.responses import Response

from oblivion_mcp_hub.testing import PUBLIC_URL, served
from oblivion_platform.tokens import API_AUDIENCE, HUB_AUDIENCE, TokenKeys, TokenRefused

pytestmark = pytest.mark.integration


class Checks:
    """A server that verifies by the published key set, as any server can."""

    def __init__(self, inner, world):
        self._inner = inner
        self._world = world
        self.url = ""
        self.claims = []
        self.tokens = []

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http" or await self._holds(scope):
            await self._inner(scope, receive, send)
        else:
            await Response(status_code=401)(scope, receive, send)

    async def _holds(self, scope):
        token = dict(scope["headers"]).get(b"authorization", b"").decode().removeprefix("Bearer ")
        published = TokenKeys(self._world.worker, self._world.master_keys).published()
        keys = KeySet.import_key_set({"keys": await published})
        try:
            claims = jwt.decode(token, keys, algorithms=["ES256"]).claims
            expected = jwt.JWTClaimsRegistry(
                iss={"essential": True, "value": PUBLIC_URL},
                aud={"essential": True, "value": self.url},
                exp={"essential": True},
            )
            expected.validate(claims)
        except (JoseError, ValueError):
            return False
        self.tokens.append(token)
        self.claims.append(claims)
        return True


@pytest.fixture
async def checking(world, upstream):
    made = Checks(upstream.app(), world)
    async with served(made) as url:
        made.url = f"{url}/mcp"
        yield made


async def call(world, tenant, tool="wiki__read"):
    async with world.client(await world.token(tenant, "user")) as client:
        return await client.call_tool(tool, {"text": "hello"})


async def test_a_server_knows_the_tenant_by_the_hubs_signature(world, tenant, checking):
    await world.connect(tenant, name="wiki", url=checking.url, auth="signed_identity")
    result = await call(world, tenant)
    claims = checking.claims[-1]
    assert not result.is_error
    assert (claims["tenant"], claims["sub"]) == (str(tenant.id), f"tenant:{tenant.id}")
    assert claims["exp"] - claims["iat"] == 300
    assert claims["connection"] == "wiki"


async def test_each_tenant_signs_with_a_key_of_its_own(world, tenant, checking):
    neighbour = await world.new_tenant()
    for each in (tenant, neighbour):
        await world.connect(each, name="wiki", url=checking.url, auth="signed_identity")
        await call(world, each)
    kids = {
        claims["tenant"]: jws.extract_compact(token.encode()).headers()["kid"]
        for claims, token in zip(checking.claims, checking.tokens, strict=True)
    }
    assert len(set(kids.values())) == 2


async def test_the_token_opens_no_door_of_ours(world, tenant, checking):
    """Neither as it is, nor with an audience that the hub would have to be talked into."""
    await world.connect(tenant, name="wiki", url=checking.url, auth="signed_identity")
    await call(world, tenant)
    token = checking.tokens[-1]
    answer = await world.request("GET", "/connections", token=token)
    assert answer.status_code == 401
    for audience in (API_AUDIENCE, HUB_AUDIENCE, checking.url):
        with pytest.raises(TokenRefused):
            await world.hub.tokens.verify(token, audience=audience)


async def test_it_is_shown_to_no_other_server(world, tenant, checking, upstream):
    other = type(upstream)()
    async with served(other.app()) as url:
        await world.connect(tenant, name="wiki", url=checking.url, auth="signed_identity")
        await world.connect(tenant, name="other", url=f"{url}/mcp")
        await call(world, tenant)
        result = await call(world, tenant, "other__read")
    assert (bool(checking.tokens), result.is_error) == (True, False)
    assert not any("authorization" in each for each in other.headers)


async def test_one_that_was_shown_to_a_server_opens_no_other_that_checks(world, tenant, checking, upstream):
    other = Checks(upstream.app(), world)
    await world.connect(tenant, name="wiki", url=checking.url, auth="signed_identity")
    await call(world, tenant)
    headers = {"Authorization": f"Bearer {checking.tokens[-1]}"}
    async with served(other) as url, httpx.AsyncClient(headers=headers) as http:
        other.url = f"{url}/mcp"
        there, at_home = [(await http.post(each.url)).status_code for each in (other, checking)]
    assert (there, at_home != 401, other.tokens) == (401, True, [])


async def test_a_rotated_key_signs_the_next_token(world, tenant, checking):
    from oblivion_platform.tokens import rotate_keys

    connection = await world.connect(tenant, name="wiki", url=checking.url, auth="signed_identity")
    await call(world, tenant)
    async with world.cli.tenant(tenant.id) as tx:
        for _ in range(2):
            await rotate_keys(tx, tenant.id, world.master_keys, purpose="identity")
    token = await world.token(tenant, "admin", API_AUDIENCE)
    tested = (await world.request("POST", f"/connections/{connection.id}/test", token=token)).json()
    assert tested["ok"], tested
