"""The pages and endpoints of one authorisation server: consent, tokens, description, registration."""

import base64
import binascii
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, cast
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from oblivion_sandbox.control_routes import CommonControls, control, json_response
from oblivion_sandbox.misbehave import Misbehaviour, spoil
from oblivion_sandbox.oauth.dialects import OAuthDialect
from oblivion_sandbox.oauth.grants import Grants, OAuthRefusal, Proof
from oblivion_sandbox.pages.shell import HEADERS, Shell
from oblivion_sandbox.store import Json, Store
from oblivion_sandbox.urls import base_url

TOKEN_CALL = "POST token"  # noqa: S105 - a name for rules
CALLBACK = "/oauth/callback"
"""Of the system that stands at the sandbox's own public address."""


class AuthorizationServer:
    """One of them, by its dialect."""

    def __init__(
        self, store: Store, misbehaviour: Misbehaviour, dialect: OAuthDialect, public_url: str | None
    ) -> None:
        back = [] if public_url is None else [f"{public_url.rstrip('/')}{CALLBACK}"]
        self.grants = Grants(store, dialect, back)
        self.calls: Counter[str] = Counter()
        self.store = store
        self.misbehaviour = misbehaviour
        self._dialect = dialect
        self._public_url = public_url

    def routes(self, shell: Shell) -> list[Route]:
        async def ask(request: Request) -> Response:
            return self._ask(request, shell)

        dialect = self._dialect
        routes = [
            Route(dialect.authorize_path, ask, methods=["GET"]),
            Route(dialect.authorize_path, self._decide, methods=["POST"]),
            Route(dialect.redeem_path, self._spoilt(self._token), methods=["POST"]),
            *self._controls(),
        ]
        if dialect.issuer is not None:
            well_known = "/.well-known/oauth-authorization-server"
            routes += [
                Route(well_known + dialect.issuer, self._describe, methods=["GET"]),
                Route(f"{dialect.issuer}/register", self._register, methods=["POST"]),
                *CommonControls(dialect.side, self).routes(),
            ]
        return routes

    def reset(self) -> None:
        """Forget every app and every token."""
        with self.store.write():
            self.grants.reset()
            self.misbehaviour.clear(self._dialect.side)
        self.calls.clear()

    def _controls(self) -> list[Route]:
        at = f"/{self._dialect.side}/control/oauth"
        return [
            control(at, "GET", self._about),
            control(at, "PATCH", self._change),
            control(f"{at}/grants", "GET", self._grants),
            control(f"{at}/expire", "POST", self._expire),
            control(f"{at}/revoke", "POST", self._revoke),
        ]

    def _spoilt(
        self, handle: Callable[[Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            rule = self.misbehaviour.pick(self._dialect.side, "call", TOKEN_CALL, "oauth")
            self.calls[TOKEN_CALL] += 1
            refusals: dict[str, Callable[[dict[str, Any]], Response]] = {
                "rate_limited": lambda _details: json_response({"error": "temporarily_unavailable"}, 429),
                "error": lambda details: self._dialect.refusal(
                    OAuthRefusal(str(details.get("code", "invalid_grant")))
                ),
            }
            return await spoil(rule, request, handle, refusals)

        return endpoint

    def _ask(self, request: Request, shell: Shell) -> Response:
        """The consent page: nobody is sent anywhere before the app and its address are known."""
        asked = dict(request.query_params)
        try:
            client = self.grants.checked(asked)
        except OAuthRefusal as refused:
            return PlainTextResponse(f"This app cannot be signed in to ({refused.code}).", refused.status)
        scopes = (asked.get("scope") or "").replace(",", " ").split()
        values = {"place": self._dialect.title, "app": client["client_name"], "scopes": scopes}
        page = shell.page("consent.html", values | {"action": f"{request.url.path}?{request.url.query}"})
        # The form's answer leads back to the app.
        back = urlsplit(asked["redirect_uri"])
        page.headers["Content-Security-Policy"] = HEADERS["Content-Security-Policy"].replace(
            "form-action 'self'", f"form-action 'self' {back.scheme}://{back.netloc}"
        )
        return page

    async def _decide(self, request: Request) -> Response:
        if request.headers.get("sec-fetch-site") == "cross-site":
            return json_response({"error": "cross_site"}, 403)
        asked, form = dict(request.query_params), dict(parse_qsl((await request.body()).decode()))
        try:
            self.grants.checked(asked)
        except OAuthRefusal as refused:
            return PlainTextResponse(f"This app cannot be signed in to ({refused.code}).", refused.status)
        answer = self._decided(asked, allowed=form.get("decision") == "allow")
        if self._dialect.issuer is not None:
            answer["iss"] = self._issuer(request)
        if "state" in asked:
            answer["state"] = asked["state"]
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(answer)}", 303)

    def _decided(self, asked: dict[str, str], *, allowed: bool) -> dict[str, str]:
        if not allowed:
            return {"error": "access_denied"}
        has_pkce = asked.get("code_challenge_method") == "S256" and bool(asked.get("code_challenge"))
        if asked.get("response_type") != "code" or (self._dialect.needs_pkce and not has_pkce):
            return {"error": "invalid_request"}
        refresh = self._dialect.gives_refresh(asked)
        with self.store.write():
            return {"code": self.grants.new_code(asked, refresh=refresh)}

    async def _token(self, request: Request) -> Response:
        try:
            form = await self._form(request)
            proof = _proof(request, form)
            if proof.way not in self._dialect.ways:
                raise OAuthRefusal("invalid_client", 401)
            grant = self._granted(form, proof)
        except OAuthRefusal as refused:
            self.calls[f"{TOKEN_CALL}:{refused.code}"] += 1
            return self._dialect.refusal(refused)
        answer = json_response(self._dialect.answer(grant))
        answer.headers["Cache-Control"] = "no-store"
        return answer

    def _granted(self, form: dict[str, str], proof: Proof) -> Json:
        """What a refusal changes, such as a code that is used up, is kept too."""
        kinds = {"authorization_code": self.grants.redeem, "refresh_token": self.grants.renew}
        grant_type = form.get("grant_type", "authorization_code")  # Slack's may leave it out.
        if grant_type not in kinds:
            raise OAuthRefusal("unsupported_grant_type")
        with self.store.write():
            try:
                return kinds[grant_type](form, proof)
            except OAuthRefusal as error:
                refused = error
        raise refused

    async def _form(self, request: Request) -> dict[str, str]:
        body = await request.body()
        is_json = request.headers.get("content-type", "").startswith("application/json")
        if is_json != self._dialect.takes_json:
            raise OAuthRefusal("invalid_request")
        try:
            if not is_json:
                return dict(parse_qsl(body.decode(), keep_blank_values=True))
            value: object = json.loads(body)
        except (ValueError, RecursionError):
            raise OAuthRefusal("invalid_request") from None
        if not isinstance(value, dict):
            raise OAuthRefusal("invalid_request")
        return {str(name): str(each) for name, each in cast("Json", value).items()}

    def _issuer(self, request: Request) -> str:
        return f"{base_url(request, self._public_url)}{self._dialect.issuer}"

    async def _describe(self, request: Request) -> Response:
        """RFC 8414."""
        at = base_url(request, self._public_url)
        return json_response(
            {
                "issuer": self._issuer(request),
                "authorization_endpoint": at + self._dialect.authorize_path,
                "token_endpoint": at + self._dialect.redeem_path,
                "registration_endpoint": f"{self._issuer(request)}/register",
                "response_types_supported": ["code"],
                "grant_types_supported": ["authorization_code", "refresh_token"],
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": sorted(self._dialect.ways),
                "authorization_response_iss_parameter_supported": True,
            }
        )

    async def _register(self, request: Request) -> Response:
        try:
            wish: object = json.loads(await request.body())
            if not isinstance(wish, dict):
                raise OAuthRefusal("invalid_client_metadata")
            with self.store.write():
                return json_response(self.grants.register(cast("Json", wish)), 201)
        except (ValueError, RecursionError):
            return json_response({"error": "invalid_client_metadata"}, 400)
        except OAuthRefusal as refused:
            return json_response({"error": refused.code}, refused.status)

    async def _about(self, _request: Request, _body: Json) -> object:
        return self.grants.about

    async def _change(self, _request: Request, body: Json) -> object:
        return self.grants.change(**body)

    async def _grants(self, _request: Request, _body: Json) -> object:
        return {"grants": self.grants.grants(), "calls": dict(self.calls)}

    async def _expire(self, _request: Request, _body: Json) -> object:
        with self.store.write():
            self.grants.expire()
        return {}

    async def _revoke(self, _request: Request, _body: Json) -> object:
        with self.store.write():
            self.grants.revoke()
        return {}


def _proof(request: Request, form: dict[str, str]) -> Proof:
    """Raises: OAuthRefusal."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        secret = form.get("client_secret")
        way = "none" if secret is None else "client_secret_post"
        return Proof(form.get("client_id", ""), secret, way)
    try:
        pair = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise OAuthRefusal("invalid_client", 401) from None
    client_id, _, secret = pair.partition(":")
    return Proof(unquote(client_id), unquote(secret), "client_secret_basic")
