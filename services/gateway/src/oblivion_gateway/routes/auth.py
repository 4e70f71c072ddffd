"""Tokens and the keys that prove them.

`POST /auth/token` speaks OAuth 2 (RFC 6749 section 4.4, client credentials): form or JSON body, or a Basic
header; its errors have the shape of section 5.2, since that is what OAuth clients read.
"""

import base64
import binascii
import json
from http import HTTPStatus
from typing import Annotated, Any, cast
from urllib.parse import unquote_plus

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from oblivion_gateway.domain.callers import Caller, Role
from oblivion_gateway.metrics import TOKENS
from oblivion_gateway.routes.dependencies import AllowedCaller, ServicesNeeded, authenticated
from oblivion_gateway.routes.problems import problems
from oblivion_gateway.routes.sign_in import give_cookie
from oblivion_gateway.usecases.issue_tokens import ClientRefused
from oblivion_platform.door import SESSION_COOKIE, SignInNeeded
from oblivion_platform.errors import AuthenticationFailed
from oblivion_platform.tokens import API_AUDIENCE, HUB_AUDIENCE

router = APIRouter(tags=["sign-in"])

JWKS_MAX_AGE_S = 60
_GRANT = "client_credentials"


class TokenAnswer(BaseModel):
    """RFC 6749 section 5.1."""

    access_token: Annotated[str, Field(repr=False)]
    token_type: str = "Bearer"  # noqa: S105 - the name of a kind
    expires_in: int


class TokenError(BaseModel):
    """RFC 6749 section 5.2."""

    error: str
    error_description: str


class KeySet(BaseModel):
    """RFC 7517 section 5."""

    keys: list[dict[str, Any]]


class Me(BaseModel):
    """Who the token or cookie speaks for."""

    tenant_id: str
    kind: str
    id: str
    name: str
    role: Role
    is_operator: bool


class OAuthRefusal(Exception):
    """An answer in OAuth's own shape."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.description = description

    def response(self) -> JSONResponse:
        headers = {"Cache-Control": "no-store"}
        if self.status == HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = 'Basic realm="oblivion"'
        body = TokenError(error=self.error, error_description=self.description)
        return JSONResponse(body.model_dump(), self.status, headers)


_FIELDS = {
    "type": "object",
    "properties": {
        "grant_type": {"type": "string", "enum": [_GRANT]},
        "client_id": {"type": "string"},
        "client_secret": {"type": "string"},
        "resource": {"type": "string", "description": "`…/mcp`: a token for the tools, not for the API."},
    },
}
_BODY: dict[str, Any] = {
    "requestBody": {
        "content": {
            "application/x-www-form-urlencoded": {"schema": _FIELDS},
            "application/json": {"schema": _FIELDS},
        }
    },
    "security": [{"basic": []}, {"cookie": []}, {}],
}


@router.post(
    "/auth/token",
    response_model=TokenAnswer,
    openapi_extra=_BODY,
    responses={
        400: {
            "model": TokenError,
            "description": "`invalid_request`, `invalid_target` or `unsupported_grant_type`; "
            "a problem where it is no request.",
            "content": problems(400)[400]["content"],
        },
        401: {"model": TokenError, "description": "`invalid_client`: id and secret fit no active agent."},
        **problems(403, 408, 413, 429, 503),
    },
)
async def issue_token(request: Request, services: ServicesNeeded) -> Any:
    """A token of 15 minutes, for a client's id and secret, or for a person who is signed in."""
    try:
        answer = await _issue(request, services)
    except OAuthRefusal as refusal:
        TOKENS.labels(refusal.error).inc()
        return refusal.response()
    TOKENS.labels("issued").inc()
    return JSONResponse(answer.model_dump(), headers={"Cache-Control": "no-store", "Pragma": "no-cache"})


