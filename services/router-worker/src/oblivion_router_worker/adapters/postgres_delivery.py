"""`outbox` for the sender: claims, and what follows from each try."""

import json
import time
from collections.abc import Sequence
from typing import Any, LiteralString
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_platform.database.engine import Database
from oblivion_platform.database.statements import execute, fetch
from oblivion_router_worker.adapters.sendings import AS_SENDING, sending_of
from oblivion_router_worker.domain.effects import (
    Body,
    CreateComment,
    DeleteComment,
    DeleteReply,
    Effect,
    PostReply,
    PostTask,
)
from oblivion_router_worker.domain.retry import PARENT_MISSING, Dead, Failed, Postponed, Sent, Settlement
from oblivion_router_worker.domain.run_effects import RunAnswer, RunComment, RunPost
from oblivion_router_worker.ports.delivery import DueDestination, Sending

MOST_DUE = 1_000


class PostgresDelivery:
    """Implements `ports.delivery.DeliveryQueue`.

    `lookup_s` is added to the lease of an effect that has to be looked up before it is sent.
    """

    def __init__(self, database: Database, *, lease_s: float, lookup_s: float = 0.0) -> None:
        self._database = database
        self._lease_s = lease_s
        self._lookup_s = lookup_s

    async def claim(self, tenant_id: UUID, destination: str) -> Sending | None:
        leases = {"lease_s": self._lease_s, "lookup_s": self._lookup_s}
        values = {"tenant": tenant_id, "destination": destination} | leases
        while True:
            # Before the statement: what it and the commit take is taken off the lease.
            begun = time.monotonic()
            rows = await self._database.once(tenant_id, _CLAIM, values)
            if not rows:
                return None
            row = rows[0]
            try:
                return sending_of(row, begun + self._lease_s + (self._lookup_s if row.unanswered else 0.0))
            except ValueError as error:
                unreadable = Dead("payload_unknown", str(error))
                async with self._database.tenant(tenant_id) as tx:
                    await _record(tx, row.id, row.attempts, unreadable, {})

    async def settle(self, sending: Sending, settlement: Settlement, *, claim_next: bool) -> Sending | None:
        effect = sending.effect
        if isinstance(settlement, Sent) and not (sending.has_problem or sending.was_refused):
            (noted,) = await self._database.once(effect.tenant_id, *_sent(sending, settlement))
            may_go_on = noted.has_next
        else:
            async with self._database.tenant(effect.tenant_id) as tx:
                may_go_on = await _note(tx, sending, settlement)
        return await self.claim(effect.tenant_id, effect.destination) if claim_next and may_go_on else None

    async def due(self) -> Sequence[DueDestination]:
        async with self._database.relay() as tx:
            rows = await tx.execute(_DUE, {"most": MOST_DUE})
            return [DueDestination(row.tenant_id, row.destination, float(row.overdue_s)) for row in rows]


async def _note(tx: AsyncConnection, sending: Sending, settlement: Settlement) -> bool:
    """Returns whether there may be more to send: what stands behind an effect that waits, waits with it."""
    effect = sending.effect
    held = {"id": effect.id, "attempt": sending.attempt}
    match settlement:
        case Sent():
            return await _note_sent(tx, sending, settlement)
        case Postponed(delay_s=delay_s):
            await execute(tx, _POSTPONE, held | {"delay_s": delay_s})
        case Failed(delay_s=delay_s, unanswered=unanswered):
            failure = _failure(settlement)
            await execute(
                tx, _FAIL, held | {"delay_s": delay_s, "unanswered": unanswered, "failure": failure}
            )
        case Dead():
            await _record(tx, effect.id, sending.attempt, settlement, _target(sending))
            if settlement != PARENT_MISSING:  # The parent's own end says what is wrong.
                problem = {"task": effect.task_mapping_id, "problem": _failure(settlement)}
                await tx.execute(_NOTE_PROBLEM, problem)
            if settlement.is_credential_refused:
                await _note_health(tx, effect, "token_refused", settlement.message)
    return isinstance(settlement, Dead)


