"""Sign-ins by OAuth: under way in `oauth_flows`, what came of them at the connection.

A state is told to the browser alone; the row holds its hash. Who comes back with it comes back once.
"""

import hashlib
import json
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_platform.ciphers import tenant_cipher
from oblivion_platform.connections.secrets import Whose
from oblivion_platform.crypto import MasterKeyRing

FLOW_TTL_S = 600
"""How long somebody may take to agree."""
KEPT = "1 day"
_STATE_LENGTH_MAX = 128


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in that waits for the browser."""

    id: UUID
    state: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Returned:
    """The browser is back with the state of this one."""

    id: UUID
    connection_id: UUID
    user_id: UUID
    verifier: str = field(repr=False)
    plan: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class FlowState:
    """How far a sign-in is; `detail` is for people."""

    state: Literal["waiting", "returned", "connected", "failed", "expired"]
    detail: str


def tenant_of_state(state: str) -> UUID | None:
    """The tenant that a state names; None when it can be none of ours."""
    tenant, _, random = state.partition(".")
    try:
        return UUID(hex=tenant) if random and len(state) <= _STATE_LENGTH_MAX else None
    except ValueError:
        return None


async def begin_flow(
    tx: AsyncConnection, whose: Whose, user_id: UUID, verifier: str, plan: dict[str, Any]
) -> Begun:
    """Raises: DecryptionFailed: the tenant's key does not open under our master keys."""
    await tx.execute(_FORGET_OLD)
    flow_id, state = uuid4(), f"{whose.tenant_id.hex}.{secrets.token_urlsafe(32)}"
    cipher = await tenant_cipher(tx, whose.tenant_id, whose.master_keys)
    values = {
        "id": flow_id,
        "tenant": whose.tenant_id,
        "connection": whose.connection_id,
        "user": user_id,
        "state_hash": _hash(state),
        "verifier": cipher.seal(
            verifier.encode(), table="oauth_flows", row_id=flow_id, column="verifier_ciphertext"
        ),
        "plan": json.dumps(plan),
        "ttl": FLOW_TTL_S,
    }
    expires_at = (await tx.execute(_BEGIN, values)).scalar_one()
    return Begun(flow_id, state, expires_at)


async def take_flow(
    tx: AsyncConnection, tenant_id: UUID, state: str, master_keys: MasterKeyRing
) -> Returned | None:
    """The flow of this state, which is used up by it; None when there is none, or it is used or over.

    Raises:
        DecryptionFailed: the tenant's key does not open under our master keys.
    """
    row = (await tx.execute(_WAITING, {"state_hash": _hash(state)})).one_or_none()
    if row is None or row.verifier_ciphertext is None:
        return None
    cipher = await tenant_cipher(tx, tenant_id, master_keys)
    verifier = cipher.open(
        row.verifier_ciphertext, table="oauth_flows", row_id=row.id, column="verifier_ciphertext"
    )
    await tx.execute(_TAKE, {"id": row.id})
    return Returned(row.id, row.connection_id, row.user_id, verifier.decode(), row.plan)


async def end_flow(tx: AsyncConnection, flow_id: UUID, *, connected: bool, detail: str) -> None:
    state = "connected" if connected else "failed"
    await tx.execute(_END, {"id": flow_id, "state": state, "detail": detail[:1_000]})


async def read_flow(tx: AsyncConnection, connection_id: UUID, flow_id: UUID) -> FlowState | None:
    row = (await tx.execute(_READ, {"id": flow_id, "connection": connection_id})).one_or_none()
    return None if row is None else FlowState(row.state, row.detail)


async def note_sign_in(
    tx: AsyncConnection, connection_id: UUID, sign_in: dict[str, Any], *, announce: bool = True
) -> None:
    """Keep what is known of it; `announce`: whoever keeps the connection in memory opens it anew."""
    values = {"id": connection_id, "sign_in": json.dumps(sign_in)}
    await tx.execute(_NOTE_AND_TELL if announce else _NOTE, values)


async def lock_sign_in(tx: AsyncConnection, connection_id: UUID) -> None:
    """Until the transaction ends, nobody else renews the connection's tokens."""
    await tx.execute(_LOCK, {"connection": str(connection_id)})


def _hash(state: str) -> bytes:
    return hashlib.sha256(state.encode()).digest()


_FORGET_OLD = text(f"DELETE FROM oauth_flows WHERE expires_at < now() - interval '{KEPT}'")  # noqa: S608
_BEGIN = text("""
    INSERT INTO oauth_flows (id, tenant_id, connection_id, user_id, state_hash, verifier_ciphertext, plan,
        expires_at)
    VALUES (:id, :tenant, :connection, :user, :state_hash, :verifier, CAST(:plan AS jsonb),
        now() + make_interval(secs => :ttl))
    RETURNING expires_at
""")
_WAITING = text("""
    SELECT id, connection_id, user_id, verifier_ciphertext, plan FROM oauth_flows
    WHERE state_hash = :state_hash AND state = 'waiting' AND expires_at > now() FOR UPDATE
""")
_TAKE = text("UPDATE oauth_flows SET state = 'returned', verifier_ciphertext = NULL WHERE id = :id")
_END = text("UPDATE oauth_flows SET state = :state, detail = :detail WHERE id = :id")
_READ = text("""
    SELECT CASE WHEN state IN ('waiting', 'returned') AND expires_at <= now() THEN 'expired' ELSE state END
        AS state, detail
    FROM oauth_flows WHERE id = :id AND connection_id = :connection
""")
_NOTE = text("UPDATE mcp_connections SET sign_in = CAST(:sign_in AS jsonb) WHERE id = :id")
_NOTE_AND_TELL = text("""
    UPDATE mcp_connections SET sign_in = CAST(:sign_in AS jsonb), updated_at = now() WHERE id = :id
""")
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('sign_in:' || :connection, 0))")
