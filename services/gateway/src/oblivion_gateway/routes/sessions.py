"""`/api/sessions` and `/api/history`."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from oblivion_contracts.administration import SessionChange, SessionMessages, SessionPage
from oblivion_contracts.sessions import (
    HistoryAnswer,
    HistorySearch,
    MessageAccepted,
    NewMessage,
    NewSession,
    SessionSnapshot,
)
from oblivion_gateway.routes.dependencies import AllowedCaller, Edit, Once, Read, ServicesNeeded
from oblivion_gateway.routes.pages import LIMIT, Cursor, Limit
from oblivion_gateway.routes.problems import ALWAYS, problems

router = APIRouter(prefix="/api", responses=problems(*ALWAYS))
After = Annotated[int, Query(ge=0, le=2**62, description="Only messages after this sequence.")]


@router.get("/sessions", tags=["sessions"])
async def list_sessions(
    read: Read, services: ServicesNeeded, cursor: Cursor = None, limit: Limit = LIMIT
) -> SessionPage:
    """Sessions, the newest change first; yours, or for admins everybody's."""
    return await read(lambda unit: services.sessions.listing(unit, cursor, limit))


@router.post(
    "/sessions",
    tags=["sessions"],
    status_code=201,
    response_model=SessionSnapshot,
    responses=problems(404),
)
async def create_session(new: NewSession, once: Once, services: ServicesNeeded) -> Response:
    """Begin a conversation."""
    return await once(lambda unit: services.sessions.begin(unit, new), status=201)


@router.get("/sessions/{session_id}", tags=["sessions"], responses=problems(404))
async def show_session(session_id: UUID, caller: AllowedCaller, services: ServicesNeeded) -> SessionSnapshot:
    """A session with its last hundred messages."""
    return await services.sessions.show(caller, session_id)


@router.patch(
    "/sessions/{session_id}", tags=["sessions"], response_model=SessionSnapshot, responses=problems(404)
)
async def change_session(
    session_id: UUID, wish: SessionChange, edit: Edit, services: ServicesNeeded
) -> Response:
    """Title, preferences, and whether Slack sees what is said elsewhere."""
    return await edit(lambda unit: services.sessions.change(unit, session_id, wish))


@router.get("/sessions/{session_id}/messages", tags=["sessions"], responses=problems(404))
async def list_session_messages(
    session_id: UUID, caller: AllowedCaller, services: ServicesNeeded, after: After = 0
) -> SessionMessages:
    """Its last hundred messages, oldest first."""
    return await services.sessions.messages(caller, session_id, after)


@router.post(
    "/sessions/{session_id}/messages",
    tags=["sessions"],
    status_code=202,
    response_model=MessageAccepted,
    responses=problems(404),
)
async def say(session_id: UUID, new: NewMessage, once: Once, services: ServicesNeeded) -> Response:
    """Say something; it becomes a run. Follow it at `/api/jobs/{run_id}/progress`."""
    return await once(lambda unit: services.sessions.say(unit, session_id, new), status=202)


@router.post("/history/search", tags=["history"], responses=problems(404))
async def search_history(
    search: HistorySearch, caller: AllowedCaller, services: ServicesNeeded
) -> HistoryAnswer:
    """Earlier runs that are about the same; 404 where no index is set up."""
    return HistoryAnswer(hits=list(await services.history.for_caller(caller, search)))
