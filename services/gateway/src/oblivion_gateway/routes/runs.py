"""`/api/runs`, `/api/approvals` and `/api/jobs`; a run's id is also the id of its job."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import StreamingResponse

from oblivion_contracts.administration import ApprovalPage, Cancel, RouteLabel, RunEvents, RunLabel, RunPage
from oblivion_contracts.runs import Approval, ApprovalAnswer, JobStatus, RunState, RunView
from oblivion_gateway.routes.dependencies import AllowedCaller, Once, Read, ServicesNeeded
from oblivion_gateway.routes.pages import LIMIT, Cursor, Limit
from oblivion_gateway.routes.problems import ALWAYS, problems
from oblivion_gateway.routes.streams import as_stream
from oblivion_platform.operations.runs import RunFilter

router = APIRouter(prefix="/api", responses=problems(*ALWAYS))
Sequence = Annotated[int, Query(ge=0, le=2**62, description="Only what came after this sequence.")]
LastEventId = Annotated[
    str | None,
    Header(alias="Last-Event-ID", pattern=r"^[0-9]{1,18}$", description="Goes on after this sequence."),
]
_STREAM = {
    200: {
        "description": "One event a step: `id` is its sequence, `event` its kind, `data` a RunEvent as JSON. "
        "A comment every 15 s while nothing happens. The stream ends when the run does.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}


@router.get("/runs", tags=["runs"])
async def list_runs(
    read: Read,
    services: ServicesNeeded,
    state: RunState | None = None,
    agent_id: UUID | None = None,
    session_id: UUID | None = None,
    workflow_id: UUID | None = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT,
) -> RunPage:
    """Runs, newest first; yours, or for admins everybody's."""
    return await read(
        lambda unit: services.runs.listing(
            unit,
            cursor,
            RunFilter(
                state=state,
                agent_id=agent_id,
                session_id=session_id,
                workflow_id=workflow_id,
                limit=limit,
            ),
        )
    )


@router.get("/runs/{run_id}", tags=["runs"], responses=problems(404))
async def show_run(run_id: UUID, read: Read, services: ServicesNeeded) -> RunView:
    """One run."""
    return await read(lambda unit: services.runs.show(unit, run_id))


@router.get("/runs/{run_id}/events", tags=["runs"], responses=problems(404))
async def list_run_events(
    run_id: UUID, read: Read, services: ServicesNeeded, after: Sequence = 0
) -> RunEvents:
    """Its steps, oldest first, at most 500."""
    return await read(lambda unit: services.runs.events(unit, run_id, after))


@router.post("/runs/{run_id}/cancel", tags=["runs"], response_model=RunView, responses=problems(404, 409))
async def cancel_run(run_id: UUID, wish: Cancel, once: Once, services: ServicesNeeded) -> Response:
    """End it at once; what its agent still sends is refused."""
    return await once(lambda unit: services.runs.cancel(unit, run_id, wish))


@router.post(
    "/runs/{run_id}/retry",
    tags=["runs"],
    status_code=202,
    response_model=RunView,
    responses=problems(404, 409),
)
async def retry_run(run_id: UUID, once: Once, services: ServicesNeeded) -> Response:
    """Do the work of a run that is over once more, as a new run."""
    return await once(lambda unit: services.runs.retry(unit, run_id), status=202)


@router.post(
    "/runs/{run_id}/label",
    tags=["runs"],
    status_code=201,
    response_model=RouteLabel,
    responses=problems(404),
)
async def label_run(run_id: UUID, label: RunLabel, once: Once, services: ServicesNeeded) -> Response:
    """Say what you think of the answer, or of who gave it."""
    return await once(lambda unit: services.runs.label(unit, run_id, label), status=201)


@router.get("/approvals", tags=["approvals"])
async def list_approvals(read: Read, services: ServicesNeeded, limit: Limit = LIMIT) -> ApprovalPage:
    """Questions that runs wait for, oldest first."""
    return await read(lambda unit: services.runs.pending(unit, limit))


@router.post(
    "/approvals/{approval_id}", tags=["approvals"], response_model=Approval, responses=problems(404, 409)
)
async def answer_approval(
    approval_id: UUID, answer: ApprovalAnswer, once: Once, services: ServicesNeeded
) -> Response:
    """Approve or deny; the first answer counts."""
    return await once(lambda unit: services.runs.answer(unit, approval_id, answer))


@router.get("/jobs/{run_id}/status", tags=["jobs"], responses=problems(404))
async def show_job_status(run_id: UUID, read: Read, services: ServicesNeeded) -> JobStatus:
    """For polling every 2 s where a stream cannot be had."""
    return await read(lambda unit: services.runs.status(unit, run_id))


@router.get(
    "/jobs/{run_id}/progress",
    tags=["jobs"],
    response_class=StreamingResponse,
    responses={**problems(404), **_STREAM},
)
async def stream_job_progress(
    run_id: UUID,
    caller: AllowedCaller,
    services: ServicesNeeded,
    after: Sequence = 0,
    last_event_id: LastEventId = None,
) -> Response:
    """A run's steps as they happen (Server-Sent Events), from any replica; goes on where it broke off."""
    begin = int(last_event_id) if last_event_id is not None else after
    stream = await services.streams.open(caller, run_id, begin)
    return as_stream(stream)
