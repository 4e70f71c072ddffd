"""What a sign-in by OAuth 2.1 goes by, from the address where it begins to the tokens that it ends in.

Sources: RFC 6749, RFC 7636 (PKCE), RFC 8707 (resource indicators), RFC 9207 (issuer in the answer),
https://modelcontextprotocol.io/specification/2025-11-25/basic/authorization
"""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, cast
from urllib.parse import urlencode, urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

TokenAuth = Literal["none", "client_secret_post", "client_secret_basic"]
NONE: TokenAuth = "none"
POST: TokenAuth = "client_secret_post"
BASIC: TokenAuth = "client_secret_basic"
TOKEN_LENGTH_MAX = 16_384
RENEW_BEFORE_S = 60.0
CODE_CHALLENGE_METHOD = "S256"
_DEFAULT_LIFE_S = 3_600.0
_ENDS = frozenset({"invalid_grant", "invalid_refresh_token", "bad_refresh_token", "token_revoked",
                   "token_expired", "account_inactive"})  # fmt: skip
_SECONDS_MAX = 10 * 365 * 86_400


class Kept(BaseModel):
    """A value that is stored as JSON."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class Client(Kept):
    """The app that we are for an authorisation server."""

    client_id: str
    client_secret: str | None = Field(default=None, repr=False)
    scopes: tuple[str, ...] = ()
    uses_pkce: bool = True
    origin: Literal["admin", "registered", "document"] = "admin"
    """Given by an admin, registered by ourselves, or described by a document of ours."""
    issuer: str | None = None
    """The server that it was registered at, or an admin's was first used at; it is used at no other."""
    redirect_uri: str | None = None
    token_auth: TokenAuth | None = None
    expires_at: datetime | None = None

    def fits(self, issuer: str | None, redirect_uri: str, now: datetime) -> bool:
        """Whether it may be used here and now."""
        if self.origin == "admin":
            return True
        is_live = self.expires_at is None or self.expires_at > now
        return is_live and self.issuer == issuer and self.redirect_uri == redirect_uri


class Plan(Kept):
    """Where one sign-in goes. Kept while it is under way, and afterwards for renewing; no secret in it."""

    authorization_endpoint: str
    token_endpoint: str
    redirect_uri: str
    client_id: str
    token_auth: TokenAuth
    scope: str | None = None
    resource: str | None = None
    """RFC 8707: the server that the tokens are for."""
    issuer: str | None = None
    """Of a server that was discovered; None of a vendor, which the operator's settings name."""
    says_issuer: bool = False
    uses_pkce: bool = True
    as_json: bool = False
    more: dict[str, str] = {}
    url: str | None = None
    """Of the connection when it began: tokens are shown to no other server."""

    def authorization_url(self, state: str, verifier: str) -> str:
        """Where the browser goes."""
        asked: dict[str, str | None] = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "state": state,
            "scope": self.scope,
            "resource": self.resource,
            **self.more,
        }
        if self.uses_pkce:
            asked |= {"code_challenge": challenge(verifier), "code_challenge_method": CODE_CHALLENGE_METHOD}
        given = {name: value for name, value in asked.items() if value}
        joint = "&" if urlsplit(self.authorization_endpoint).query else "?"
        return f"{self.authorization_endpoint}{joint}{urlencode(given)}"

    def redeeming(self, code: str, verifier: str) -> dict[str, str]:
        """The form that turns a code into tokens."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.redirect_uri}
        return form | self._bound() | ({"code_verifier": verifier} if self.uses_pkce else {})

    def renewing(self, refresh_token: str) -> dict[str, str]:
        """The form that turns a refresh token into new tokens."""
        return {"grant_type": "refresh_token", "refresh_token": refresh_token} | self._bound()

    def _bound(self) -> dict[str, str]:
        return {"resource": self.resource} if self.resource else {}


class Tokens(Kept):
    """What a sign-in gives."""

    access_token: str = Field(repr=False, min_length=1, max_length=TOKEN_LENGTH_MAX)
    refresh_token: str | None = Field(default=None, repr=False)
    obtained_at: datetime
    expires_at: datetime | None = None
    ends_at: datetime | None = None
    """When it can no more be renewed, where that is known."""
    scopes: tuple[str, ...] = ()

    def is_fresh(self, now: datetime) -> bool:
        """Whether it will do for a while; short-lived ones are renewed in the last fifth of their life."""
        if self.expires_at is None:
            return True
        life = self.expires_at - self.obtained_at
        return now < self.expires_at - min(timedelta(seconds=RENEW_BEFORE_S), life / 5)

    def has_expired(self, now: datetime) -> bool:
        return self.expires_at is not None and now >= self.expires_at

    def renewed_from(self, before: "Tokens") -> "Tokens":
        """With what the server left out because it is as it was."""
        same = {"refresh_token": before.refresh_token} if self.refresh_token is None else {}
        if self.refresh_token is None and self.ends_at is None:
            same |= {"ends_at": before.ends_at}
        return self.model_copy(update=same | ({} if self.scopes else {"scopes": before.scopes}))


class AnswerUnusable(ValueError):
    """A token endpoint's answer holds no token that can be used."""


def read_tokens(answer: Mapping[str, Any], now: datetime) -> Tokens:
    """Tokens out of a token endpoint's answer; tolerant of how vendors bend RFC 6749 section 5.1.

    Raises:
        AnswerUnusable
    """
    refresh = answer.get("refresh_token")
    expires_at = _moment(answer.get("expires_in"), now)
    if expires_at is None and "expires_in" in answer and isinstance(refresh, str):
        expires_at = now + timedelta(seconds=_DEFAULT_LIFE_S)
    renewable = isinstance(refresh, str) and bool(refresh)
    told = answer.get("refresh_token_expires_in", answer.get("refresh_expires_in"))
    try:
        return Tokens(
            access_token=cast("str", answer.get("access_token")),
            refresh_token=cast("str", refresh)[:TOKEN_LENGTH_MAX] if renewable else None,
            obtained_at=now,
            expires_at=expires_at,
            ends_at=_moment(told, now) if renewable else expires_at,
            scopes=scopes_of(answer.get("scope")),
        )
    except ValidationError:
        raise AnswerUnusable("no access token") from None


def ends_sign_in(reason: str) -> bool:
    """Whether a refusal says that the refresh token is of no use any more, and not that something is wrong.

    Sources: RFC 6749 section 5.2; the errors at https://docs.slack.dev/reference/methods/oauth.v2.access
    """
    return reason in _ENDS


def scopes_of(told: object) -> tuple[str, ...]:
    """Separated by spaces, as the standard says, or by commas, as some vendors do."""
    words = told if isinstance(told, str) else ""
    return tuple(dict.fromkeys(words.replace(",", " ").split()))[:100]


def _moment(seconds: object, now: datetime) -> datetime | None:
    if isinstance(seconds, str) and seconds.isascii() and seconds.isdigit() and len(seconds) < 12:
        seconds = int(seconds)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < _SECONDS_MAX:
        return None
    return now + timedelta(seconds=float(seconds))


def new_verifier() -> str:
    return secrets.token_urlsafe(64)


def challenge(verifier: str) -> str:
    """RFC 7636 section 4.2, S256."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
