"""Signed-in browsers, and one-time links that sign one in.

A cookie is `{tenant}.{random}`; the database holds a hash of it. A link's code looks the same and is hashed
under another label, so that it is no cookie; redeeming it replaces it by the cookie's hash, in one statement,
so that it works once.

A cookie in use is renewed each hour: the next one is offered, and is valid beside the one before until it is
seen for the first time, so that an answer which is lost signs nobody out. From then on the one before is good
for a minute, for requests that were under way; a copy of it that somebody took is worth nothing any more.

Only the gateway offers, and only it takes. The MCP hub lets an offered cookie in like any other, and its role
may not write what opens a session; so the one before stays good until the page asks the gateway next, as it
does when somebody looks at it again and, but for the views of the hub's own things, every few seconds.
"""

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_platform.people.records import Role

SESSION_TTL_S = 14 * 24 * 3600
LINK_TTL_S = 10 * 60
RENEW_AFTER_S = 3_600
OVERLAP_S = 60
"""How long a cookie is good once the next one was seen, and an offer waits before another is made."""


@dataclass(frozen=True)
class BrowserUser:
    """Whose browser it is."""

    session_id: UUID
    user_id: UUID
    name: str
    role: Role
    is_operator: bool
    is_offered: bool = False
    """By a cookie that was seen for the first time: `take_cookie` it."""


@dataclass(frozen=True)
class RenewedCookie:
    """What the browser is to keep instead; the session ends when it would have."""

    cookie: str = field(repr=False)
    ends_in_s: int


def tenant_of(cookie: str) -> UUID | None:
    """The tenant that a cookie or a code names; None when it can be neither."""
    tenant, _, random = cookie.partition(".")
    try:
        return UUID(hex=tenant) if random and len(cookie) <= 128 else None
    except ValueError:
        return None


async def open_session(tx: AsyncConnection, tenant_id: UUID, user_id: UUID) -> str:
    """Sign a browser in; returns its cookie."""
    return await _insert(tx, tenant_id, user_id, "cookie", SESSION_TTL_S)


async def issue_link(tx: AsyncConnection, tenant_id: UUID, user_id: UUID) -> str:
    """A code that signs one browser in, once, within LINK_TTL_S."""
    return await _insert(tx, tenant_id, user_id, "link", LINK_TTL_S)


async def link_user(tx: AsyncConnection, code: str) -> BrowserUser | None:
    """Whom a code would sign in, which does not use it up; None when nobody any more."""
    row = (await tx.execute(_FIND, {"hash": _hash("link", code)})).one_or_none()
    return None if row is None else _browser_user(row)


async def redeem_link(tx: AsyncConnection, tenant_id: UUID, code: str) -> str | None:
    """The cookie for a code; None when the code is used up, over or invented."""
    cookie = _new(tenant_id)
    values = {"code": _hash("link", code), "cookie": _hash("cookie", cookie), "ttl_s": SESSION_TTL_S}
    redeemed = (await tx.execute(_REDEEM, values)).rowcount == 1
    return cookie if redeemed else None


async def session_user(tx: AsyncConnection, cookie: str) -> BrowserUser | None:
    """Whose browser that is; None when the session is over, its user disabled or its tenant suspended."""
    row = (await tx.execute(_FIND, {"hash": _hash("cookie", cookie)})).one_or_none()
    if row is None:
        return None
    if row.is_visit_unnoted:
        await tx.execute(_SEEN, {"id": row.id})
    return _browser_user(row)


async def browser_user(tx: AsyncConnection, session_id: UUID) -> BrowserUser | None:
    """The same for a session whose cookie was seen before; it is no visit."""
    row = (await tx.execute(_FIND_BY_ID, {"id": session_id})).one_or_none()
    return None if row is None else _browser_user(row)


async def renew_cookie(tx: AsyncConnection, tenant_id: UUID, cookie: str) -> RenewedCookie | None:
    """The next cookie of a live session; None while this one is young, or the next one is on its way."""
    offered = _new(tenant_id)
    values = {
        "hash": _hash("cookie", cookie),
        "next": _hash("cookie", offered),
        "after_s": RENEW_AFTER_S,
        "overlap_s": OVERLAP_S,
    }
    ends_in_s = (await tx.execute(_OFFER, values)).scalar_one_or_none()
    return None if ends_in_s is None else RenewedCookie(offered, int(ends_in_s))


