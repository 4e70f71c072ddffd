"""Tokens: how one is had, and everything that must not pass for one."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey
from socketio.exceptions import ConnectionError as SocketRefused
from sqlalchemy import text

from oblivion_contracts.agents import ClientSecretIssued
from oblivion_gateway.testing import PUBLIC_URL, TestTenant, World, running_world
from oblivion_gateway.testing_agents import TestAgent
from oblivion_platform.agents import parse_client_id, set_agent_state
from oblivion_platform.agents.profiles import KEEP_S
from oblivion_platform.ciphers import tenant_cipher
from oblivion_platform.testing import FreshDatabase, eventually
from oblivion_platform.tokens import replace_keys, rotate_keys

NOBODY = "7d1c51a5-5e0c-4f4e-8a3f-1f4f6c0f2a10"


@dataclass
class Signed:
    """A world with a tenant, one agent of it, and its token."""

    world: World
    tenant: TestTenant
    issued: ClientSecretIssued
    token: str

    @property
    def agent_id(self) -> UUID:
        client = parse_client_id(self.issued.client_id)
        assert client is not None
        return client.agent_id


@pytest.fixture
async def signed(database: FreshDatabase, redis_url: str) -> AsyncGenerator[Signed]:
    async with running_world(database, redis_url) as world:
        tenant = await world.new_tenant()
        issued = await world.new_agent(tenant)
        yield Signed(world, tenant, issued, await world.agent_token(issued))


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    header, payload, signature = token.split(".")
    return decoded(header), decoded(payload), signature


def decoded(part: str) -> dict[str, Any]:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


async def signed_by_the_tenant(signed: Signed, **changes: Any) -> str:
    """A token with a genuine signature and other claims; None leaves a claim out."""
    header, claims, _ = parts(signed.token)
    claims = {name: value for name, value in {**claims, **changes}.items() if value is not None}
    key = await signed.world.gateway.token_keys.signing(signed.tenant.id)
    return jwt.encode({"alg": "ES256", "kid": header["kid"]}, claims, key.key)


async def status_of(signed: Signed, token: str) -> int:
    """What REST answers. What it refuses, event streams and the agents' sockets refuse as well."""
    answer = await signed.world.request("GET", "/api/me", token=token)
    if answer.status_code == 401:
        assert answer.json()["code"] == "token_rejected"
        stream = await signed.world.request("GET", f"/api/jobs/{uuid4()}/progress", token=token)
        assert (stream.status_code, stream.json()["code"]) == (401, "token_rejected")
        agent = TestAgent(signed.world.base_url)
        with pytest.raises(SocketRefused):
            await agent.connect(token)
        assert "token" in str(agent.refusal)
    return answer.status_code


async def test_a_token_says_what_the_documentation_promises(signed: Signed) -> None:
    _, claims, _ = parts(signed.token)

    assert claims["iss"] == PUBLIC_URL
    assert claims["aud"] == "oblivion"
    assert claims["sub"] == f"agent:{signed.agent_id}"
    assert claims["tenant"] == str(signed.tenant.id)
    assert claims["role"] == "agent"
    assert claims["exp"] - claims["iat"] == 900
    assert await status_of(signed, signed.token) == 200


async def test_the_key_set_verifies_tokens_and_holds_no_private_half(signed: Signed) -> None:
    answer = await signed.world.request("GET", "/.well-known/jwks.json")
    header, _, _ = parts(signed.token)
    (key,) = [key for key in answer.json()["keys"] if key["kid"] == header["kid"]]

    assert jwt.decode(signed.token, ECKey.import_key(key), algorithms=["ES256"]).claims["role"] == "agent"
    assert all("d" not in key for key in answer.json()["keys"])
    assert "max-age" in answer.headers["cache-control"]


@pytest.mark.parametrize("how", ["form", "json", "basic"])
async def test_id_and_secret_are_taken_by_form_json_and_basic_header(signed: Signed, how: str) -> None:
    fields = {"client_id": signed.issued.client_id, "client_secret": signed.issued.client_secret}
    grant = {"grant_type": "client_credentials"}
    options: dict[str, dict[str, Any]] = {
        "form": {"data": {**grant, **fields}},
        "json": {"json": {**grant, **fields}},
        "basic": {"data": grant, "auth": (fields["client_id"], fields["client_secret"])},
    }
    answer = await signed.world.request("POST", "/auth/token", **options[how])

    assert answer.status_code == 200
    assert answer.json()["token_type"] == "Bearer"
    assert answer.json()["expires_in"] == 900
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ({"client_secret": "obs_wrong"}, 401, "invalid_client"),
        ({"client_secret": ""}, 401, "invalid_client"),
        (
            {"client_secret": "ü\udce4".encode("utf-8", "surrogatepass").decode("latin-1")},
            401,
            "invalid_client",
        ),
        ({"client_id": f"oba_{UUID(NOBODY).hex}_{UUID(NOBODY).hex}"}, 401, "invalid_client"),
        ({"client_id": "somebody"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ],
)
async def test_a_refusal_has_the_shape_that_oauth_clients_read(
    signed: Signed, change: dict[str, str], status: int, error: str
) -> None:
    fields = {"client_id": signed.issued.client_id, "client_secret": signed.issued.client_secret}
    answer = await signed.world.request("POST", "/auth/token", data={**fields, **change})

    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.json()["error_description"]