@router.get("/.well-known/jwks.json", responses=problems(400, 429, 503))
async def key_set(services: ServicesNeeded) -> JSONResponse:
    """The public keys of every tenant's tokens."""
    keys = KeySet(keys=[dict(key) for key in await services.token_keys.published()])
    return JSONResponse(keys.model_dump(), headers={"Cache-Control": f"public, max-age={JWKS_MAX_AGE_S}"})


@router.get("/api/me", responses=problems(400, 401, 403, 422, 429, 503))
async def who_am_i(
    caller: AllowedCaller,
    request: Request,
    response: Response,
    services: ServicesNeeded,
    *,
    renew: bool = True,
) -> Me:
    """Who you are here.

    A browser's cookie that has been in use for an hour is renewed, unless `renew` is false: for whoever asks
    in a browser's place and cannot give it another one.
    """
    cookie = request.cookies.get(SESSION_COOKIE)
    if renew and caller.browser_id is not None and cookie is not None:
        renewed = await services.sign_in.renew(caller, cookie)
        if renewed is not None:
            give_cookie(services, response, renewed.cookie, renewed.ends_in_s)
    return Me(
        tenant_id=str(caller.tenant_id),
        kind=caller.kind,
        id=str(caller.id),
        name=caller.name,
        role=caller.role,
        is_operator=caller.is_operator,
    )


async def _issue(request: Request, services: ServicesNeeded) -> TokenAnswer:
    fields = await _fields(request)
    grant = fields.get("grant_type", _GRANT)
    if grant != _GRANT:
        raise OAuthRefusal(400, "unsupported_grant_type", f"Only {_GRANT} is offered.")
    client, audience = _client(request, fields), _audience(fields, services.public_url)
    try:
        if client is None:
            issued = await services.issue_tokens.for_person(await _signed_in(request, services), audience)
        else:
            issued = await services.issue_tokens.for_client(*client, audience)
    except SignInNeeded:
        raise OAuthRefusal(400, "invalid_request", "client_id and client_secret are missing.") from None
    except ClientRefused as refused:
        raise OAuthRefusal(401, refused.code, refused.message) from None
    except AuthenticationFailed as refused:
        raise OAuthRefusal(401, "invalid_client", refused.message) from None
    return TokenAnswer(access_token=issued.token, expires_in=issued.expires_in_s)


def _audience(fields: dict[str, str], public_url: str) -> str:
    """What the token is for: the API, or with RFC 8707's `resource` the MCP hub."""
    resource = fields.get("resource")
    if resource is None:
        return API_AUDIENCE
    if resource.rstrip("/") != f"{public_url}/mcp":
        raise OAuthRefusal(400, "invalid_target", f"The only resource is {public_url}/mcp.")
    return HUB_AUDIENCE


async def _signed_in(request: Request, services: ServicesNeeded) -> Caller:
    """Whose browser asks. A token does not get the next one, or a stolen one would never end."""
    if "authorization" in request.headers:
        raise OAuthRefusal(400, "invalid_request", "Send client_id and client_secret, not a token.")
    return await authenticated(request, services)


async def _fields(request: Request) -> dict[str, str]:
    """The body's fields, form or JSON; of a field that is there twice, nothing can be meant."""
    body = await request.body()
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json" and body:
        found = [(str(name), value) for name, value in cast("dict[str, object]", json.loads(body)).items()]
    else:
        found = [(name, value) for name, value in (await request.form()).multi_items()]
    fields = {name: value for name, value in found if isinstance(value, str)}
    if len(fields) != len(found):
        raise OAuthRefusal(400, "invalid_request", "A field is there twice, or is no text.")
    return fields


def _client(request: Request, fields: dict[str, str]) -> tuple[str, str] | None:
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            client_id, _, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            raise OAuthRefusal(401, "invalid_client", "The Basic header cannot be read.") from None
        # RFC 6749 section 2.3.1: both are form-encoded before they are put into the header.
        return unquote_plus(client_id), unquote_plus(secret)
    if "client_id" in fields or "client_secret" in fields:
        return fields.get("client_id", ""), fields.get("client_secret", "")
    return None
