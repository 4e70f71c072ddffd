"""Signed-in browsers, and one-time links that sign one in.

A cookie is `{tenant}.{random}`; the database holds a hash of it. A link's code looks the same and is hashed
under another label, so that it is no cookie; redeeming it replaces it by the cookie's hash, in one statement,
so that it works once.
"""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_platform.people.records import Role

SESSION_TTL_S = 14 * 24 * 3600
LINK_TTL_S = 10 * 60


@dataclass(frozen=True)
class BrowserUser:
    """Whose browser it is."""

    session_id: UUID
    user_id: UUID
    name: str
    role: Role
    is_operator: bool


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


async def revoke_session(tx: AsyncConnection, cookie: str) -> None:
    await tx.execute(_REVOKE, {"hash": _hash("cookie", cookie)})


async def revoke_sessions_of(tx: AsyncConnection, user_id: UUID) -> None:
    """Sign all of somebody's browsers out."""
    await tx.execute(_REVOKE_ALL, {"user": user_id})


def _browser_user(row: Row[Any]) -> BrowserUser:
    return BrowserUser(row.id, row.user_id, row.name, row.role, row.is_operator)


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
        s.last_seen_at < now() - interval '1 minute' AS is_visit_unnoted
    FROM web_sessions s JOIN users u ON u.id = s.user_id
        JOIN tenants t ON t.id = s.tenant_id AND t.state = 'active'
    WHERE s.revoked_at IS NULL AND s.expires_at > now() AND u.state = 'active'
"""
_FIND = text(f"{_LIVE} AND s.secret_hash = :hash")
_FIND_BY_ID = text(f"{_LIVE} AND s.id = :id")
_SEEN = text("UPDATE web_sessions SET last_seen_at = now() WHERE id = :id")
_REVOKE = text("UPDATE web_sessions SET revoked_at = now() WHERE secret_hash = :hash AND revoked_at IS NULL")
_REVOKE_ALL = text("UPDATE web_sessions SET revoked_at = now() WHERE user_id = :user AND revoked_at IS NULL")