async def test_a_request_without_anything_is_invalid(signed: Signed) -> None:
    answer = await signed.world.request("POST", "/auth/token")

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_a_token_does_not_get_the_next_one(signed: Signed) -> None:
    user = await signed.world.token(signed.tenant, "user")

    for token in (signed.token, user):
        answer = await signed.world.request("POST", "/auth/token", token=token)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_a_secret_of_another_agent_or_tenant_does_not_fit(signed: Signed) -> None:
    other = await signed.world.new_agent(await signed.world.new_tenant())
    answer = await signed.world.request(
        "POST",
        "/auth/token",
        data={"client_id": signed.issued.client_id, "client_secret": other.client_secret},
    )

    assert answer.status_code == 401


async def test_alg_none_is_refused(signed: Signed) -> None:
    header, claims, _ = parts(signed.token)

    for algorithm in ("none", "None", "NONE"):
        forged = f"{encoded({**header, 'alg': algorithm})}.{encoded(claims)}."
        assert await status_of(signed, forged) == 401


async def test_the_public_key_does_not_pass_for_an_hmac_secret(signed: Signed) -> None:
    header, claims, _ = parts(signed.token)
    keys = (await signed.world.request("GET", "/.well-known/jwks.json")).json()["keys"]
    public = ECKey.import_key(next(key for key in keys if key["kid"] == header["kid"]))
    signing_input = f"{encoded({**header, 'alg': 'HS256'})}.{encoded(claims)}"
    mac = hmac.new(public.as_pem(private=False), signing_input.encode(), hashlib.sha256).digest()
    forged = f"{signing_input}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"

    assert await status_of(signed, forged) == 401
    own = jwt.encode({"alg": "HS256", "kid": header["kid"]}, claims, OctKey.generate_key(256))
    assert await status_of(signed, own) == 401


async def test_another_key_under_a_known_kid_is_refused(signed: Signed) -> None:
    header, claims, _ = parts(signed.token)
    forged = jwt.encode(header, claims, ECKey.generate_key("P-256"))

    assert await status_of(signed, forged) == 401


async def test_a_key_that_the_token_brings_along_is_not_used(signed: Signed) -> None:
    _, claims, _ = parts(signed.token)
    own = ECKey.generate_key("P-256", {"kid": str(uuid4())})
    forged = jwt.encode({"alg": "ES256", "kid": own.kid, "jwk": own.as_dict(private=False)}, claims, own)

    assert await status_of(signed, forged) == 401


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": int(time.time()) - 60},
        {"exp": None},
        {"iat": int(time.time()) + 3600, "exp": int(time.time()) + 7200},
        {"nbf": int(time.time()) + 3600},
        {"aud": "mcp-hub"},
        {"aud": None},
        {"iss": "https://elsewhere.example"},
        {"iss": None},
        {"sub": None},
        {"sub": "agent:nobody"},
        {"sub": f"agent:{NOBODY}"},
        {"sub": f"user:{NOBODY}"},
        {"sub": 7},
        {"role": "admin"},
        {"role": None},
        {"tenant": NOBODY},
        {"tenant": None},
        {"tenant": ["x"]},
        {"exp": "soon"},
        {"exp": 1e300},
    ],
    ids=" and ".join,
)
async def test_genuinely_signed_claims_that_do_not_fit_are_refused(
    signed: Signed, changes: dict[str, Any]
) -> None:
    assert await status_of(signed, await signed_by_the_tenant(signed, **changes)) == 401


async def test_a_key_speaks_for_its_own_tenant_only(signed: Signed) -> None:
    other = await signed.world.new_tenant()
    other_agent = parse_client_id((await signed.world.new_agent(other)).client_id)
    assert other_agent is not None
    forged = await signed_by_the_tenant(signed, tenant=str(other.id), sub=f"agent:{other_agent.agent_id}")

    assert await status_of(signed, forged) == 401


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "a.b.c",
        "..",
        "é.é.é",
        "e30.e30.",
        "A" * 100_000,
        f"{encoded({'alg': 'ES256', 'kid': [1]})}.e30.e30",
    ],
    ids=lambda token: token[:12],
)
async def test_rubbish_is_refused(signed: Signed, token: str) -> None:
    answer = await signed.world.request(
        "GET", "/api/me", headers={"Authorization": f"Bearer {token}".encode()}
    )

    # The server itself answers what is too long for a header.
    assert answer.status_code in {400, 401, 431}


