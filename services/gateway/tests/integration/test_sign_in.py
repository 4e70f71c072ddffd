"""People sign in: by an identity provider, by Slack, by a one-time link; and out again."""

import base64
import hashlib
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from pydantic import SecretStr, ValidationError
from sqlalchemy import text
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from oblivion_gateway.settings import Settings
from oblivion_gateway.testing import PUBLIC_URL, TestTenant, World, running_world
from oblivion_platform import people
from oblivion_platform.http_server import serving
from oblivion_platform.testing import FreshDatabase


@dataclass
class Provider:
    """An OpenID Connect provider: whoever comes is `claims`."""

    url: str = ""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "k", "alg": "RS256"}))
    signing: RSAKey | None = None
    claims: dict[str, Any] = field(default_factory=dict[str, Any])
    asked: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    async def metadata(self, _request: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )

    async def keys(self, _request: Request) -> Response:
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    async def token(self, request: Request) -> Response:
        form = await request.form()
        verifier = str(form["code_verifier"]).encode()
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier).digest()).decode().rstrip("=")
        if challenge != self.asked["code_challenge"][0] or form["code"] != "good":
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(time.time())
        claims = {"iss": self.url, "aud": "us", "iat": now, "exp": now + 60, "nonce": self.asked["nonce"][0]}
        signing = self.signing or self.key
        id_token = jwt.encode({"alg": "RS256", "kid": "k"}, {**claims, **self.claims}, signing)
        return JSONResponse({"access_token": "at", "token_type": "Bearer", "id_token": id_token})


@asynccontextmanager
async def provider() -> AsyncGenerator[Provider]:
    made = Provider()
    routes = [
        Route("/.well-known/openid-configuration", made.metadata),
        Route("/keys", made.keys),
        Route("/token", made.token, methods=["POST"]),
    ]
    async with serving(Starlette(routes=routes), host="127.0.0.1", port=0) as port:
        made.url = f"http://127.0.0.1:{port}"
        yield made


@dataclass
class Hall:
    """A gateway whose people sign in at `provider`."""

    world: World
    tenant: TestTenant
    provider: Provider

    async def sign_in(
        self, name: str = "oidc", *, code: str = "good", accept: str = "*/*", **change: str
    ) -> httpx.Response:
        """Go to the provider and come back; the answer that sets the cookie, or does not."""
        async with httpx.AsyncClient(base_url=self.world.base_url, timeout=30) as browser:
            away = await browser.get(f"/t/{self.tenant.slug}/login", params={"provider": name})
            assert away.status_code == 302
            self.provider.asked = parse_qs(urlsplit(away.headers["location"]).query)
            assert self.provider.asked["redirect_uri"] == [
                f"{PUBLIC_URL}/t/{self.tenant.slug}/callback/{name}"
            ]
            back = {"code": code, "state": self.provider.asked["state"][0], **change}
            path = f"/t/{self.tenant.slug}/callback/{name}"
            return await browser.get(path, params=back, headers={"Accept": accept})

    async def who(self, answer: httpx.Response) -> dict[str, Any]:
        me = await self.world.request("GET", "/api/me", headers={"Cookie": cookie_of(answer)})
        assert me.status_code == 200
        return me.json()

    async def set_email(self, role: str, email: str) -> None:
        async with self.world.database.tenant(self.tenant.id) as tx:
            await people.update_user(tx, self.tenant.people[role], email=email)


def cookie_of(answer: httpx.Response) -> str:
    cookies = [one.partition(";")[0] for one in answer.headers.get_list("set-cookie")]
    return next(one for one in cookies if one.startswith("oblivion_session="))


@asynccontextmanager
async def open_hall(database: FreshDatabase, redis_url: str, **more: Any) -> AsyncGenerator[Hall]:
    async with provider() as made:
        settings: dict[str, Any] = {
            "oidc_issuer": made.url,
            "oidc_client_id": "us",
            "oidc_client_secret": SecretStr("shh"),
            "slack_issuer": made.url,
            "slack_client_id": "us",
            "slack_client_secret": SecretStr("shh"),
        }
        async with running_world(database, redis_url, **settings, **more) as world:
            yield Hall(world, await world.new_tenant(), made)


