"""Lists and channels to link: what is known at once, and a new reading behind it.

Only the router-worker holds the tokens of Slack and ClickUp, so it reads and this shows. Nobody waits for a
reading: it is asked for by a job, whose id is the integration's, so that wishes within a moment are one.
"""

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from oblivion_contracts.places import PlaceKind, PlacePage, PlaceView
from oblivion_gateway.domain.callers import Caller
from oblivion_gateway.domain.cursors import decode_thing, next_cursor
from oblivion_gateway.ports import PlaceReadings
from oblivion_gateway.usecases.requests import Requests, Unit
from oblivion_platform.errors import DependencyUnavailable
from oblivion_platform.operations.places import PlaceFilter, Reading, list_places, list_readings

FRESH_FOR_S = 60.0
_NOBODY = {
    "list": "No ClickUp workspace is connected. Connect one: oblivion clickup connect.",
    "channel": "No Slack workspace is connected. Connect one: oblivion slack connect.",
}
_UNASKED = (
    "A new reading cannot be asked for, because the queue does not answer; what was found last is shown. "
    "Check Redis, then try again."
)


class FindPlaces:
    """What admins choose from when they link."""

    def __init__(self, requests: Requests, readings: PlaceReadings) -> None:
        self._requests = requests
        self._readings = readings

    async def __call__(
        self, caller: Caller, kind: PlaceKind, search: str, cursor: str | None, limit: int
    ) -> PlacePage:
        """Raises: RequestInvalid: the cursor is none of ours."""
        wanted = PlaceFilter(kind, _typed(kind, search), limit, decode_thing(cursor))
        places, known = await self._requests.read(caller, partial(_found, wanted=wanted))
        is_reading, problem = await self._keep_fresh(caller.tenant_id, known)
        read = [reading.read_at for reading in known if reading.read_at is not None]
        return PlacePage(
            items=places,
            next_cursor=next_cursor(places, limit, lambda one: (one.integration_id, one.external_id)),
            read_at=min(read, default=None),
            is_reading=is_reading,
            problem=problem or _problem(kind, known),
        )

    async def _keep_fresh(self, tenant_id: UUID, known: Sequence[Reading]) -> tuple[bool, str | None]:
        """Ask for what is old by now; tells whether any is being read, and why it could not be asked for."""
        is_reading = False
        try:
            for reading in known:
                if reading.age_s is None or reading.age_s > FRESH_FOR_S:
                    await self._readings.ask(tenant_id, reading.integration_id)
                    is_reading = True
                elif await self._readings.is_under_way(reading.integration_id):
                    is_reading = True
        except DependencyUnavailable:
            return False, _UNASKED
        return is_reading, None


async def _found(unit: Unit, wanted: PlaceFilter) -> tuple[list[PlaceView], Sequence[Reading]]:
    return await list_places(unit.tx, wanted), await list_readings(unit.tx, wanted.kind)


def _typed(kind: PlaceKind, search: str) -> str:
    return search.strip().removeprefix("#") if kind == "channel" else search


def _problem(kind: PlaceKind, known: Sequence[Reading]) -> str | None:
    if not known:
        return _NOBODY[kind]
    return " ".join(reading.problem for reading in known if reading.problem) or None
