"""Reads the lists or channels of one integration, for those who link them.

Running it again changes nothing. What was found is kept at once, so that a reading which a budget cuts short
still brings something; only a whole one removes what has gone. Whatever keeps it from being whole is a
sentence at the integration, which people see beside what they choose from.
"""

from collections.abc import Mapping, Sequence

from oblivion_contracts.jobs import PlacesRead
from oblivion_contracts.jobs import ReadPlaces as Command
from oblivion_platform.errors import OblivionFailure, PermanentFailure
from oblivion_router_worker.domain.places import Place
from oblivion_router_worker.ports.places import PlaceSource, PlaceStore

MOST_PLACES = 10_000
"""Of one integration: nobody scrolls further, and a workspace gone wild must not fill our tables."""
_UNFORESEEN = "something unexpected happened, and the router-worker's log says what"


class TooManyPlaces(PermanentFailure):
    """The rest is left out."""

    def __init__(self) -> None:
        super().__init__(
            "too_many_places",
            f"there are more than {MOST_PLACES:,}; link one of the rest with `oblivion mappings link`",
        )


class ReadPlaces:
    """`sources` by the integration's own."""

    def __init__(self, store: PlaceStore, sources: Mapping[str, PlaceSource]) -> None:
        self._store = store
        self._sources = sources

    async def __call__(self, command: Command) -> PlacesRead:
        """Raises: DependencyUnavailable: Postgres is away; nothing is noted."""
        begun = await self._store.begin(command.tenant_id, command.integration_id)
        if begun is None:
            return PlacesRead(found=0, problem_code="integration_gone")
        integration, begun_at = begun
        found = 0

        async def keep(places: Sequence[Place]) -> None:
            nonlocal found
            taken = places[: MOST_PLACES - found]
            found += len(taken)
            await self._store.keep(integration, taken)
            if len(taken) < len(places):
                raise TooManyPlaces

        source = self._sources[integration.source]
        try:
            await source.read(integration, keep)
        except OblivionFailure as failure:
            await self._note(command, f"Not all {source.what} could be read: {failure.message}.")
            return PlacesRead(found=found, problem_code=failure.code)
        await self._store.finish(integration, begun_at)
        return PlacesRead(found=found)

    async def note_stumble(self, command: Command) -> None:
        """Something happened that nobody foresaw.

        Raises:
            DependencyUnavailable: Postgres is away; nothing is noted.
        """
        await self._note(command, f"Not everything could be read: {_UNFORESEEN}.")

    async def _note(self, command: Command, problem: str) -> None:
        await self._store.note_problem(command.tenant_id, command.integration_id, problem)
