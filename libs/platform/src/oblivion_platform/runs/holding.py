"""Steps of the agent that holds a run. All are refused under another fence, or once the run is over."""

import json
from collections.abc import Mapping
from typing import Any, LiteralString
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from oblivion_contracts.runs import TOKENS_MAX, USD_MAX, RunEventKind, RunFailure, RunState, Usage
from oblivion_platform.database.statements import Asked, fetch, first, scalar
from oblivion_platform.runs.records import Change, Holder
from oblivion_platform.runs.statements import BY_HOLDER, refuse, step, take

_NO_USAGE = Usage()


async def acknowledge(tx: Asked, run_id: UUID, fence: int, *, lease_s: float) -> Change | None:
    """`assigned → running`; None when it was acknowledged before.

    Raises:
        RunUnknown, RunOver, FencedOff
    """
    data = {"state": RunState.RUNNING.value}
    values = {"run": run_id, "fence": fence, "lease_s": lease_s}
    change = await take(tx, _ACKNOWLEDGE, RunEventKind.STATE, data, values)
    if change is None and not (await renew(tx, {run_id: fence}, lease_s=lease_s)):
        await refuse(tx, run_id, fence)
    return change


async def renew(tx: Asked, fences: Mapping[UUID, int], *, lease_s: float) -> set[UUID]:
    """Extend the leases of many runs at once; returns those that are still their holder's."""
    values = {"runs": list(fences), "fences": list(fences.values()), "lease_s": lease_s}
    return {row.id for row in await fetch(tx, _RENEW, values)}


async def resume(
    tx: AsyncConnection, run_id: UUID, fence: int, holder: Holder, *, lease_s: float
) -> Change | None:
    """Give a run back to its last holder, which has a new socket; None when somebody else has or had it."""
    data = {"state": RunState.RUNNING.value, "reason": "resumed"}
    values = {
        "run": run_id,
        "fence": fence,
        "holder": holder.socket,
        "gateway": holder.gateway,
        "lease_s": lease_s,
    }
    moved = await first(tx, _MOVE, values)
    if moved is not None:
        return Change(run_id, moved.last_seq, fence=fence, data=data, agent_id=moved.agent_id)
    return await take(tx, _RESUME, RunEventKind.STATE, data, values)


async def progress(
    tx: Asked, run_id: UUID, fence: int, *, percent: int | None, words: str, usage: Usage | None
) -> Change:
    """Store progress; a lower percentage than before counts as the one before.

    Raises:
        RunUnknown, RunOver, FencedOff
    """
    data = {"percent": percent, "text": words}
    values = {"percent": percent, "words": words, **_usage_values(usage)}
    return await _held(tx, _PROGRESS, RunEventKind.PROGRESS, data, run_id, fence, values)


async def say(tx: Asked, run_id: UUID, fence: int, words: str) -> Change:
    """Store what the agent wants to say before its answer.

    Raises:
        RunUnknown, RunOver, FencedOff
    """
    return await _held(tx, _NOTE_HELD, RunEventKind.MESSAGE, {"text": words}, run_id, fence)


async def delegated(tx: Asked, run_id: UUID, fence: int, data: Mapping[str, Any]) -> Change:
    """Write down that the holder handed work on: {run_id, agent, prompt}.

    Raises:
        RunUnknown, RunOver, FencedOff
    """
    return await _held(tx, _NOTE_HELD, RunEventKind.DELEGATION, data, run_id, fence)


async def checkpoint(tx: Asked, run_id: UUID, fence: int, data: bytes) -> None:
    """Replace the run's checkpoint; no step.

    Raises:
        RunUnknown, RunOver, FencedOff
    """
    values = {"run": run_id, "fence": fence, "checkpoint": data}
    if await first(tx, _CHECKPOINT, values) is None:
        await refuse(tx, run_id, fence)


async def complete(
    tx: AsyncConnection, run_id: UUID, fence: int, answer: str, usage: Usage | None
) -> Change | None:
    """The final answer; None when this holder's answer is stored already.

    Raises:
        RunUnknown, FencedOff
        RunOver: it ended in another way.
    """
    values = {"answer": answer, **_usage_values(usage)}
    data = {"state": RunState.SUCCEEDED.value}
    return await _end(tx, _COMPLETE, data, run_id, fence, values)


async def fail(
    tx: AsyncConnection, run_id: UUID, fence: int, failure: RunFailure, usage: Usage | None
) -> Change | None:
    """The final failure; None when this holder's end is stored already.

    Raises:
        RunUnknown, FencedOff
        RunOver: it ended in another way.
    """
    values = {"failure": failure.model_dump_json(), **_usage_values(usage)}
    data = {"state": RunState.FAILED.value, "failure": failure.model_dump()}
    return await _end(tx, _FAIL, data, run_id, fence, values)


async def hand_back(tx: Asked, run_id: UUID, fence: int) -> Change | None:
    """A draining holder lets go of the run, which is no lost lease; None when it is not its any more."""
    data = {"state": RunState.ROUTED.value, "reason": "handed_back"}
    return await take(tx, _HAND_BACK, RunEventKind.STATE, data, {"run": run_id, "fence": fence})


