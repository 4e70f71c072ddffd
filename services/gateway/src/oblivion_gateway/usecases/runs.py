"""Runs and approvals over REST. Admins see every run of the tenant, others their own."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from oblivion_contracts.administration import ApprovalPage, Cancel, RouteLabel, RunEvents, RunLabel, RunPage
from oblivion_contracts.runs import Approval, ApprovalAnswer, JobStatus, RunView
from oblivion_gateway.domain.callers import Caller
from oblivion_gateway.domain.cursors import decode_moment, next_cursor
from oblivion_gateway.errors import Conflict
from oblivion_gateway.ports import Aftermath
from oblivion_gateway.usecases.requests import Unit
from oblivion_platform import agents, runs
from oblivion_platform.operations.runs import RunFilter, label_run, list_runs, show_runs
from oblivion_platform.runs import ApprovalUnknown, Run, RunJob, RunUnknown

EVENTS_MAX = 500


class FollowRuns:
    """Looks at runs, and steers them."""

    def __init__(self, aftermath: Aftermath, trace_url: str = "") -> None:
        self._aftermath = aftermath
        self._trace_url = trace_url

    async def listing(self, unit: Unit, cursor: str | None, wanted: RunFilter) -> RunPage:
        """Those that are wanted, as far as they are the caller's own; admins see everybody's."""
        own = None if unit.caller.is_admin else unit.caller.id
        found = await list_runs(unit.tx, replace(wanted, user_id=own, before=decode_moment(cursor)))
        return RunPage(
            items=found,
            next_cursor=next_cursor(found, wanted.limit, lambda run: (run.created_at.isoformat(), run.id)),
        )

    async def show(self, unit: Unit, run_id: UUID) -> RunView:
        run = await visible_run(unit, run_id)
        return await self._view(unit, run)

    async def status(self, unit: Unit, run_id: UUID) -> JobStatus:
        run = await visible_run(unit, run_id)
        return JobStatus(
            id=run.id,
            state=run.state,
            percent=run.percent,
            progress=run.progress,
            result=run.result,
            failure=run.failure,
            last_sequence=run.last_seq,
        )

    async def events(self, unit: Unit, run_id: UUID, after: int) -> RunEvents:
        run = await visible_run(unit, run_id)
        found = list(await runs.events_since(unit.tx, run_id, after, limit=EVENTS_MAX))
        reached = found[-1].sequence if found else after
        return RunEvents(items=found, is_final=run.state.is_final and reached >= run.last_seq)

    async def cancel(self, unit: Unit, run_id: UUID, wish: Cancel) -> RunView:
        """Raises: RunUnknown; Conflict: it is over already."""
        run = await visible_run(unit, run_id)
        ending = await runs.stop(unit.tx, run, unit.caller.name, stopper=unit.caller.id)
        if ending is None:
            raise Conflict("run_over", f"The run has already {run.state}; nothing is left to cancel.")
        await unit.note("run.cancelled", run_id, reason=wish.reason)
        for stopped in ending.stopped:
            self._stopped(unit, stopped)
        return await self._view(unit, await visible_run(unit, run_id))

    async def retry(self, unit: Unit, run_id: UUID) -> RunView:
        """The same work once more, as a new run.

        Raises:
            RunUnknown; Conflict: it is not over yet.
        """
        run = await visible_run(unit, run_id)
        change = await runs.retry(unit.tx, run, unit.caller.name)
        if change is None:
            raise Conflict("run_not_over", "The run is not over yet. Cancel it first.")
        await unit.note("run.retried", run_id, new_run_id=change.run_id)
        tenant_id, again = unit.caller.tenant_id, replace(RunJob.of(run), run_id=change.run_id)
        unit.after_commit += [
            lambda: self._aftermath.run_changed(tenant_id, change),
            lambda: self._aftermath.bring_forward(tenant_id, again),
        ]
        return await self._view(unit, await visible_run(unit, change.run_id))

    async def label(self, unit: Unit, run_id: UUID, label: RunLabel) -> RouteLabel:
        """Raises: RunUnknown, AgentNotFound."""
        run = await visible_run(unit, run_id)
        meant = None if label.agent is None else (await agents.find_agent(unit.tx, label.agent)).id
        return await label_run(
            unit.tx,
            unit.caller.tenant_id,
            run.id,
            label,
            agent_id=meant,
            user_id=unit.caller.id,
            labelled_by=unit.caller.subject,
        )

    async def pending(self, unit: Unit, limit: int) -> ApprovalPage:
        """Of runs that the caller may see, or that are at work in a public channel."""
        found = await runs.pending_approvals(unit.tx, seen_by=_eyes(unit.caller), limit=limit)
        return ApprovalPage(items=[_approval(one) for one in found])

    async def answer(self, unit: Unit, approval_id: UUID, wish: ApprovalAnswer) -> Approval:
        """Raises: ApprovalUnknown; Conflict: somebody was quicker, and decided otherwise."""
        caller = unit.caller
        if not await runs.may_see_approval(unit.tx, approval_id, seen_by=_eyes(caller)):
            raise ApprovalUnknown
        answered, change = await runs.answer(
            unit.tx,
            approval_id,
            approved=wish.approved,
            user_id=caller.id,
            name=caller.name,
            comment=wish.comment,
        )
        if change is None and (answered.state == "approved") != wish.approved:
            raise Conflict("already_answered", f"It was {answered.state} by {answered.answered_by_name}.")
        run = await runs.read(unit.tx, answered.run_id)
        if change is not None and run is not None:
            await unit.note("approval.answered", approval_id, approved=wish.approved)
            unit.after_commit += [
                lambda: self._aftermath.run_changed(caller.tenant_id, change),
                lambda: self._aftermath.tell_holder(run, "approval.answered"),
            ]
        return _approval(answered)

    def _stopped(self, unit: Unit, stopped: runs.Stopped) -> None:
        tenant_id, run = unit.caller.tenant_id, stopped.run
        unit.after_commit += [
            lambda: self._aftermath.run_changed(tenant_id, stopped.change),
            lambda: self._aftermath.tell_holder(run, "task.cancelled"),
            lambda: self._aftermath.bring_forward(tenant_id, RunJob.of(run)),
        ]

    async def _view(self, unit: Unit, run: Run) -> RunView:
        (shown,) = await show_runs(unit.tx, [run])
        more: dict[str, Any] = {}
        if run.agent_id is not None:
            more["expected_s"] = await runs.expected_s(unit.tx, run.agent_id)
        if self._trace_url and shown.trace_id is not None:
            more["trace_url"] = self._trace_url.replace("{trace_id}", shown.trace_id)
        return shown.model_copy(update=more)


def _eyes(caller: Caller) -> UUID | None:
    """For whom approvals are looked at; None: for an admin, who sees all."""
    return None if caller.is_admin else caller.id


async def visible_run(unit: Unit, run_id: UUID) -> Run:
    """The run, if the caller may see it.

    Raises:
        RunUnknown
    """
    run = await runs.read(unit.tx, run_id)
    if run is None or not (unit.caller.is_admin or run.user_id == unit.caller.id):
        raise RunUnknown
    return run


def _approval(found: runs.Approval) -> Approval:
    return Approval(
        id=found.id,
        run_id=found.run_id,
        question=found.question,
        detail=found.detail,
        state=found.state,  # pyright: ignore[reportArgumentType] - the column's check says so
        asked_at=found.asked_at,
        answered_at=found.answered_at,
        answered_by=found.answered_by_name or None,
        comment=found.comment,
    )
