"""`/api/events` and `/api/dead-letters`."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response

from oblivion_contracts.administration import (
    DeadLetterChoice,
    DeadLetterDetail,
    DeadLetterDiscard,
    DeadLetterPage,
    DeadLetterReport,
    DeadLettersChosen,
    EventBody,
    EventDetail,
    EventPage,
    EventReplayed,
)
from oblivion_gateway.routes.dependencies import Once, Read, ServicesNeeded
from oblivion_gateway.routes.pages import LIMIT, Cursor, Limit
from oblivion_gateway.routes.problems import ALWAYS, problems
from oblivion_platform.operations.events import EventFilter

router = APIRouter(prefix="/api", responses=problems(*ALWAYS))
EventState = Literal["received", "done", "ignored", "dead", "discarded"]
Cause = Annotated[str | None, Query(pattern=r"^[A-Za-z0-9_:.-]{1,100}$", description="Only of this cause.")]


@router.get("/events", tags=["events"])
async def list_events(
    read: Read,
    services: ServicesNeeded,
    state: EventState | None = None,
    without: Annotated[EventState | None, Query(description="All but those in this state.")] = None,
    source: Literal["slack", "clickup"] | None = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT,
) -> EventPage:
    """What came in, newest first."""
    wanted = EventFilter(state=state, without=without, source=source, limit=limit)
    return await read(lambda unit: services.events.listing(unit, cursor, wanted))


@router.get("/events/{event_id}", tags=["events"], responses=problems(404))
async def show_event(event_id: UUID, read: Read, services: ServicesNeeded) -> EventDetail:
    """What became of one event; never its body."""
    return await read(lambda unit: services.events.show(unit, event_id))


@router.get("/events/{event_id}/body", tags=["events"], responses=problems(404))
async def read_event_body(event_id: UUID, read: Read, services: ServicesNeeded) -> EventBody:
    """What came in, with secrets masked. The audit log notes who read it."""
    return await read(lambda unit: services.events.body(unit, event_id))


@router.post(
    "/events/{event_id}/replay",
    tags=["events"],
    status_code=202,
    response_model=EventReplayed,
    responses=problems(404),
)
async def replay_event(event_id: UUID, once: Once, services: ServicesNeeded) -> Response:
    """Have it handled again; what it did already is not done twice."""
    return await once(lambda unit: services.events.replay(unit, event_id), status=202)


@router.get("/dead-letters", tags=["dead letters"])
async def list_dead_letters(
    read: Read,
    services: ServicesNeeded,
    cause: Cause = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT,
) -> DeadLetterPage:
    """What was given up, newest first."""
    return await read(lambda unit: services.events.dead(unit, cursor, limit, cause))


@router.get("/dead-letters/report", tags=["dead letters"])
async def report_dead_letters(read: Read, services: ServicesNeeded) -> DeadLetterReport:
    """How many, by cause."""
    return await read(services.events.report)


@router.get("/dead-letters/{letter_id}", tags=["dead letters"], responses=problems(404))
async def show_dead_letter(letter_id: UUID, read: Read, services: ServicesNeeded) -> DeadLetterDetail:
    """One of them, with the history of its failures."""
    return await read(lambda unit: services.events.show_dead(unit, letter_id))


@router.post(
    "/dead-letters/retry", tags=["dead letters"], response_model=DeadLettersChosen, responses=problems(404)
)
async def retry_dead_letters(choice: DeadLetterChoice, once: Once, services: ServicesNeeded) -> Response:
    """Try them again."""
    return await once(lambda unit: services.events.retry(unit, choice))


@router.post(
    "/dead-letters/discard",
    tags=["dead letters"],
    response_model=DeadLettersChosen,
    responses=problems(404),
)
async def discard_dead_letters(choice: DeadLetterDiscard, once: Once, services: ServicesNeeded) -> Response:
    """Give them up for good; the audit log keeps the reason."""
    return await once(lambda unit: services.events.discard(unit, choice))