async def test_no_token_at_all_is_told_to_sign_in(signed: Signed) -> None:
    answer = await signed.world.request("GET", "/api/me")

    assert (answer.status_code, answer.json()["code"]) == (401, "sign_in_needed")
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_disabled_agents_token_stops_working_at_once(signed: Signed) -> None:
    async with signed.world.database.tenant(signed.tenant.id) as tx:
        await set_agent_state(tx, signed.agent_id, "disabled")

    async def refused() -> bool:
        return await status_of(signed, signed.token) == 401

    await eventually(refused, within_s=KEEP_S / 2)
    answer = await signed.world.request(
        "POST",
        "/auth/token",
        data={"client_id": signed.issued.client_id, "client_secret": signed.issued.client_secret},
    )
    assert answer.status_code == 401


async def test_nobody_of_a_suspended_tenant_gets_in_or_stays_until_it_is_active_again(
    signed: Signed, database: FreshDatabase
) -> None:
    world, tenant = signed.world, signed.tenant
    person, cookie = await world.token(tenant, "admin"), await world.cookie(tenant, "admin")

    async def statuses() -> set[int]:
        client = {"client_id": signed.issued.client_id, "client_secret": signed.issued.client_secret}
        answers = [
            await world.request("GET", "/api/me", token=signed.token),
            await world.request("GET", "/api/me", token=person),
            await world.request("GET", "/api/me", headers={"Cookie": f"oblivion_session={cookie}"}),
            await world.request("POST", "/auth/token", data=client),
        ]
        return {answer.status_code for answer in answers}

    async def become(state: str, expected: set[int]) -> None:
        async with world.database.tenant(tenant.id) as tx:
            await tx.execute(
                text("UPDATE tenants SET state = :state WHERE id = :id"), {"state": state, "id": tenant.id}
            )

        async def heard() -> bool:
            return await statuses() == expected

        await eventually(heard, within_s=KEEP_S / 2)

    assert await statuses() == {200}
    await become("suspended", {401})
    await become("active", {200})


async def test_a_token_outlives_one_rotation_and_not_a_withdrawal(signed: Signed) -> None:
    world, tenant = signed.world, signed.tenant
    async with world.database.tenant(tenant.id) as tx:
        await rotate_keys(tx, tenant.id, world.master_keys)
    assert await status_of(signed, signed.token) == 200
    header, _, _ = parts(signed.token)

    async def signs_with_the_new_key() -> bool:
        return parts(await world.agent_token(signed.issued))[0]["kid"] != header["kid"]

    await eventually(signs_with_the_new_key)
    async with world.database.tenant(tenant.id) as tx:
        await replace_keys(tx, tenant.id, world.master_keys)

    async def refused() -> bool:
        return await status_of(signed, signed.token) == 401

    await eventually(refused)


async def test_what_a_stolen_key_signs_is_refused_once_the_keys_were_replaced(signed: Signed) -> None:
    """Also what the next one signs: it lay beside the one that leaked."""
    world, tenant = signed.world, signed.tenant
    async with world.database.tenant(tenant.id) as tx:
        cipher = await tenant_cipher(tx, tenant.id, world.master_keys)
        stolen = text("SELECT id, private_ciphertext FROM signing_keys WHERE state = 'next'")
        row = (await tx.execute(stolen)).one()
        private = cipher.open(
            row.private_ciphertext, table="signing_keys", row_id=row.id, column="private_ciphertext"
        )
        await replace_keys(tx, tenant.id, world.master_keys)
    _, claims, _ = parts(signed.token)
    forged = jwt.encode({"alg": "ES256", "kid": str(row.id)}, claims, ECKey.import_key(json.loads(private)))

    async def are_refused() -> bool:
        return [await status_of(signed, token) for token in (signed.token, forged)] == [401, 401]

    await eventually(are_refused)
    assert await status_of(signed, await world.agent_token(signed.issued)) == 200


async def test_private_halves_are_sealed(signed: Signed) -> None:
    async with signed.world.database.tenant(signed.tenant.id) as tx:
        rows = (await tx.execute(text("SELECT private_ciphertext FROM signing_keys"))).scalars().all()
    key = await signed.world.gateway.token_keys.signing(signed.tenant.id)
    private = str(key.key.as_dict(private=True)["d"])

    assert len(rows) == 2
    assert all(private.encode() not in bytes(row) for row in rows)


async def test_a_key_grows_old_and_is_rotated_by_itself(signed: Signed, database: FreshDatabase) -> None:
    header, _, _ = parts(signed.token)
    world, tenant = signed.world, signed.tenant
    async with world.database.tenant(tenant.id) as tx:
        await tx.execute(text("UPDATE signing_keys SET created_at = now() - interval '31 days'"))

    async def signs_with_the_new_key() -> bool:
        return parts(await world.agent_token(signed.issued))[0]["kid"] != header["kid"]

    await eventually(signs_with_the_new_key)
    assert await status_of(signed, signed.token) == 200