@pytest.fixture
async def hall(database: FreshDatabase, redis_url: str) -> AsyncGenerator[Hall]:
    async with open_hall(database, redis_url) as opened:
        yield opened


async def test_newcomers_are_let_in_only_where_there_is_one_tenant_alone(
    database: FreshDatabase, redis_url: str
) -> None:
    async with open_hall(database, redis_url, oidc_just_in_time_role="user") as hall:
        hall.provider.claims = {"sub": "new", "name": "New"}
        assert (await hall.who(await hall.sign_in()))["role"] == "user"
        await hall.world.new_tenant()
        hall.provider.claims = {"sub": "stranger", "name": "Stranger"}
        assert (await hall.sign_in()).status_code == 403
        hall.provider.claims = {"sub": "new", "name": "New"}
        assert (await hall.sign_in()).status_code == 303


async def test_a_verified_address_finds_its_user_and_the_cookie_is_kept_from_scripts(hall: Hall) -> None:
    await hall.set_email("user", "you@example.com")
    hall.provider.claims = {"sub": "1", "email": "you@example.com", "email_verified": True, "name": "You"}
    answer = await hall.sign_in()

    assert answer.status_code == 303
    (cookie,) = [one for one in answer.headers.get_list("set-cookie") if one.startswith("oblivion_session=")]
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
    assert (await hall.who(answer))["id"] == str(hall.tenant.people["user"])
    # From now on by identity, whatever becomes of the address.
    hall.provider.claims = {"sub": "1"}
    assert (await hall.who(await hall.sign_in()))["id"] == str(hall.tenant.people["user"])


async def test_a_browser_is_told_in_words_why_nobody_is_let_in_and_all_else_by_a_problem(hall: Hall) -> None:
    hall.provider.claims = {"sub": "stranger"}
    page = await hall.sign_in(accept="text/html,application/xhtml+xml,*/*;q=0.8")
    assert (page.status_code, page.headers["content-type"]) == (403, "text/html; charset=utf-8")
    assert "You are nobody here yet. Ask an admin of the tenant to let you in." in page.text
    assert '<a href="/">' in page.text
    assert "oblivion_session" not in page.headers.get("set-cookie", "")
    problem = await hall.sign_in()
    assert (problem.status_code, problem.json()["code"]) == (403, "not_allowed")
    lost = await hall.sign_in(accept="text/html", state="of somebody else")
    assert (lost.status_code, "<h1>You are not signed in</h1>" in lost.text) == (
        (await hall.sign_in(state="of somebody else")).status_code,
        True,
    )


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "1", "email": "you@example.com"},
        {"sub": "1", "email": "you@example.com", "email_verified": False},
        {"sub": "1", "email": "user person", "email_verified": True},
        {"sub": "1"},
    ],
    ids=str,
)
async def test_nobody_is_let_in_on_a_word_that_is_not_verified(hall: Hall, claims: dict[str, Any]) -> None:
    await hall.set_email("user", "you@example.com")
    hall.provider.claims = claims
    answer = await hall.sign_in()

    assert answer.status_code == 403
    assert "oblivion_session" not in answer.headers.get("set-cookie", "")


@pytest.mark.parametrize(
    "wrong",
    [
        {"state": "other"},
        {"code": "bad"},
        {"error": "access_denied"},
    ],
    ids=str,
)
async def test_an_answer_that_proves_nothing_is_refused(hall: Hall, wrong: dict[str, str]) -> None:
    await hall.set_email("user", "you@example.com")
    hall.provider.claims = {"sub": "1", "email": "you@example.com", "email_verified": True}

    assert (await hall.sign_in(**wrong)).status_code == 401


@pytest.mark.parametrize(
    "claims", [{"aud": "them"}, {"iss": "https://evil.example"}, {"nonce": "x"}, {"exp": 1}], ids=str
)
async def test_an_id_token_for_somebody_else_is_refused(hall: Hall, claims: dict[str, Any]) -> None:
    await hall.set_email("user", "you@example.com")
    hall.provider.claims = {"sub": "1", "email": "you@example.com", "email_verified": True, **claims}

    assert (await hall.sign_in()).status_code == 401


