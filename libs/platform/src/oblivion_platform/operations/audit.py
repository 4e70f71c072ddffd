"""Every change that a person makes leaves a line, in the transaction of the change."""

import getpass
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4, uuid5

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_INSERT = text("""
    INSERT INTO audit_log (id, tenant_id, actor, action, subject, detail)
    VALUES (:id, :tenant_id, :actor, :action, :subject, CAST(:detail AS jsonb))
""")
_INSERT_ONCE = text(f"{_INSERT.text} ON CONFLICT DO NOTHING")


@dataclass(frozen=True)
class Actor:
    """Who acts, as the audit log names them."""

    name: str

    @classmethod
    def on_this_machine(cls) -> "Actor":
        try:
            return cls(f"cli:{getpass.getuser()}")
        except (KeyError, OSError):  # A container's user may have no name.
            return cls("cli")


async def note(
    tx: AsyncConnection, tenant_id: UUID, actor: Actor, action: str, subject: object, **detail: Any
) -> None:
    """Add a line; `detail` holds no secret and no body."""
    await tx.execute(_INSERT, _row(uuid4(), tenant_id, actor, action, subject, detail))


async def note_hourly(
    tx: AsyncConnection, tenant_id: UUID, actor: Actor, action: str, subject: object, **detail: Any
) -> None:
    """Add a line for what is no change and happens again and again: the same one once an hour.

    A line's id is made of what it says, so that whoever comes second writes nothing.
    """
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0).isoformat()
    row = _row(uuid4(), tenant_id, actor, action, subject, {**detail, "hour": hour})
    said = json.dumps([actor.name, action, row["subject"], row["detail"]])
    await tx.execute(_INSERT_ONCE, {**row, "id": uuid5(tenant_id, said)})


def _row(
    line_id: UUID, tenant_id: UUID, actor: Actor, action: str, subject: object, detail: dict[str, Any]
) -> dict[str, Any]:
    return {
        "id": line_id,
        "tenant_id": tenant_id,
        "actor": actor.name,
        "action": action,
        "subject": str(subject),
        "detail": json.dumps(detail, default=str),
    }