async def _held(
    tx: Asked,
    statement: LiteralString,
    kind: RunEventKind,
    data: Mapping[str, Any],
    run_id: UUID,
    fence: int,
    values: Mapping[str, Any] | None = None,
) -> Change:
    change = await take(tx, statement, kind, data, {"run": run_id, "fence": fence, **(values or {})})
    if change is None:
        await refuse(tx, run_id, fence)
        raise AssertionError("refuse always raises")
    return change


async def _end(
    tx: AsyncConnection,
    statement: LiteralString,
    data: Mapping[str, Any],
    run_id: UUID,
    fence: int,
    values: Mapping[str, Any],
) -> Change | None:
    own = {"run": run_id, "fence": fence, **values}
    change = await take(tx, statement, RunEventKind.STATE, data, own)
    if change is None:
        ended = await scalar(tx, _ENDED_SO, {"run": run_id, "fence": fence, "state": data["state"]})
        if not ended:
            await refuse(tx, run_id, fence)
    return change


def _usage_values(usage: Usage | None) -> dict[str, Any]:
    """Usage is reported bit by bit, and added up."""
    used = usage or _NO_USAGE
    return {
        "model": used.model,
        "input_tokens": used.input_tokens,
        "output_tokens": used.output_tokens,
        "cost_usd": used.cost_usd,
        "tokens_max": TOKENS_MAX,
        "usd_max": USD_MAX,
        "usage_patch": json.dumps({"model": used.model} if used.model else {}),
    }


_ADD_USAGE = """usage = usage || CAST(%(usage_patch)s AS jsonb) || jsonb_build_object(
        'input_tokens', least(CAST(%(tokens_max)s AS bigint),
            coalesce((usage ->> 'input_tokens')::bigint, 0) + CAST(%(input_tokens)s AS bigint)),
        'output_tokens', least(CAST(%(tokens_max)s AS bigint),
            coalesce((usage ->> 'output_tokens')::bigint, 0) + CAST(%(output_tokens)s AS bigint))),
    cost_usd = least(CAST(%(usd_max)s AS double precision),
        cost_usd + CAST(%(cost_usd)s AS double precision))"""
_RENEWED = """lease_until = clock_timestamp() + make_interval(secs => %(lease_s)s),
    wake_at = clock_timestamp() + make_interval(secs => %(lease_s)s)"""

_ACKNOWLEDGE = step(
    f"""state = 'running', acknowledged_at = clock_timestamp(),
    started_at = coalesce(started_at, clock_timestamp()), {_RENEWED}""",
    f"{BY_HOLDER} AND state = 'assigned'",
)
_RENEW = f"""
    UPDATE runs SET {_RENEWED}
    FROM unnest(CAST(%(runs)s AS uuid[]), CAST(%(fences)s AS integer[])) AS held (id, fence)
    WHERE runs.id = held.id AND runs.fence = held.fence
      AND runs.state IN ('assigned', 'running', 'waiting') AND runs.holder IS NOT NULL
    RETURNING runs.id
"""  # noqa: S608 - constants of this module
_MOVE = f"""
    UPDATE runs SET holder = %(holder)s, gateway = %(gateway)s, {_RENEWED} WHERE {BY_HOLDER}
    RETURNING last_seq, agent_id
"""  # noqa: S608 - constants of this module
_RESUME = step(
    f"""state = 'running', waiting_for = NULL, holder = %(holder)s, gateway = %(gateway)s,
    acknowledged_at = clock_timestamp(), started_at = coalesce(started_at, clock_timestamp()), {_RENEWED}""",
    """id = %(run)s AND fence = %(fence)s AND holder IS NULL
    AND (state = 'routed' OR state = 'waiting' AND waiting_for = 'agent')""",
)
_PROGRESS = step(
    f"""percent = greatest(percent, CAST(%(percent)s AS smallint)),
    progress = coalesce(nullif(%(words)s, ''), progress), {_ADD_USAGE}""",
    BY_HOLDER,
)
_NOTE_HELD = step("presented_seq = presented_seq", BY_HOLDER)
_CHECKPOINT = f"UPDATE runs SET checkpoint = %(checkpoint)s WHERE {BY_HOLDER} RETURNING id"  # noqa: S608
_ENDING = f"""waiting_for = NULL, lease_until = NULL, checkpoint = NULL, finished_at = clock_timestamp(),
    started_at = coalesce(started_at, assigned_at), {_ADD_USAGE}"""
_COMPLETE = step(f"state = 'succeeded', result = %(answer)s, percent = 100, {_ENDING}", BY_HOLDER)
_FAIL = step(f"state = 'failed', failure = CAST(%(failure)s AS jsonb), {_ENDING}", BY_HOLDER)
_ENDED_SO = "SELECT true FROM runs WHERE id = %(run)s AND fence = %(fence)s AND state = %(state)s"
_HAND_BACK = step(
    """state = 'routed', waiting_for = NULL, holder = NULL, gateway = NULL, lease_until = NULL,
    acknowledged_at = NULL, wake_at = clock_timestamp()""",
    BY_HOLDER,
)
