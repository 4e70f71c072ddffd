"""Questions that a run waits for a person to answer; rows, so that they outlive every process."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_contracts.runs import RunEventKind
from oblivion_platform.database.statements import fetch, first, scalar
from oblivion_platform.errors import PermanentFailure
from oblivion_platform.runs.records import Approval, Change
from oblivion_platform.runs.statements import BY_HOLDER, refuse, step, take


class ApprovalUnknown(PermanentFailure):
    """The tenant has no such approval."""

    http_status = 404

    def __init__(self) -> None:
        super().__init__("approval_unknown", "there is no such question")


async def ask(
    tx: AsyncConnection, run_id: UUID, fence: int, key: str, question: str, detail: str
) -> tuple[Approval, Change | None]:
    """Ask, or find the same question (`key`) asked before; the run waits unless it is answered.

    Raises:
        RunUnknown, RunOver, FencedOff
    """
    waits_for = await first(tx, _WAITS_FOR, {"run": run_id, "fence": fence})
    if waits_for is None:
        await refuse(tx, run_id, fence)
    values = {"id": uuid4(), "run": run_id, "key": key, "question": question, "detail": detail}
    asked = await first(tx, _ASK, values)
    approval = _approval(asked or (await fetch(tx, _ASKED_BEFORE, {"run": run_id, "key": key}))[0])
    is_waiting = waits_for is not None and waits_for.waiting_for == "approval"
    if approval.is_answered or (asked is None and is_waiting):
        return approval, None
    data = {
        "state": "pending",
        "approval_id": str(approval.id),
        "question": approval.question,
        "detail": approval.detail,
        "again": asked is None,
    }
    return approval, await take(tx, _WAIT, RunEventKind.APPROVAL, data, {"run": run_id, "fence": fence})


async def answer(
    tx: AsyncConnection, approval_id: UUID, *, approved: bool, user_id: UUID | None, name: str, comment: str
) -> tuple[Approval, Change | None]:
    """A person's answer; no change when it was answered before: the first one counts.

    Raises:
        ApprovalUnknown: none of this tenant.
    """
    state = "approved" if approved else "denied"
    values = {"id": approval_id, "state": state, "user": user_id, "name": name, "comment": comment}
    answered = await first(tx, _ANSWER, values)
    if answered is None:
        known = await first(tx, _READ, {"id": approval_id})
        if known is None:
            raise ApprovalUnknown
        return _approval(known), None
    approval = _approval(answered)
    data = {"state": state, "approval_id": str(approval_id), "by": name, "comment": comment}
    values = {"run": approval.run_id, "asked_at": approval.asked_at}
    return approval, await take(tx, _GO_ON, RunEventKind.APPROVAL, data, values)


async def has_open_question(tx: AsyncConnection, run_id: UUID) -> bool:
    return bool(await scalar(tx, _IS_OPEN, {"run": run_id}))


async def pending_approvals(
    tx: AsyncConnection, *, seen_by: UUID | None, limit: int = 50
) -> Sequence[Approval]:
    """Questions of live runs that nobody has answered, oldest first.

    `seen_by`: those of this user's runs, and of runs in public channels, with what they handed on. None: all.
    """
    rows = await fetch(tx, _PENDING, {"user": seen_by, "limit": limit})
    return [_approval(row) for row in rows]


async def may_see_approval(tx: AsyncConnection, approval_id: UUID, *, seen_by: UUID | None) -> bool:
    """Whether there is such a question, and `seen_by` may know of it, as for `pending_approvals`."""
    values = {"id": approval_id, "user": seen_by}
    return await scalar(tx, _MAY_SEE, values) is not None


def _approval(row: Any) -> Approval:
    return Approval(**row._asdict())


_COLUMNS = "id, run_id, key, question, detail, state, asked_at, answered_at, answered_by_name, comment"
_WAITS_FOR = f"SELECT waiting_for FROM runs WHERE {BY_HOLDER} FOR UPDATE"  # noqa: S608
_ASK = f"""
    INSERT INTO approvals (id, tenant_id, run_id, key, question, detail)
    SELECT %(id)s, tenant_id, id, %(key)s, %(question)s, %(detail)s FROM runs WHERE id = %(run)s
    ON CONFLICT (tenant_id, run_id, key) DO NOTHING
    RETURNING {_COLUMNS}
"""  # noqa: S608 - constants of this module
_ASKED_BEFORE = f"SELECT {_COLUMNS} FROM approvals WHERE run_id = %(run)s AND key = %(key)s"  # noqa: S608
_ANSWER = f"""
    UPDATE approvals SET state = %(state)s, answered_at = clock_timestamp(), answered_by = %(user)s,
        answered_by_name = %(name)s, comment = %(comment)s
    WHERE id = %(id)s AND state = 'pending' RETURNING {_COLUMNS}
"""  # noqa: S608 - constants of this module
_READ = f"SELECT {_COLUMNS} FROM approvals WHERE id = %(id)s"  # noqa: S608
_VISIBLE = """(CAST(%(user)s AS uuid) IS NULL OR EXISTS (
        WITH RECURSIVE up AS (
            SELECT id, parent_run_id, user_id, place FROM runs WHERE runs.id = approvals.run_id
            UNION ALL
            SELECT p.id, p.parent_run_id, p.user_id, p.place FROM runs p JOIN up ON p.id = up.parent_run_id
        )
        SELECT FROM up WHERE up.user_id = %(user)s OR up.place @> '{"is_public": true}'))"""
_PENDING = f"""
    SELECT {_COLUMNS} FROM approvals WHERE state = 'pending' AND EXISTS (
        SELECT FROM runs WHERE runs.id = run_id AND runs.state NOT IN ('succeeded', 'failed', 'cancelled'))
      AND {_VISIBLE}
    ORDER BY asked_at LIMIT %(limit)s
"""  # noqa: S608 - constants of this module
_MAY_SEE = f"SELECT 1 FROM approvals WHERE id = %(id)s AND {_VISIBLE}"  # noqa: S608
_WAIT = step("state = 'waiting', waiting_for = 'approval'", BY_HOLDER)
_OTHERS_WAIT = """EXISTS (SELECT FROM approvals WHERE run_id = runs.id AND approvals.state = 'pending')"""
_IS_OPEN = "SELECT EXISTS (SELECT FROM approvals WHERE run_id = %(run)s AND state = 'pending')"
# The time that people take does not count against the agent's.
_GO_ON = step(
    f"""state = CASE WHEN waiting_for = 'approval' AND NOT {_OTHERS_WAIT} THEN 'running' ELSE state END,
    waiting_for = CASE WHEN waiting_for = 'approval' AND NOT {_OTHERS_WAIT} THEN NULL ELSE waiting_for END,
    deadline_at = CASE WHEN {_OTHERS_WAIT} THEN deadline_at
        ELSE deadline_at + (clock_timestamp() - CAST(%(asked_at)s AS timestamptz)) END""",
    "id = %(run)s AND state IN ('routed', 'assigned', 'running', 'waiting')",
)
