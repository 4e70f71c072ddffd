"""Tokens: signed by the tenant's key, verified against issuer, audience, tenant and time.

The algorithm is pinned, so neither `none` nor a public key used as an HMAC secret passes; the key is found by
`kid` in our own set alone, and names the tenant that the token must name too.
Sources: RFC 7519, RFC 8725 (best current practices).
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from joserfc import jws, jwt
from joserfc.errors import JoseError

from oblivion_platform.tokens.errors import TokenRefused
from oblivion_platform.tokens.keyring import TokenKeys
from oblivion_platform.tokens.keys import ALGORITHM

API_AUDIENCE = "oblivion"
HUB_AUDIENCE = "mcp-hub"
TOKEN_TTL_S = 15 * 60
LEEWAY_S = 30
"""How far the clocks of our own processes may be apart."""
TOKEN_LENGTH_MAX = 4_096


@dataclass(frozen=True)
class IssuedToken:
    """A signed token and for how long it is good."""

    token: str = field(repr=False)
    expires_in_s: int


@dataclass(frozen=True)
class Claims:
    """What a verified token says."""

    tenant_id: UUID
    subject: str
    role: str
    token_id: str
    expires_at_unix_s: int
    all: Mapping[str, Any] = field(repr=False)


class Tokens:
    """Issues and verifies."""

    def __init__(self, keys: TokenKeys, issuer: str, now_unix_s: Callable[[], float] = time.time) -> None:
        self._keys = keys
        self._issuer = issuer
        self._now_unix_s = now_unix_s

    async def issue(
        self,
        tenant_id: UUID,
        subject: str,
        role: str,
        *,
        audience: str = API_AUDIENCE,
        ttl_s: int = TOKEN_TTL_S,
        **more: str | int,
    ) -> IssuedToken:
        """A token that lets `subject` act in its role; `more` becomes claims of its own.

        Raises:
            DependencyUnavailable: the signing key is not in memory, and Postgres is away.
        """
        signing = await self._keys.signing(tenant_id)
        now = int(self._now_unix_s())
        claims = {
            "iss": self._issuer,
            "aud": audience,
            "sub": subject,
            "tenant": str(tenant_id),
            "role": role,
            "jti": str(uuid4()),
            "iat": now,
            "exp": now + ttl_s,
            **more,
        }
        return IssuedToken(jwt.encode({"alg": ALGORITHM, "kid": str(signing.id)}, claims, signing.key), ttl_s)

    async def verify(self, token: str, *, audience: str = API_AUDIENCE) -> Claims:
        """What the token says, once everything about it is proved.

        Raises:
            TokenRefused: for whatever reason; it does not say which.
            DependencyUnavailable: it could not be told.
        """
        known = await self._keys.verifying(_key_id(token))
        if known is None:
            raise TokenRefused
        try:
            decoded = jwt.decode(token, known.key, algorithms=[ALGORITHM])
            self._expected(audience).validate(decoded.claims)
            claims = _claims(decoded.claims)
        except (JoseError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
            raise TokenRefused from None
        if claims.tenant_id != known.tenant_id:
            raise TokenRefused
        return claims

    def _expected(self, audience: str) -> jwt.JWTClaimsRegistry:
        return jwt.JWTClaimsRegistry(
            now=int(self._now_unix_s()),
            leeway=LEEWAY_S,
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": audience},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            jti={"essential": True},
        )


def _key_id(token: str) -> UUID:
    if len(token) > TOKEN_LENGTH_MAX:
        raise TokenRefused
    try:
        header = jws.extract_compact(token.encode()).headers()
        return UUID(header["kid"])
    except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise TokenRefused from None


def _claims(claims: Mapping[str, Any]) -> Claims:
    subject, role, tenant = claims["sub"], claims["role"], claims["tenant"]
    texts = (subject, role, tenant)
    if not all(isinstance(part, str) for part in texts) or not isinstance(claims["exp"], int):
        raise TokenRefused
    return Claims(
        tenant_id=UUID(tenant),
        subject=subject,
        role=role,
        token_id=str(claims["jti"]),
        expires_at_unix_s=claims["exp"],
        all=claims,
    )