async def test_an_id_token_under_another_key_is_refused(hall: Hall) -> None:
    await hall.set_email("user", "you@example.com")
    hall.provider.claims = {"sub": "1", "email": "you@example.com", "email_verified": True}
    hall.provider.signing = RSAKey.generate_key(2048, {"kid": "k", "alg": "RS256"})

    assert (await hall.sign_in()).status_code == 401


async def test_slack_needs_a_workspace_that_is_connected_and_links_the_person(hall: Hall) -> None:
    await hall.set_email("user", "you@example.com")
    hall.provider.claims = {
        "sub": "U1",
        "email": "you@example.com",
        "email_verified": True,
        "https://slack.com/team_id": "T1",
        "https://slack.com/user_id": "U1",
    }
    assert (await hall.sign_in("slack")).status_code == 403
    async with hall.world.database.tenant(hall.tenant.id) as tx:
        await tx.execute(
            text("""
                INSERT INTO integrations (id, tenant_id, source, external_id)
                VALUES (:id, :tenant, 'slack', 'T1')
            """),
            {"id": uuid4(), "tenant": hall.tenant.id},
        )
    assert (await hall.who(await hall.sign_in("slack")))["role"] == "user"
    async with hall.world.database.tenant(hall.tenant.id) as tx:
        linked = await people.find_by_identity(tx, "slack", "T1:U1")
    assert linked is not None
    assert linked.id == hall.tenant.people["user"]


async def test_signing_out_makes_the_cookie_useless(hall: Hall) -> None:
    cookie = f"oblivion_session={await hall.world.cookie(hall.tenant, 'user')}"
    headers = {"Cookie": cookie, "Origin": PUBLIC_URL}
    out = await hall.world.request("POST", "/auth/logout", headers=headers)

    assert out.status_code == 204
    assert (await hall.world.request("GET", "/api/me", headers=headers)).status_code == 401


async def grown_older(hall: Hall) -> None:
    """As if every cookie had been in use for an hour more, and whatever was offered had waited as long."""
    hour = "interval '61 minutes'"
    async with hall.world.database.tenant(hall.tenant.id) as tx:
        await tx.execute(
            text(
                f"UPDATE web_sessions SET renewed_at = renewed_at - {hour}, offered_at = offered_at - {hour},"
                f" previous_until = previous_until - {hour}"
            )
        )


async def asked_with(hall: Hall, cookie: str, path: str = "/api/me") -> httpx.Response:
    return await hall.world.request("GET", path, headers={"Cookie": cookie})


async def test_a_cookie_in_use_is_renewed_and_the_one_before_ends(hall: Hall) -> None:
    first = f"oblivion_session={await hall.world.cookie(hall.tenant, 'user')}"
    assert "set-cookie" not in (await asked_with(hall, first)).headers
    await grown_older(hall)
    asked_for_it = await hall.world.request("GET", "/api/me?renew=false", headers={"Cookie": first})
    assert (asked_for_it.status_code, "set-cookie" in asked_for_it.headers) == (200, False)
    renewed = await asked_with(hall, first)
    second = cookie_of(renewed)
    assert second != first
    kept = renewed.headers["set-cookie"]
    assert "HttpOnly" in kept
    assert "SameSite=lax" in kept
    # Until it is seen nothing ends: the answer may have been lost, or another tab may ask meanwhile.
    again = await asked_with(hall, first)
    assert (again.status_code, "set-cookie" in again.headers) == (200, False)
    # Requests that were under way are answered; a copy of the old cookie is worth nothing any more.
    assert [(await asked_with(hall, each)).status_code for each in (second, first)] == [200, 200]
    await grown_older(hall)
    assert [(await asked_with(hall, each)).status_code for each in (second, first)] == [200, 401]


async def test_a_renewed_cookie_that_was_lost_signs_nobody_out(hall: Hall) -> None:
    first = f"oblivion_session={await hall.world.cookie(hall.tenant, 'user')}"
    await grown_older(hall)
    lost = cookie_of(await asked_with(hall, first))
    await grown_older(hall)
    second = cookie_of(await asked_with(hall, first))
    assert [(await asked_with(hall, each)).status_code for each in (lost, second)] == [401, 200]