async def take_cookie(tx: AsyncConnection, cookie: str) -> None:
    """The offered cookie has been seen: the one before ends."""
    await tx.execute(_TAKE, {"hash": _hash("cookie", cookie), "overlap_s": OVERLAP_S})


async def revoke_session(tx: AsyncConnection, cookie: str) -> None:
    await tx.execute(_REVOKE, {"hash": _hash("cookie", cookie)})


async def revoke_sessions_of(tx: AsyncConnection, user_id: UUID) -> None:
    """Sign all of somebody's browsers out."""
    await tx.execute(_REVOKE_ALL, {"user": user_id})


def _browser_user(row: Row[Any]) -> BrowserUser:
    return BrowserUser(row.id, row.user_id, row.name, row.role, row.is_operator, row.is_offered)


def _new(tenant_id: UUID) -> str:
    return f"{tenant_id.hex}.{secrets.token_urlsafe(32)}"


def _hash(label: str, value: str) -> bytes:
    return hashlib.sha256(f"{label}:{value}".encode()).digest()


async def _insert(tx: AsyncConnection, tenant_id: UUID, user_id: UUID, label: str, ttl_s: int) -> str:
    value = _new(tenant_id)
    values = {
        "id": uuid4(),
        "tenant": tenant_id,
        "user": user_id,
        "hash": _hash(label, value),
        "ttl_s": ttl_s,
    }
    await tx.execute(_INSERT, values)
    return value


_INSERT = text("""
    INSERT INTO web_sessions (id, tenant_id, user_id, secret_hash, expires_at)
    VALUES (:id, :tenant, :user, :hash, now() + make_interval(secs => :ttl_s))
""")
_REDEEM = text("""
    UPDATE web_sessions SET secret_hash = :cookie, expires_at = now() + make_interval(secs => :ttl_s)
    WHERE secret_hash = :code AND revoked_at IS NULL AND expires_at > now()
""")
_LIVE = """
    SELECT s.id, s.user_id, u.name, u.role, u.is_operator,
        s.last_seen_at < now() - interval '1 minute' AS is_visit_unnoted,
        {is_offered} AS is_offered
    FROM web_sessions s JOIN users u ON u.id = s.user_id
        JOIN tenants t ON t.id = s.tenant_id AND t.state = 'active'
    WHERE s.revoked_at IS NULL AND s.expires_at > now() AND u.state = 'active'
"""
_BY_COOKIE = """
    (secret_hash = :hash OR next_hash = :hash OR (previous_hash = :hash AND previous_until > now()))
"""
_FIND = text(f"{_LIVE} AND {_BY_COOKIE}".format(is_offered="s.next_hash IS NOT DISTINCT FROM :hash"))
_FIND_BY_ID = text(f"{_LIVE} AND s.id = :id".format(is_offered="false"))
_OFFER = text("""
    UPDATE web_sessions SET next_hash = :next, offered_at = now()
    WHERE secret_hash = :hash AND revoked_at IS NULL AND expires_at > now()
        AND renewed_at < now() - make_interval(secs => :after_s)
        AND coalesce(offered_at < now() - make_interval(secs => :overlap_s), true)
    RETURNING ceil(extract(epoch FROM expires_at - now()))
""")
_TAKE = text("""
    UPDATE web_sessions SET secret_hash = next_hash, next_hash = NULL, renewed_at = now(),
        previous_hash = secret_hash, previous_until = now() + make_interval(secs => :overlap_s)
    WHERE next_hash = :hash
""")
_SEEN = text("UPDATE web_sessions SET last_seen_at = now() WHERE id = :id")
_REVOKE = text(
    f"UPDATE web_sessions SET revoked_at = now() WHERE {_BY_COOKIE} AND revoked_at IS NULL"  # noqa: S608 - a constant
)
_REVOKE_ALL = text("UPDATE web_sessions SET revoked_at = now() WHERE user_id = :user AND revoked_at IS NULL")
