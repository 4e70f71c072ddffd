"""Every change that a person makes leaves a line, in the transaction of the change."""

import getpass
import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_INSERT = text("""
    INSERT INTO audit_log (id, tenant_id, actor, action, subject, detail)
    VALUES (:id, :tenant_id, :actor, :action, :subject, CAST(:detail AS jsonb))
""")


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
    row = {
        "id": uuid4(),
        "tenant_id": tenant_id,
        "actor": actor.name,
        "action": action,
        "subject": str(subject),
        "detail": json.dumps(detail, default=str),
    }
    await tx.execute(_INSERT, row)