async def test_whoever_signs_out_ends_what_was_offered_too(hall: Hall) -> None:
    first = f"oblivion_session={await hall.world.cookie(hall.tenant, 'user')}"
    await grown_older(hall)
    second = cookie_of(await asked_with(hall, first))
    headers = {"Cookie": first, "Origin": PUBLIC_URL}
    assert (await hall.world.request("POST", "/auth/logout", headers=headers)).status_code == 204
    assert [(await asked_with(hall, each)).status_code for each in (first, second)] == [401, 401]


async def test_a_signed_in_person_gets_a_token(hall: Hall) -> None:
    cookie = f"oblivion_session={await hall.world.cookie(hall.tenant, 'admin')}"
    answer = await hall.world.request("POST", "/auth/token", headers={"Cookie": cookie, "Origin": PUBLIC_URL})
    me = await hall.world.request("GET", "/api/me", token=answer.json()["access_token"])

    assert me.json()["id"] == str(hall.tenant.people["admin"])


@pytest.mark.parametrize(
    "cookie",
    ["x", "..", "00000000000000000000000000000001.x", "00000000000000000000000000000001.", "é", "a" * 5_000],
)
async def test_an_invented_cookie_is_refused(hall: Hall, cookie: str) -> None:
    answer = await hall.world.request(
        "GET", "/api/me", headers={"Cookie": f"oblivion_session={cookie}".encode()}
    )

    assert answer.status_code == 401


async def test_a_link_signs_one_browser_in_once(database: FreshDatabase, redis_url: str) -> None:
    async with running_world(database, redis_url, development_login=True) as world:
        tenant = await world.new_tenant()
        async with world.database.tenant(tenant.id) as tx:
            code = await people.issue_link(tx, tenant.id, tenant.people["admin"])
            await tx.execute(text("UPDATE users SET name = '<b>Ida' WHERE role = 'admin'"))
        own = {"Origin": PUBLIC_URL}
        page = await world.request("GET", "/auth/dev", params={"code": code})
        evil = await world.request(
            "POST", "/auth/dev", data={"code": code}, headers={"Origin": "https://evil.example"}
        )
        as_cookie = await world.request("GET", "/api/me", headers={"Cookie": f"oblivion_session={code}"})
        first = await world.request("POST", "/auth/dev", data={"code": code}, headers=own)
        second = await world.request("POST", "/auth/dev", data={"code": code}, headers=own)
        used = await world.request("GET", "/auth/dev", params={"code": code})

        assert code in page.text
        assert "You sign in as <strong>&lt;b&gt;Ida</strong>" in page.text
        assert "You sign in as" not in used.text
        assert (evil.status_code, as_cookie.status_code) == (403, 401)
        assert (first.status_code, second.status_code) == (303, 403)
        me = await world.request("GET", "/api/me", headers={"Cookie": cookie_of(first)})
        assert me.json()["role"] == "admin"
        audit = await world.request("GET", "/api/audit", headers={"Cookie": cookie_of(first)})
        (line,) = [each for each in audit.json()["items"] if each["action"] == "user.signed_in"]
        user = tenant.people["admin"]
        assert (line["actor"], line["subject"], line["detail"]) == (
            f"user:{user}",
            str(user),
            {"how": "link"},
        )


async def test_links_are_unknown_where_they_are_not_allowed(hall: Hall) -> None:
    async with hall.world.database.tenant(hall.tenant.id) as tx:
        code = await people.issue_link(tx, hall.tenant.id, hall.tenant.people["admin"])
    answer = await hall.world.request(
        "POST", "/auth/dev", data={"code": code}, headers={"Origin": PUBLIC_URL}
    )

    assert answer.status_code == 404


def test_development_login_refuses_to_run_where_others_can_reach_it() -> None:
    with pytest.raises(ValidationError, match="OBLIVION_DEVELOPMENT_LOGIN"):
        Settings(
            database_url=SecretStr("postgresql://a:b@localhost/c"),
            redis_url=SecretStr("redis://localhost"),
            master_key=SecretStr("MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0dXY"),
            public_url="https://oblivion.example.com",
            development_login=True,
        )
