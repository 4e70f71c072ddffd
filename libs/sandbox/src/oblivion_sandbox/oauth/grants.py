"""Apps, codes and tokens of one authorisation server; kept like everything else, until a reset.

A code is good once and for a minute; a refresh token is good once where tokens rotate, and one that comes a
second time ends the whole grant, as RFC 9700 section 4.14 asks for.
"""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from oblivion_sandbox.clock import now_ms
from oblivion_sandbox.json_values import as_list
from oblivion_sandbox.store import Json, Store
from oblivion_sandbox.vendor.documents import Documents

CODE_TTL_MS = 60_000
CHANGEABLE = {"access_ttl_s", "rotates", "gives_refresh", "redirect_uris", "client_secret"}


class OAuthRefusal(Exception):
    """An error of RFC 6749 section 5.2, by its code."""

    def __init__(self, code: str, status: int = 400, *, is_renewal: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self.status = status
        self.is_renewal = is_renewal
        """Of a refresh token, which some call otherwise."""


@dataclass(frozen=True)
class Proof:
    """How an app says who it is."""

    client_id: str
    client_secret: str | None
    way: str
    """`none`, `client_secret_post` or `client_secret_basic`."""


class Terms(Protocol):
    """What a server says of its tokens."""

    @property
    def side(self) -> str: ...

    @property
    def access_ttl_s(self) -> int: ...

    @property
    def prefix(self) -> str: ...


class Grants:
    """Everything that one server has granted."""

    def __init__(self, store: Store, terms: Terms, redirect_uris: list[str]) -> None:
        self._store = store
        self._setting = f"{terms.side}.oauth"
        self._documents = Documents(store, f"{terms.side}-oauth")
        self._defaults: Json = {
            "access_ttl_s": terms.access_ttl_s,
            "rotates": True,
            "gives_refresh": True,
            "redirect_uris": redirect_uris,
        }
        self._prefix = terms.prefix
        self.about: Json = store.setting(self._setting) or self._fresh()

    def _fresh(self) -> Json:
        """The app that somebody registered by hand; where it may be sent back to is theirs to say."""
        about = self._defaults | {
            "client_id": f"app-{secrets.token_hex(8)}",
            "client_secret": secrets.token_hex(24),
        }
        self._store.save_setting(self._setting, about)
        return about

    def reset(self) -> None:
        self._documents.clear()
        self.about = self._fresh()

    def change(self, **changes: object) -> Json:
        """Raises: ValueError: there is no such thing to change."""
        if unknown := changes.keys() - CHANGEABLE:
            raise ValueError(f"{', '.join(sorted(unknown))} cannot be changed")
        self.about = self.about | changes
        self._store.save_setting(self._setting, self.about)
        return self.about

    def client(self, client_id: str) -> Json | None:
        if client_id == self.about["client_id"]:
            return {**self.about, "client_name": "Oblivion"}
        return self._documents.get("client", client_id)

    def register(self, wish: Json) -> Json:
        """RFC 7591. Raises: OAuthRefusal."""
        uris = as_list(wish.get("redirect_uris"))
        if not uris:
            raise OAuthRefusal("invalid_redirect_uri")
        way = wish.get("token_endpoint_auth_method", "client_secret_basic")
        client_id = f"dyn-{secrets.token_hex(8)}"
        made: Json = {
            "client_id": client_id,
            "client_name": str(wish.get("client_name", ""))[:100],
            "redirect_uris": [str(each) for each in uris][:10],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": way,
        }
        if way != "none":
            made |= {"client_secret": secrets.token_hex(24), "client_secret_expires_at": 0}
        return self._documents.put("client", client_id, made)

    def checked(self, asked: Mapping[str, str]) -> Json:
        """The app that asks. Raises: OAuthRefusal: it is not known, or would be sent somewhere else."""
        client = self.client(asked.get("client_id", ""))
        if client is None:
            raise OAuthRefusal("invalid_client", 401)
        if asked.get("redirect_uri") not in client["redirect_uris"]:
            raise OAuthRefusal("invalid_redirect_uri")
        return client

    def new_code(self, asked: Mapping[str, str], *, refresh: bool) -> str:
        code = secrets.token_urlsafe(24)
        kept = ("client_id", "redirect_uri", "scope", "code_challenge", "resource")
        body = {name: asked.get(name) for name in kept}
        body |= {"expires_ms": now_ms() + CODE_TTL_MS, "used": False, "refresh": refresh}
        self._documents.put("code", code, body)
        return code

    def redeem(self, form: Mapping[str, str], proof: Proof) -> Json:
        """A grant for a code. Raises: OAuthRefusal."""
        self._prove(proof)
        code = form.get("code", "")
        known = self._documents.get("code", code)
        if known is None or known["client_id"] != proof.client_id or known["expires_ms"] < now_ms():
            raise OAuthRefusal("invalid_grant")
        if known["used"]:
            self.revoke(code)  # Somebody has stolen it: nobody keeps anything.
            raise OAuthRefusal("invalid_grant")
        self._documents.change("code", code, used=True)
        if form.get("redirect_uri") != known["redirect_uri"]:
            raise OAuthRefusal("invalid_grant")
        if known["code_challenge"] and challenge(form.get("code_verifier", "")) != known["code_challenge"]:
            raise OAuthRefusal("invalid_grant")
        if form.get("resource") != known["resource"]:
            raise OAuthRefusal("invalid_target")
        grant = {name: known[name] for name in ("client_id", "scope", "resource", "refresh")}
        return self._issued(secrets.token_hex(8), grant | {"code": code, "spent": [], "revoked": False})

    def renew(self, form: Mapping[str, str], proof: Proof) -> Json:
        """The grant with new tokens. Raises: OAuthRefusal."""
        self._prove(proof)
        shown = form.get("refresh_token", "")
        for grant in self._documents.all("grant", lambda each: each["client_id"] == proof.client_id):
            if shown in grant["spent"]:
                self._documents.change("grant", grant["id"], revoked=True)
            elif shown and shown == grant.get("refresh_token") and not grant["revoked"]:
                spent = [*grant["spent"], shown] if self.about["rotates"] else grant["spent"]
                return self._issued(grant["id"], grant | {"spent": spent})
        raise OAuthRefusal("invalid_grant", is_renewal=True)

    def holder(self, access_token: str) -> Json | None:
        """The live grant that an access token belongs to."""
        for grant in self._documents.all("grant", lambda each: each["access_token"] == access_token):
            if not grant["revoked"] and grant["expires_ms"] > now_ms():
                return grant
        return None

    def grants(self) -> list[Json]:
        return self._documents.all("grant")

    def expire(self) -> None:
        """Every access token ends now; refresh tokens stay good."""
        for grant in self.grants():
            self._documents.change("grant", grant["id"], expires_ms=0)

    def revoke(self, code: str | None = None) -> None:
        """Of everybody, or of who came by a code: nothing of it is good any more."""
        for grant in self.grants():
            if code in (None, grant["code"]):
                self._documents.change("grant", grant["id"], revoked=True)

    def _issued(self, grant_id: str, grant: Json) -> Json:
        refresh = grant["refresh"] and self.about["gives_refresh"]
        keep = grant.get("refresh_token") if not self.about["rotates"] else None
        tokens = {
            "access_token": f"{self._prefix}{secrets.token_urlsafe(32)}",
            "refresh_token": (keep or f"r-{secrets.token_urlsafe(32)}") if refresh else None,
            "expires_ms": now_ms() + int(float(self.about["access_ttl_s"]) * 1000),
            "ttl_s": self.about["access_ttl_s"],
        }
        return self._documents.put("grant", grant_id, grant | tokens | {"id": grant_id})

    def _prove(self, proof: Proof) -> None:
        client = self.client(proof.client_id)
        secret = None if client is None else client.get("client_secret")
        if client is None or secret != proof.client_secret:
            raise OAuthRefusal("invalid_client", 401)


def challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
