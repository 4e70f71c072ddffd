"""`idempotency_keys`: answers that repeated requests get again, for a day.

They are sealed under the tenant's data key, since one may hold a secret that is shown only once.
"""

from uuid import UUID, uuid5

from sqlalchemy import text

from oblivion_gateway.usecases.requests import Answer, Call, KeptAnswer
from oblivion_platform.ciphers import tenant_cipher
from oblivion_platform.crypto import MasterKeyRing
from oblivion_platform.database.engine import Tx

_PLACES = UUID("0b2f1c8e-8f0e-5a4b-9d8e-2f6f0c4b7a11")
"""Names the rows, which have no id of their own, to the cipher."""


class PostgresAnswers:
    """Implements `usecases.requests.Answers`."""

    def __init__(self, master_keys: MasterKeyRing) -> None:
        self._master_keys = master_keys

    async def claim(self, tx: Tx, call: Call) -> KeptAnswer | None:
        values = {**_key(call), "hash": call.request_hash}
        await tx.execute(_PURGE)
        if (await tx.execute(_CLAIM, values)).rowcount == 1:
            return None
        row = (await tx.execute(_READ, _key(call))).one()
        cipher = await tenant_cipher(tx, call.caller.tenant_id, self._master_keys)
        body = cipher.open(row.body, table="idempotency_keys", row_id=_place(call), column="body")
        return KeptAnswer(row.request_hash, Answer(row.status, body))

    async def keep(self, tx: Tx, call: Call, answer: Answer) -> None:
        cipher = await tenant_cipher(tx, call.caller.tenant_id, self._master_keys)
        sealed = cipher.seal(answer.body, table="idempotency_keys", row_id=_place(call), column="body")
        await tx.execute(_KEEP, {**_key(call), "status": answer.status, "body": sealed})


def _key(call: Call) -> dict[str, object]:
    return {"tenant": call.caller.tenant_id, "principal": call.caller.subject, "key": call.key}


def _place(call: Call) -> UUID:
    return uuid5(_PLACES, f"{call.caller.subject}\n{call.key}")


_PURGE = text("DELETE FROM idempotency_keys WHERE created_at < now() - interval '24 hours'")
_CLAIM = text("""
    INSERT INTO idempotency_keys (tenant_id, principal, key, request_hash)
    VALUES (:tenant, :principal, :key, :hash) ON CONFLICT DO NOTHING
""")
_READ = text("""
    SELECT request_hash, status, body FROM idempotency_keys
    WHERE tenant_id = :tenant AND principal = :principal AND key = :key
""")
_KEEP = text("""
    UPDATE idempotency_keys SET status = :status, body = :body
    WHERE tenant_id = :tenant AND principal = :principal AND key = :key
""")