async def _note_sent(tx: AsyncConnection, sending: Sending, sent: Sent) -> bool:
    effect = sending.effect
    (noted,) = await fetch(tx, *_sent(sending, sent))
    if sending.has_problem and sent.made_id is not None:
        link = {"task": effect.task_mapping_id, "clickup": isinstance(effect.body, CreateComment)}
        await tx.execute(_CLEAR_PROBLEM, link)
    if sending.was_refused:
        await _note_health(tx, effect, "ok", "")
    return noted.has_next


def _sent(sending: Sending, sent: Sent) -> tuple[LiteralString, dict[str, Any]]:
    """The statement that notes what was sent and made, and its values."""
    effect = sending.effect
    result = {"made": sent.made_id, "skipped": sent.skipped, "found": sent.was_found or None}
    known = json.dumps({name: value for name, value in result.items() if value is not None})
    values: dict[str, Any] = {
        "id": effect.id,
        "tenant": effect.tenant_id,
        "destination": effect.destination,
        "attempt": sending.attempt,
        "result": known,
    }
    match effect.body:
        case PostTask() if sent.made_id is not None:
            return _SENT_TASK, values | {"target": effect.task_mapping_id, "made": sent.made_id}
        case PostReply() | CreateComment() if sent.made_id is not None:
            return _SENT_COPY, values | {"target": effect.mirror_event_id, "made": sent.made_id}
        case body if effect.run_id is not None and (kept := _kept(body, sent)):
            return _SENT_FOR_RUN, values | {"target": effect.run_id, "kept": json.dumps(kept)}
        case _:
            return _SENT, values


def _kept(body: Body, sent: Sent) -> dict[str, Any]:
    """What the run's place remembers of it."""
    kept = dict(sent.keep)
    if isinstance(body, RunPost | RunAnswer | RunComment) and body.keep_as and sent.made_id is not None:
        kept[body.keep_as] = sent.made_id
    return kept


async def _note_health(tx: AsyncConnection, effect: Effect, status: str, detail: str) -> None:
    health = {"integration": effect.integration_id, "status": status, "detail": detail}
    await tx.execute(_NOTE_HEALTH, health)


async def _record(
    tx: AsyncConnection, effect_id: UUID, attempt: int, dead: Dead, target: dict[str, str]
) -> None:
    held = {"id": effect_id, "attempt": attempt, "failure": _failure(dead), "target": json.dumps(target)}
    await execute(tx, _DIE, held | {"unanswered": dead.unanswered, "delay_s": dead.delay_s})


def _target(sending: Sending) -> dict[str, str]:
    """Of a deletion: what it could not delete, so that its retry deletes nothing that came later."""
    is_deletion = isinstance(sending.effect.body, DeleteReply | DeleteComment)
    return {"copy_id": sending.copy_id} if is_deletion and sending.copy_id else {}


def _failure(settlement: Failed | Dead) -> str:
    return json.dumps({"code": settlement.code, "message": settlement.message})


# The first of the destination, if its time has come. A `sending` one whose lease has ended was sent by
# somebody who did not live to hear the answer. The first is found by a scalar subquery, so that no plan
# ever looks for it once per waiting row.
_CLAIM = f"""
    WITH leased AS (
        UPDATE outbox o SET
            state = 'sending', attempts = o.attempts + 1, unanswered = o.unanswered OR o.state = 'sending',
            lease_until = clock_timestamp() + make_interval(secs => %(lease_s)s
                + CASE WHEN o.unanswered OR o.state = 'sending' THEN %(lookup_s)s ELSE 0 END)
        WHERE o.id = (
            SELECT id FROM outbox
            WHERE tenant_id = %(tenant)s AND destination = %(destination)s AND state IN ('pending', 'sending')
            ORDER BY seq LIMIT 1
        ) AND (
            (o.state = 'pending' AND o.next_attempt_at <= clock_timestamp())
            OR (o.state = 'sending' AND o.lease_until < clock_timestamp())
        )
        RETURNING o.*
    )
    {AS_SENDING}
"""  # noqa: S608 - constants of this package
_HELD = "id = %(id)s AND state = 'sending' AND attempts = %(attempt)s"
_DONE = f"""UPDATE outbox SET state = 'sent', result = CAST(%(result)s AS jsonb), sent_at = clock_timestamp(),
        lease_until = NULL, unanswered = false WHERE {_HELD}"""  # noqa: S608 - constants of this module
