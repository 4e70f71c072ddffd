"""Creates a run and shows at once that it is there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from oblivion_contracts.runs import RunSource
from oblivion_platform import runs
from oblivion_platform.runs import NewRun, RunJob
from oblivion_platform.sessions import SessionRow
from oblivion_router_worker.domain.actions import SEEN
from oblivion_router_worker.domain.asking import is_direct
from oblivion_router_worker.domain.run_place import RunPlace
from oblivion_router_worker.domain.run_view import Working, render_stream_start, render_working
from oblivion_router_worker.ports.running import Person
from oblivion_router_worker.usecases.turn import Turn


@dataclass(frozen=True, slots=True)
class Work:
    """What is asked, by whom, and where the answer goes."""

    session: SessionRow
    person: Person | None
    prompt: str = field(repr=False)
    place: RunPlace
    context: Mapping[str, Any] = field(default_factory=dict[str, Any])
    wanted_agent: str | None = None
    source: RunSource = RunSource.SLACK
    requested_by: str = ""
    likely_agent: UUID | None = None
    """Whose times say how long it will take."""
    begins_thread: bool = False
    """Nobody else has work in its thread, or could have before the commit."""


async def start_run(turn: Turn, work: Work, *, is_behind: bool = False) -> UUID | None:
    """None: the event led to a run before."""
    new = NewRun(
        session_id=work.session.id,
        source=work.source,
        thread=work.session.queue,
        prompt=work.prompt,
        user_id=work.person.user_id if work.person else None,
        requested_by=work.person.name if work.person else work.requested_by,
        wanted_agent=work.wanted_agent,
        context=work.context,
        place=work.place.to_json(),
        event_id=turn.event.id,
        traceparent=turn.traceparent,
    )
    if await runs.create(turn.decision.tx, turn.event.tenant_id, new) is None:
        return None
    line = "waits for the one before it" if is_behind else None
    working = Working(new.id, line=line, expected_s=await _expected_s(turn, work))
    await turn.showing.begin(
        work.place,
        new.id,
        render_working(working),
        render_stream_start(working),
        _stream_to(turn, work.place),
    )
    await turn.showing.signs(work.place, new.id, SEEN, None, "processing", work.session.title)
    waiting = turn.aftermath.begun if work.begins_thread else turn.aftermath.forward
    waiting.append(RunJob.of(new))
    return new.id


async def _expected_s(turn: Turn, work: Work) -> float | None:
    return await runs.expected_s(turn.decision.tx, work.likely_agent) if work.likely_agent else None


def _stream_to(turn: Turn, place: RunPlace) -> Mapping[str, str] | None:
    """For whom the run's message is a stream: others see of one in a channel only how it began."""
    where = turn.event.slack_streaming or turn.streaming
    if place.asker is None or where == "off" or (where == "direct" and not is_direct(place.channel)):
        return None
    return {"recipient_user_id": place.asker, "recipient_team_id": turn.event.integration.external_id}