# Most often there is none, and asking here is cheaper than a claim that finds nothing.
_HAS_NEXT = """SELECT EXISTS (SELECT FROM outbox WHERE tenant_id = %(tenant)s
        AND destination = %(destination)s AND state IN ('pending', 'sending') AND id <> %(id)s) AS has_next"""
_SENT = f"WITH done AS ({_DONE}) {_HAS_NEXT}"
# What was made is noted even when the lease had ended meanwhile: it is there.
_SENT_TASK = f"""
    WITH done AS ({_DONE}),
    noted AS (UPDATE task_mappings SET slack_ts = %(made)s, updated_at = now() WHERE id = %(target)s)
    {_HAS_NEXT}
"""  # noqa: S608 - constants of this module
_SENT_COPY = f"""
    WITH done AS ({_DONE}),
    noted AS (UPDATE mirror_events SET copy_id = %(made)s, updated_at = now() WHERE id = %(target)s)
    {_HAS_NEXT}
"""  # noqa: S608 - constants of this module
_SENT_FOR_RUN = f"""
    WITH done AS ({_DONE}),
    noted AS (UPDATE runs SET place = place || CAST(%(kept)s AS jsonb)
              WHERE id = %(target)s)
    {_HAS_NEXT}
"""  # noqa: S608 - constants of this module
_POSTPONE = f"""
    UPDATE outbox SET state = 'pending', attempts = attempts - 1, lease_until = NULL,
        next_attempt_at = clock_timestamp() + make_interval(secs => %(delay_s)s)
    WHERE {_HELD}
"""  # noqa: S608 - constants of this module
_ADD_FAILURE = """failures = failures || (CAST(%(failure)s AS jsonb)
        || jsonb_build_object('at', clock_timestamp(), 'attempt', attempts))"""
_FAIL = f"""
    UPDATE outbox SET state = 'pending', lease_until = NULL, unanswered = unanswered OR %(unanswered)s,
        next_attempt_at = clock_timestamp() + make_interval(secs => %(delay_s)s), {_ADD_FAILURE}
    WHERE {_HELD}
"""  # noqa: S608 - constants of this module
_DIE = f"""
    UPDATE outbox SET state = 'dead', lease_until = NULL, unanswered = unanswered OR %(unanswered)s,
        next_attempt_at = clock_timestamp() + make_interval(secs => %(delay_s)s),
        payload = payload || CAST(%(target)s AS jsonb), {_ADD_FAILURE}
    WHERE {_HELD}
"""  # noqa: S608 - constants of this module
_ITS_LINK = "id = (SELECT project_mapping_id FROM task_mappings WHERE id = :task)"
_NOTE_PROBLEM = text(f"""
    UPDATE project_mappings
    SET problem = CAST(:problem AS jsonb) || jsonb_build_object('at', clock_timestamp())
    WHERE {_ITS_LINK}
""")  # noqa: S608 - constants of this module
# A message that was posted proves the channel right, a comment ClickUp; neither proves the other.
_CLEAR_PROBLEM = text(f"""
    UPDATE project_mappings SET problem = NULL
    WHERE {_ITS_LINK} AND (problem ->> 'code' LIKE 'clickup%') = :clickup
""")  # noqa: S608 - constants of this module
_NOTE_HEALTH = text("""
    UPDATE integrations SET updated_at = now(), health = health || jsonb_build_object(
        'status', CAST(:status AS text), 'detail', CAST(:detail AS text), 'checked_at', clock_timestamp())
    WHERE id = :integration
""")
# In no order, so that destinations whose first effect has to wait do not keep others out.
_DUE = text("""
    SELECT tenant_id, destination, extract(epoch FROM clock_timestamp() - min(next_attempt_at)) AS overdue_s
    FROM outbox
    WHERE (state = 'pending' AND next_attempt_at <= clock_timestamp())
       OR (state = 'sending' AND lease_until < clock_timestamp())
    GROUP BY tenant_id, destination ORDER BY random() LIMIT :most
""")
